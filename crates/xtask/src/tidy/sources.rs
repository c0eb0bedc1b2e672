//! Every crate that is not ours comes from a registry that `deny.toml` allows: no git, no foreign path.

use super::{Package, Violation};

pub(super) fn check(packages: &[Package], allowed_registries: &[String]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in packages {
        let Some(source) = &package.source else { continue };
        let registry = source.strip_prefix("registry+");
        if !registry.is_some_and(|registry| allowed_registries.iter().any(|one| one == registry)) {
            violations.push(Violation::new(
                "Cargo.lock",
                format!("crate `{}` {} comes from {source}", package.name, package.version),
                "use a release from a registry listed in deny.toml",
            ));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(source: Option<&str>) -> Vec<Violation> {
        let package = Package {
            name: "hex".to_owned(),
            version: "0.4.3".to_owned(),
            license: None,
            source: source.map(str::to_owned),
            dependencies: Vec::new(),
        };
        check(&[package], &["https://good.example/index".to_owned()])
    }

    #[test]
    fn only_the_listed_registry_and_our_own_crates_pass() {
        assert_eq!(from(None), []);
        assert_eq!(from(Some("registry+https://good.example/index")), []);
        for source in
            ["registry+https://bad.example/index", "git+https://good.example/index", "https://good.example/index"]
        {
            assert_eq!(from(Some(source)).len(), 1, "{source}");
        }
    }
}
