//! `cargo xtask tidy`: the rules of this code base that the compiler does not check.
//!
//! Every check is a pure function from what was read ([`Tree`], [`Metadata`]) to [`Violation`]s; reading happens here.

mod dependencies;
mod graph;
mod layout;
mod licences;
mod platform_words;
mod sources;
mod text;
mod tree;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use serde::Deserialize;

use tree::Tree;

/// One broken rule, printed as `path[:line]: what — how to fix`.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    /// Counted from 1; none where the rule is about the whole file.
    line: Option<usize>,
    what: String,
    fix: String,
}

impl Violation {
    fn new(path: &str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, what: what.into(), fix: fix.into() }
    }

    fn at(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        write!(formatter, ": {} — {}", self.what, self.fix)
    }
}

/// Why the rules could not be checked at all.
#[derive(Debug, thiserror::Error)]
enum TidyError {
    #[error("could not start `{command}`: {source}; install it or put it on the PATH")]
    NotStarted { command: String, source: io::Error },
    #[error("`{command}` failed; run it by hand in the checkout. It said: {message}")]
    Failed { command: String, message: String },
    #[error("`cargo metadata` answered what tidy does not understand: {0}; compare crates/xtask/src/tidy.rs")]
    Metadata(serde_json::Error),
    #[error("could not read {path}: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("{path} is not what tidy expects: {source}; correct the file")]
    Toml { path: &'static str, source: toml::de::Error },
    #[error("{0} is missing from the tracked files; `git add` it")]
    Missing(&'static str),
}

/// What is read of `cargo metadata --format-version 1`.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None for the crates of this workspace and for path dependencies.
    source: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Set for a path dependency, which is how the crates of this workspace name each other.
    path: Option<PathBuf>,
}

/// What is read of `deny.toml`, so that cargo-deny and tidy have one list.
#[derive(Deserialize)]
struct DenyFile {
    licenses: DenyLicenses,
    sources: DenySources,
}

#[derive(Deserialize)]
struct DenyLicenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DenySources {
    allow_registry: Vec<String>,
}

/// Prints every violation, one a line; the exit code says whether there was any.
pub(crate) fn run() -> ExitCode {
    match check() {
        Ok(violations) if violations.is_empty() => {
            println!("tidy: no violations");
            ExitCode::SUCCESS
        }
        Ok(violations) => {
            for violation in &violations {
                println!("{violation}");
            }
            eprintln!("tidy: {} violations", violations.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("tidy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<Vec<Violation>, TidyError> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let answer = output_of(Command::new(cargo).args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Metadata = serde_json::from_slice(&answer).map_err(TidyError::Metadata)?;
    let tree = Tree::read(&metadata.workspace_root)?;
    let deny: DenyFile = toml_file(&tree, "deny.toml")?;
    let manifest: dependencies::RootManifest = toml_file(&tree, "Cargo.toml")?;

    let mut violations = graph::check(&metadata.packages);
    violations.extend(licences::check(&metadata.packages, &deny.licenses.allow));
    violations.extend(sources::check(&metadata.packages, &deny.sources.allow_registry));
    violations.extend(layout::check(&tree));
    violations.extend(platform_words::check(&tree));
    violations.extend(text::check(&tree));
    violations.extend(dependencies::check(&manifest, &tree));
    violations.sort();
    Ok(violations)
}

fn toml_file<T: for<'de> Deserialize<'de>>(tree: &Tree, path: &'static str) -> Result<T, TidyError> {
    let text = tree.text(path).ok_or(TidyError::Missing(path))?;
    toml::from_str(text).map_err(|source| TidyError::Toml { path, source })
}

/// What the command wrote to standard output.
fn output_of(command: &mut Command) -> Result<Vec<u8>, TidyError> {
    let name = format!("{command:?}");
    let output = command.output().map_err(|source| TidyError::NotStarted { command: name.clone(), source })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(TidyError::Failed { command: name, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_names_place_cause_and_remedy_on_one_line() {
        let whole_file = Violation::new("a.rs", "is long", "split it");
        assert_eq!(whole_file.to_string(), "a.rs: is long — split it");
        assert_eq!(whole_file.at(7).to_string(), "a.rs:7: is long — split it");
    }

    #[test]
    fn a_command_that_fails_tells_what_it_said() {
        let error = output_of(Command::new("git").arg("no-such-verb")).unwrap_err();
        assert!(error.to_string().contains("no-such-verb"), "{error}");
        let error = output_of(&mut Command::new("no-such-program")).unwrap_err();
        assert!(matches!(error, TidyError::NotStarted { .. }), "{error}");
    }
}
