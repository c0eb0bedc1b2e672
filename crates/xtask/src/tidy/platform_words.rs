//! One marketplace's name stays in that marketplace's own files, so that the next one changes nothing elsewhere.

use super::Violation;
use super::tree::{Tree, is_test_file, product_lines};

/// A marketplace's word in lower case, and where it is at home (beginnings of paths).
const MARKETPLACES: [(&str, &[&str]); 4] = [
    ("shopee", &["crates/connectors/src/shopee", "crates/sandbox/src/shopee", "crates/xtask/src/tidy/"]),
    ("lazada", &["crates/connectors/src/lazada", "crates/sandbox/src/lazada", "crates/xtask/src/tidy/"]),
    // These two are one account: the orders of one come through the other's API, and share its reasons.
    (
        "tiktok",
        &[
            "crates/connectors/src/tiktok_shop",
            "crates/connectors/src/tokopedia",
            "crates/sandbox/src/tiktok_shop",
            "crates/xtask/src/tidy/",
        ],
    ),
    (
        "tokopedia",
        &[
            "crates/connectors/src/tokopedia",
            "crates/connectors/src/tiktok_shop",
            "crates/sandbox/src/tokopedia",
            "crates/sandbox/src/tiktok_shop",
            "crates/xtask/src/tidy/",
        ],
    ),
];

/// Other Rust files that may name one. A line more than listed is a reason to look, not to raise the number.
const ALLOWED: [Allowed; 5] = [
    Allowed { path: "crates/domain/src/platform.rs", lines: 2, why: "the list of platforms and their titles" },
    Allowed {
        path: "crates/connectors/src/lib.rs",
        lines: 7,
        why: "its module, whether it is served, and one arm in each of: open, built-in policy, policy from a file, connecting",
    },
    Allowed { path: "crates/sandbox/src/lib.rs", lines: 2, why: "its module, and the list of marketplaces to start" },
    Allowed { path: "crates/server/src/commands/demo/import.rs", lines: 1, why: "which exports the demo reads" },
    Allowed {
        path: "crates/sandbox/src/marketplace.rs",
        lines: 1,
        why: "the names on the ready line and the control port",
    },
];

struct Allowed {
    path: &'static str,
    /// On how many lines of code at the most.
    lines: usize,
    why: &'static str,
}

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    check_against(tree, &ALLOWED)
}

fn check_against(tree: &Tree, allowed: &[Allowed]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| path.ends_with(".rs") && !is_test_file(path)) {
        for (word, homes) in MARKETPLACES {
            if homes.iter().any(|home| path.starts_with(home)) {
                continue;
            }
            let naming: Vec<usize> =
                product_lines(text).filter(|(_, line)| names(line, word)).map(|(number, _)| number).collect();
            let entry = allowed.iter().find(|entry| entry.path == path);
            let Some(&line) = naming.get(entry.map_or(0, |entry| entry.lines)) else { continue };
            let what = match entry {
                Some(entry) => {
                    format!("names {word} on {} lines, {} are listed for: {}", naming.len(), entry.lines, entry.why)
                }
                None => format!("names {word} outside its own files, on {} lines", naming.len()),
            };
            let fix = "make it policy data or a function of the connector; a mere registration is listed, with its reason, in crates/xtask/src/tidy/platform_words.rs";
            violations.push(Violation::new(path, what, fix).at(line));
        }
    }
    violations
}

/// Whether the line's code names the marketplace; a comment may, to give an example or a source.
fn names(line: &str, word: &str) -> bool {
    let is_comment = line.trim_start().starts_with("//");
    let code = line.split(" // ").next().unwrap_or(line);
    !is_comment && code.to_lowercase().contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(files: &[(&str, &str)]) -> Vec<String> {
        let allowed = [Allowed { path: "a.rs", lines: 1, why: "the list" }];
        let found = check_against(&Tree::sample(files), &allowed);
        found.iter().map(|it| format!("{}:{} {}", it.path, it.line.unwrap_or(0), it.what)).collect()
    }

    #[test]
    fn a_marketplace_is_named_at_home_in_tests_and_in_comments() {
        let text = "use shopee::Push;\n";
        for path in [
            "crates/connectors/src/shopee.rs",
            "crates/connectors/src/shopee/auth.rs",
            "crates/sandbox/src/shopee.rs",
            "crates/engine/tests/cancel.rs",
            "crates/engine/src/cancel/tests.rs",
            "docs/shopee.md",
        ] {
            assert_eq!(violations(&[(path, text)]), Vec::<String>::new(), "{path}");
        }
        let comments =
            "/// As Shopee does.\nlet a = 1; // Shopee\n#[cfg(test)]\nmod tests {\n    // x\n    SHOPEE\n}\n";
        assert_eq!(violations(&[("b.rs", comments)]), Vec::<String>::new());
    }

    #[test]
    fn elsewhere_it_is_refused_in_any_spelling() {
        assert_eq!(
            violations(&[("b.rs", "x\nif platform == Platform::Shopee {}\nlet SHOPEE_DAYS = 15;\n")]),
            ["b.rs:2 names shopee outside its own files, on 2 lines"]
        );
    }

    #[test]
    fn a_listed_file_may_name_it_only_as_often_as_listed() {
        assert_eq!(violations(&[("a.rs", "Shopee,\n")]), Vec::<String>::new());
        assert_eq!(
            violations(&[("a.rs", "Shopee,\nShopee,\n")]),
            ["a.rs:2 names shopee on 2 lines, 1 are listed for: the list"]
        );
    }
}
