//! What no tracked text may hold: paths of one machine, addresses of package registries, invisible differences.

use super::Violation;
use super::tree::Tree;

/// Folders of one machine. A path from there works for its author only.
const MACHINE_FOLDERS: [&str; 5] =
    [concat!("/", "work"), concat!("/", "root"), concat!("/", "tmp"), concat!("/", "home"), concat!("/", "Users")];

/// Package registries. Clients know them or are told by the machine's own settings, often a mirror's.
const REGISTRY_HOSTS: [&str; 8] = [
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("rust-lang/crates", ".io-index"),
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
];

/// Cargo writes the registry's name into its lock file, and deny.toml holds the one list of allowed registries.
const MAY_NAME_REGISTRIES: [&str; 2] = ["Cargo.lock", "deny.toml"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.texts() {
        // Fixtures are other people's bytes, kept as they came.
        let is_fixture = path.split('/').any(|part| part == "fixtures");
        if !is_fixture {
            violations.extend(invisible_differences(path, text));
        }
        for (index, line) in text.lines().enumerate() {
            let found = |violation: Violation| violation.at(index + 1);
            if let Some(folder) = MACHINE_FOLDERS.iter().find(|folder| names_folder(line, folder)) {
                violations.push(found(Violation::new(
                    path,
                    format!("names the machine's folder {folder}"),
                    "use a path relative to the project, or ask the system for a temporary folder",
                )));
            }
            let host = REGISTRY_HOSTS.iter().find(|host| line.contains(*host));
            if let Some(host) = host.filter(|_| !MAY_NAME_REGISTRIES.contains(&path)) {
                violations.push(found(Violation::new(
                    path,
                    format!("names the package registry {host}"),
                    "name the package only; the client knows where to get it",
                )));
            }
            if path.ends_with("package-lock.json") && line.trim_start().starts_with("\"resolved\"") {
                violations.push(found(Violation::new(
                    path,
                    "names a download address",
                    "install with `npm install --omit-lockfile-registry-resolved`",
                )));
            }
        }
    }
    violations
}

fn invisible_differences(path: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        let last = text.lines().count();
        let what = "does not end with a newline";
        violations.push(Violation::new(path, what, "add one").at(last));
    }
    for (index, line) in text.split('\n').enumerate() {
        let (what, fix) = if line.ends_with('\r') {
            ("ends a line with CRLF", "end lines with LF")
        } else if line.ends_with([' ', '\t']) {
            ("has white space at the end of a line", "delete it")
        } else {
            continue;
        };
        violations.push(Violation::new(path, what, fix).at(index + 1));
    }
    violations
}

/// Whether the folder stands at the root of some path in the line: not in the middle of a longer path, and as a whole name.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(begin, _)| {
        let before = line[..begin].chars().next_back();
        let after = line[begin + folder.len()..].chars();
        let mut after = after.peekable();
        let inside_a_path = before.is_some_and(|it| it.is_alphanumeric() || "_.-/}*:".contains(it));
        let ends_here = match after.next() {
            Some('/') => after.peek().is_some_and(|it| it.is_alphanumeric() || *it == '.'),
            Some(it) => folder == MACHINE_FOLDERS[2] && !it.is_alphanumeric() && it != '_' && it != '-',
            None => folder == MACHINE_FOLDERS[2],
        };
        !inside_a_path && ends_here
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(path: &str, text: &str) -> Vec<String> {
        let found = check(&Tree::sample(&[(path, text)]));
        found.iter().map(|it| format!("{} {}", it.line.unwrap_or(0), it.what)).collect()
    }

    fn count(path: &str, text: &str) -> usize {
        violations(path, text).len()
    }

    #[test]
    fn machine_paths_are_found_with_their_line() {
        let tmp = MACHINE_FOLDERS[2];
        assert_eq!(
            violations("a.sh", &format!("cd src\nrm -r {tmp}/it\n")),
            [format!("2 names the machine's folder {tmp}")]
        );
        for folder in MACHINE_FOLDERS {
            assert_eq!(count("a.rs", &format!("let path = \"{folder}/main\";\n")), 1, "{folder}");
        }
        assert_eq!(count("a.sh", &format!("cd {tmp}\n")), 1);
    }

    #[test]
    fn parts_of_longer_paths_and_urls_are_not_machine_paths() {
        for text in [
            "cp ../home/x target/tmp/x\n",
            "https://shop.example/home/page\n",
            "GET /workers and /tmpl and /rooted/x\n",
            "route(\"/work\")\n",
        ] {
            assert_eq!(violations("a.rs", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn registries_are_named_only_where_cargo_needs_it() {
        for host in REGISTRY_HOSTS {
            let text = format!("url = \"https://{host}/x\"\n");
            assert_eq!(violations("a.toml", &text), [format!("1 names the package registry {host}")]);
            assert_eq!(violations("Cargo.lock", &text), Vec::<String>::new());
        }
    }

    #[test]
    fn npm_lock_files_hold_no_download_address() {
        let text = "{\n  \"resolved\": \"https://mirror.example/a.tgz\"\n}\n";
        assert_eq!(violations("clients/package-lock.json", text), ["2 names a download address"]);
        assert_eq!(violations("a.json", text), Vec::<String>::new());
    }

    #[test]
    fn line_ends_are_visible_differences_only() {
        assert_eq!(violations("a.md", "good\nlines\n"), Vec::<String>::new());
        assert_eq!(violations("empty", ""), Vec::<String>::new());
        assert_eq!(violations("a.md", "a\nb"), ["2 does not end with a newline"]);
        assert_eq!(violations("a.md", "a\r\nb\n"), ["1 ends a line with CRLF"]);
        assert_eq!(
            violations("a.md", "a \n\t\n"),
            ["1 has white space at the end of a line", "2 has white space at the end of a line",]
        );
    }

    #[test]
    fn fixtures_keep_their_bytes() {
        assert_eq!(violations("crates/x/fixtures/push.json", "{ \r\n}"), Vec::<String>::new());
    }
}
