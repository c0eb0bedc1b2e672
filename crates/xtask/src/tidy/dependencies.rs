//! `docs/dependencies.md` has one table line for each foreign crate in the root manifest, and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Violation;
use super::tree::Tree;

const DOCUMENT: &str = "docs/dependencies.md";

/// What is read of the root `Cargo.toml`.
#[derive(Deserialize)]
pub(super) struct RootManifest {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    dependencies: BTreeMap<String, toml::Value>,
}

pub(super) fn check(manifest: &RootManifest, tree: &Tree) -> Vec<Violation> {
    let foreign = manifest.workspace.dependencies.iter().filter(|(_, it)| it.get("path").is_none());
    let declared: BTreeSet<&str> = foreign.map(|(name, _)| name.as_str()).collect();
    let rows: Vec<(usize, &str)> = tree
        .text(DOCUMENT)
        .unwrap_or_default()
        .lines()
        .enumerate()
        .filter_map(|(index, line)| Some((index + 1, crate_of_row(line)?)))
        .collect();
    let documented: BTreeSet<&str> = rows.iter().map(|(_, name)| *name).collect();

    let mut violations: Vec<Violation> = declared
        .difference(&documented)
        .map(|name| {
            Violation::new(
                DOCUMENT,
                format!("crate `{name}` is declared in Cargo.toml and has no line here"),
                "add its line: what for, why not our own, licence, users and last release",
            )
        })
        .collect();
    let mut seen = BTreeSet::new();
    for (line, name) in rows {
        if !declared.contains(name) {
            let what = format!("crate `{name}` is not declared in Cargo.toml");
            violations.push(Violation::new(DOCUMENT, what, "delete its line").at(line));
        } else if !seen.insert(name) {
            let what = format!("crate `{name}` has a second line");
            violations.push(Violation::new(DOCUMENT, what, "keep one line").at(line));
        }
    }
    violations
}

/// The crate that a table row is about: rows begin "| `name` |".
fn crate_of_row(line: &str) -> Option<&str> {
    line.strip_prefix("| `")?.split_once("` |").map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_document(document: &str) -> Vec<String> {
        let manifest = "[workspace.dependencies]\ndomain = { path = \"crates/domain\" }\nhex = \"0.4\"\nurl = { version = \"2\" }\n";
        let tree = Tree::sample(&[(DOCUMENT, document)]);
        let violations = check(&toml::from_str(manifest).unwrap(), &tree);
        violations.iter().map(|it| format!("{:?} {}", it.line, it.what)).collect()
    }

    #[test]
    fn one_line_for_each_foreign_crate_passes() {
        let document = "# Title\n\n| Crate | For |\n|---|---|\n| `hex` | x |\n| `url` | x |\n";
        assert_eq!(check_document(document), Vec::<String>::new());
    }

    #[test]
    fn missing_surplus_and_doubled_lines_are_named() {
        assert_eq!(
            check_document("| `hex` | x |\n| `hex` | x |\n| `rand` | x |\n"),
            [
                "None crate `url` is declared in Cargo.toml and has no line here",
                "Some(2) crate `hex` has a second line",
                "Some(3) crate `rand` is not declared in Cargo.toml",
            ]
        );
    }
}
