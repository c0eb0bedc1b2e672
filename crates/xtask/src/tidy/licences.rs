//! Every crate's licence expression can be satisfied by the licences that `deny.toml` allows.

use super::{Package, Violation};

pub(super) fn check(packages: &[Package], allowed: &[String]) -> Vec<Violation> {
    packages.iter().filter_map(|package| violation(package, allowed)).collect()
}

fn violation(package: &Package, allowed: &[String]) -> Option<Violation> {
    let crate_name = format!("crate `{}` {}", package.name, package.version);
    let Some(expression) = &package.license else {
        let what = format!("{crate_name} states no licence expression");
        return Some(Violation::new("Cargo.lock", what, "do without it"));
    };
    match is_satisfied(expression, allowed) {
        Some(true) => None,
        Some(false) => Some(Violation::new(
            "Cargo.lock",
            format!("{crate_name} is licensed `{expression}`, which the allowed licences do not satisfy"),
            "do without it, or allow the licence in deny.toml if it fits Apache-2.0 redistribution",
        )),
        None => Some(Violation::new(
            "Cargo.lock",
            format!("{crate_name} has a licence expression that cannot be read: `{expression}`"),
            "read its licence file; correct the parser in crates/xtask/src/tidy/licences.rs if it is at fault",
        )),
    }
}

/// Whether choosing freely at each OR, and taking both sides of each AND, can end with allowed licences only. None when
/// the text is no SPDX expression (SPDX 2.3, annex D); `/` is cargo's former spelling of OR.
fn is_satisfied(expression: &str, allowed: &[String]) -> Option<bool> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut reader = Reader { words: spaced.split_whitespace().collect(), next: 0, allowed };
    let satisfied = reader.alternatives()?;
    (reader.next == reader.words.len()).then_some(satisfied)
}

struct Reader<'a> {
    words: Vec<&'a str>,
    next: usize,
    allowed: &'a [String],
}

impl<'a> Reader<'a> {
    fn alternatives(&mut self) -> Option<bool> {
        let mut satisfied = self.conjunction()?;
        while self.take("OR") {
            satisfied |= self.conjunction()?;
        }
        Some(satisfied)
    }

    fn conjunction(&mut self) -> Option<bool> {
        let mut satisfied = self.term()?;
        while self.take("AND") {
            satisfied &= self.term()?;
        }
        Some(satisfied)
    }

    fn term(&mut self) -> Option<bool> {
        if self.take("(") {
            let satisfied = self.alternatives()?;
            return self.take(")").then_some(satisfied);
        }
        let licence = self.name()?;
        // An exception changes the licence: the pair is allowed as a pair or not at all.
        let licence = match self.take("WITH") {
            true => format!("{licence} WITH {}", self.name()?),
            false => licence.to_owned(),
        };
        Some(self.allowed.contains(&licence))
    }

    fn name(&mut self) -> Option<&'a str> {
        let word = *self.words.get(self.next)?;
        self.next += 1;
        (!matches!(word, "(" | ")" | "AND" | "OR" | "WITH")).then_some(word)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.next) == Some(&word);
        self.next += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Vec<String> {
        ["MIT", "Apache-2.0", "ISC"].map(str::to_owned).to_vec()
    }

    #[test]
    fn expressions_are_weighed_as_spdx_defines_them() {
        for (expression, satisfied) in [
            ("MIT", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("GPL-3.0-only OR MIT", Some(true)),
            ("Unlicense/MIT", Some(true)),
            ("MIT AND GPL-3.0-only", Some(false)),
            ("(MIT OR GPL-3.0-only) AND ISC", Some(true)),
            // AND binds closer than OR.
            ("MIT OR ISC AND GPL-3.0-only", Some(true)),
            ("GPL-3.0-only AND MIT OR ISC", Some(true)),
            ("(MIT OR ISC) AND GPL-3.0-only", Some(false)),
            ("Apache-2.0 WITH LLVM-exception", Some(false)),
            ("Apache-2.0 WITH LLVM-exception OR MIT", Some(true)),
            ("", None),
            ("MIT OR", None),
            ("MIT MIT", None),
            ("(MIT", None),
            ("MIT)", None),
            ("WITH MIT", None),
        ] {
            assert_eq!(is_satisfied(expression, &allowed()), satisfied, "{expression:?}");
        }
        let with_exception = ["Apache-2.0 WITH LLVM-exception".to_owned()];
        assert_eq!(is_satisfied("Apache-2.0 WITH LLVM-exception", &with_exception), Some(true));
    }

    #[test]
    fn a_crate_without_or_with_a_foreign_licence_is_named() {
        let package = |license: Option<&str>| Package {
            name: "left-pad".to_owned(),
            version: "1.0.0".to_owned(),
            license: license.map(str::to_owned),
            source: None,
            dependencies: Vec::new(),
        };
        let of = |license| check(&[package(license)], &allowed());
        assert_eq!(of(Some("MIT")), []);
        assert!(of(None)[0].what.contains("`left-pad` 1.0.0 states no licence"));
        assert!(of(Some("SSPL-1.0"))[0].what.contains("licensed `SSPL-1.0`"));
        assert!(of(Some("MIT OR"))[0].what.contains("cannot be read"));
    }
}
