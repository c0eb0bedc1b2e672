//! Where things live and how long they may be.

use std::collections::BTreeSet;

use super::Violation;
use super::tree::{Tree, is_test_file, product_lines};

const CONNECTORS: &str = "crates/connectors/src/";

/// What every marketplace's folder has, even where a file is three lines, so that each place can be guessed.
const CONNECTOR_FILES: [&str; 14] = [
    "policy.toml",
    "eligibility.rs",
    "reasons.rs",
    "orders.rs",
    "status.rs",
    "cancel.rs",
    "requests.rs",
    "shipping.rs",
    "stock.rs",
    "webhook.rs",
    "auth.rs",
    "sign.rs",
    "errors.rs",
    "tests.rs",
];

/// Names that say nothing of the subject and so collect everything.
const VAGUE_NAMES: [&str; 10] =
    ["common", "utils", "util", "helpers", "helper", "core", "types", "models", "misc", "manager"];

/// Lines of a Rust file, without tests.
const RUST_LINES_MAX: usize = 900;
/// Lines of ARCHITECTURE.md: what a newcomer reads in one sitting.
const ARCHITECTURE_LINES_MAX: usize = 250;

const MIGRATIONS: [&str; 2] = ["crates/store/migrations/sqlite/", "crates/store/migrations/postgres/"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = connectors(tree);
    violations.extend(vague_names(tree));
    violations.extend(long_files(tree));
    violations.extend(migrations(tree));
    violations
}

fn connectors(tree: &Tree) -> Vec<Violation> {
    let inside: BTreeSet<&str> = tree.paths().filter_map(|path| path.strip_prefix(CONNECTORS)).collect();
    // A marketplace is a folder with a policy; warehouses have none.
    let platforms = inside.iter().filter_map(|path| path.strip_suffix("/policy.toml"));
    let mut violations = Vec::new();
    for platform in platforms.filter(|platform| !platform.contains('/')) {
        let mut expected: Vec<String> = CONNECTOR_FILES.iter().map(|file| format!("{platform}/{file}")).collect();
        expected.push(format!("{platform}.rs"));
        for missing in expected.iter().filter(|path| !inside.contains(path.as_str())) {
            violations.push(Violation::new(
                &format!("{CONNECTORS}{missing}"),
                "is missing: every connector has the same files",
                "add it, even if it only says in three lines what the platform lacks",
            ));
        }
        let fixtures = format!("{platform}/fixtures/");
        if !inside.iter().any(|path| path.starts_with(&fixtures)) {
            violations.push(Violation::new(
                &format!("{CONNECTORS}{fixtures}"),
                "is missing or empty",
                "add the recorded or documented bodies that tests.rs reads",
            ));
        }
    }
    violations
}

fn vague_names(tree: &Tree) -> Vec<Violation> {
    let mut violations = BTreeSet::new();
    for path in tree.paths() {
        let mut begin = 0;
        for part in path.split('/') {
            let end = begin + part.len();
            let name = part.split('.').next().unwrap_or(part);
            if VAGUE_NAMES.contains(&name) {
                violations.insert(Violation::new(
                    &path[..end],
                    format!("`{name}` names no subject"),
                    "put each thing beside its subject, or call the file after it",
                ));
            }
            begin = end + 1;
        }
    }
    violations.into_iter().collect()
}

fn long_files(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.texts() {
        let (lines, most) = match path {
            "ARCHITECTURE.md" => (text.lines().count(), ARCHITECTURE_LINES_MAX),
            _ if path.ends_with(".rs") && !is_test_file(path) => (product_lines(text).count(), RUST_LINES_MAX),
            _ => continue,
        };
        if lines > most {
            violations.push(Violation::new(
                path,
                format!("{lines} lines, at most {most}"),
                "split it by subject or say it shorter",
            ));
        }
    }
    violations
}

fn migrations(tree: &Tree) -> Vec<Violation> {
    let [sqlite, postgres] =
        MIGRATIONS.map(|folder| tree.paths().filter_map(|path| path.strip_prefix(folder)).collect::<BTreeSet<_>>());
    sqlite
        .symmetric_difference(&postgres)
        .map(|name| {
            let (has, lacks) = if sqlite.contains(name) { (0, 1) } else { (1, 0) };
            Violation::new(
                &format!("{}{name}", MIGRATIONS[has]),
                format!("has no twin in {}", MIGRATIONS[lacks]),
                "write the same step for the other engine, under the same name",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::sample(files)).iter().map(|it| format!("{}: {}", it.path, it.what)).collect()
    }

    fn whole_connector() -> Vec<String> {
        let mut paths: Vec<String> = CONNECTOR_FILES.iter().map(|file| format!("{CONNECTORS}shopee/{file}")).collect();
        paths.push(format!("{CONNECTORS}shopee.rs"));
        paths.push(format!("{CONNECTORS}shopee/fixtures/order.json"));
        paths
    }

    #[test]
    fn a_connector_with_every_file_passes() {
        let paths = whole_connector();
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
        assert_eq!(violations(&files), Vec::<String>::new());
    }

    #[test]
    fn every_missing_connector_file_is_named() {
        let paths = whole_connector();
        for (index, left_out) in paths.iter().enumerate().filter(|(_, path)| !path.ends_with(".toml")) {
            let mut files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
            files.remove(index);
            let found = violations(&files);
            assert_eq!(found.len(), 1, "{left_out}");
            assert!(left_out.starts_with(found[0].split(':').next().unwrap()), "{found:?}");
        }
    }

    #[test]
    fn a_warehouse_needs_no_policy_and_no_marketplace_files() {
        let warehouse = format!("{CONNECTORS}shipbob/withdrawal.rs");
        assert_eq!(violations(&[(&warehouse, "")]), Vec::<String>::new());
    }

    #[test]
    fn names_without_a_subject_are_refused_once_each() {
        assert_eq!(
            violations(&[
                ("crates/store/src/utils/a.rs", ""),
                ("crates/store/src/utils/b.rs", ""),
                ("crates/domain/src/types.rs", ""),
                ("crates/domain/src/core_stock.rs", ""),
            ]),
            [
                "crates/domain/src/types.rs: `types` names no subject",
                "crates/store/src/utils: `utils` names no subject",
            ]
        );
    }

    #[test]
    fn long_files_are_refused_but_tests_may_be_long() {
        let most = "x\n".repeat(RUST_LINES_MAX);
        let long = format!("{most}x\n");
        let tests_inline = format!("x\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        assert_eq!(
            violations(&[
                ("a.rs", &most),
                ("b.rs", &long),
                ("c.rs", &tests_inline),
                ("tests/d.rs", &long),
                ("notes.md", &long),
                ("ARCHITECTURE.md", &"x\n".repeat(ARCHITECTURE_LINES_MAX + 1)),
            ]),
            ["ARCHITECTURE.md: 251 lines, at most 250", "b.rs: 901 lines, at most 900"]
        );
        assert_eq!(violations(&[("ARCHITECTURE.md", &"x\n".repeat(ARCHITECTURE_LINES_MAX))]), Vec::<String>::new());
    }

    #[test]
    fn both_engines_have_the_same_migrations() {
        let [sqlite, postgres] =
            MIGRATIONS.map(|folder| (format!("{folder}0001_orders.sql"), format!("{folder}0002_stock.sql")));
        assert_eq!(violations(&[(&sqlite.0, ""), (&postgres.0, "")]), Vec::<String>::new());
        assert_eq!(
            violations(&[(&sqlite.0, ""), (&postgres.1, "")]),
            [
                "crates/store/migrations/sqlite/0001_orders.sql: has no twin in crates/store/migrations/postgres/",
                "crates/store/migrations/postgres/0002_stock.sql: has no twin in crates/store/migrations/sqlite/",
            ]
        );
    }
}
