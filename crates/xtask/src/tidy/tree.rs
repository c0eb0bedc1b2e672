//! The tracked files, as they are in the checkout now.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::{TidyError, output_of};

/// Paths (from the checkout's root, with `/`) and bytes of every tracked file.
pub(super) struct Tree {
    files: BTreeMap<String, Vec<u8>>,
}

impl Tree {
    /// Reads what `git ls-files` lists; a tracked file that was just deleted is left out.
    ///
    /// # Errors
    /// When git cannot list the files or one of them cannot be read.
    pub(super) fn read(root: &Path) -> Result<Self, TidyError> {
        let listing = output_of(Command::new("git").current_dir(root).args(["ls-files", "-z"]))?;
        let mut files = BTreeMap::new();
        for path in String::from_utf8_lossy(&listing).split_terminator('\0') {
            match fs::read(root.join(path)) {
                Ok(bytes) => _ = files.insert(path.to_owned(), bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(TidyError::Unreadable { path: path.to_owned(), source });
                }
            }
        }
        Ok(Self { files })
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The file's text; none when it is absent or binary (has a NUL or is not UTF-8).
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        text_of(self.files.get(path)?)
    }

    /// Every file that is text, with its text.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, bytes)| Some((path.as_str(), text_of(bytes)?)))
    }

    #[cfg(test)]
    pub(super) fn sample(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        Self { files: files.collect() }
    }
}

fn text_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then_some(text)
}

/// Whether the whole file is test code: it lies under `tests/` or `benches/`, or is called `tests.rs` or `…_tests.rs`.
pub(super) fn is_test_file(path: &str) -> bool {
    path.ends_with("_tests.rs") || path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
}

/// The lines before the file's inline test module, numbered from 1.
pub(super) fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let tests_begin = lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'));
    let end = tests_begin.unwrap_or(lines.len());
    lines.into_iter().take(end).enumerate().map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_files_have_no_text() {
        let tree = Tree {
            files: BTreeMap::from([
                ("image.png".to_owned(), vec![0x89, b'P', 0]),
                ("latin".to_owned(), vec![0xe9]),
                ("plain".to_owned(), b"words\n".to_vec()),
            ]),
        };
        assert_eq!(tree.texts().collect::<Vec<_>>(), [("plain", "words\n")]);
        assert_eq!(tree.text("image.png"), None);
        assert_eq!(tree.paths().count(), 3);
    }

    #[test]
    fn the_inline_test_module_is_not_product_code() {
        let text = "use a;\n#[cfg(test)]\nuse b;\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(product_lines(text).last(), Some((3, "use b;")));
        assert_eq!(product_lines("#[cfg(test)]\nmod tests;\nfn f() {}\n").count(), 3);
    }

    #[test]
    fn test_files_are_known_by_their_place() {
        assert!(is_test_file("crates/store/tests/parity.rs"));
        assert!(is_test_file("crates/domain/src/stock/tests.rs"));
        assert!(is_test_file("crates/domain/src/stock_tests.rs"));
        assert!(!is_test_file("crates/domain/src/contests.rs"));
    }
}
