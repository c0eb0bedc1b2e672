//! Which crate of ours may use which: ARCHITECTURE.md draws it, this table decides it.

use super::{Package, Violation};

/// Crate, and the crates of ours that it may name in any kind of dependency. The binary may name all, for its demo and
/// its tests; the sandbox names none, so that it and the connectors can disagree about a platform.
const ALLOWED_EDGES: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("connectors", &["domain"]),
    ("store", &["domain"]),
    ("engine", &["domain", "connectors", "store"]),
    ("countermand", &["domain", "connectors", "store", "engine", "sandbox"]),
    ("sandbox", &[]),
    ("xtask", &[]),
];

pub(super) fn check(packages: &[Package]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in packages.iter().filter(|package| package.source.is_none()) {
        let Some((_, allowed)) = ALLOWED_EDGES.iter().find(|(name, _)| *name == package.name) else {
            violations.push(Violation::new(
                "Cargo.toml",
                format!("crate `{}` is not in the table of allowed edges", package.name),
                "move the code into an existing crate, or write the ADR and extend crates/xtask/src/tidy/graph.rs",
            ));
            continue;
        };
        let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        for dependency in ours.filter(|dependency| !allowed.contains(&dependency.name.as_str())) {
            violations.push(Violation::new(
                &manifest_of(&package.name),
                format!("`{}` must not depend on `{}`", package.name, dependency.name),
                "move the shared rule down to where both may reach it (ARCHITECTURE.md has the graph)",
            ));
        }
    }
    violations
}

fn manifest_of(package: &str) -> String {
    let folder = if package == "countermand" { "server" } else { package };
    format!("crates/{folder}/Cargo.toml")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Dependency;
    use super::*;

    fn ours(name: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies
            .iter()
            .map(|name| Dependency { name: (*name).to_owned(), path: (*name != "serde").then(|| PathBuf::from(name)) });
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: None,
            source: None,
            dependencies: dependencies.collect(),
        }
    }

    #[test]
    fn the_drawn_edges_and_foreign_crates_pass() {
        let packages = [
            ours("domain", &["serde"]),
            ours("engine", &["domain", "connectors", "store"]),
            ours("countermand", &["engine", "sandbox"]),
        ];
        assert_eq!(check(&packages), []);
    }

    #[test]
    fn any_other_edge_fails() {
        for (from, to) in [
            ("domain", "store"),
            ("connectors", "store"),
            ("store", "connectors"),
            ("engine", "sandbox"),
            ("sandbox", "connectors"),
            ("sandbox", "domain"),
            ("xtask", "domain"),
            ("engine", "countermand"),
        ] {
            let violations = check(&[ours(from, &[to])]);
            assert_eq!(violations.len(), 1, "{from} -> {to}");
            assert_eq!(violations[0].what, format!("`{from}` must not depend on `{to}`"));
        }
    }

    #[test]
    fn a_new_crate_needs_a_decision() {
        assert!(check(&[ours("billing", &[])])[0].what.contains("`billing` is not in the table"));
    }
}
