//! Checks on the text of the files.

use super::rules::{FILE_LIMITS, FILE_LINES_MAX, IMPURE, UNSAFE_CODE};
use super::{Finding, SourceFile};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};

/// The file in which a library or program begins, and the folder of its crate.
pub(super) struct Root<'a> {
    folder: &'a str,
    path: String,
    text: &'a str,
}

/// Finds the roots of all libraries and programs of the workspace.
pub(super) fn roots<'a>(workspace: &'a Workspace, files: &'a [SourceFile]) -> Vec<Root<'a>> {
    let mut roots = Vec::new();
    for package in workspace.members() {
        let built = package.targets.iter();
        for target in built.filter(|target| ["lib", "bin", "proc-macro"].contains(&target.kind.as_str())) {
            let path = target.source.strip_prefix(&workspace.root).unwrap_or(&target.source);
            let path = path.display().to_string();
            let text = files.iter().find(|file| file.path == path).map_or("", |file| &file.text);
            roots.push(Root { folder: package.folder.as_deref().unwrap_or_default(), path, text });
        }
    }
    roots
}

/// Every root opens with what the crate is, and forbids unsafe code unless the crate is listed.
pub(super) fn check_roots(roots: &[Root<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for root in roots {
        if !root.text.starts_with("//! ") {
            findings.push(Finding::new(&root.path, "does not open with `//!` and what it is"));
        }
        let listed = UNSAFE_CODE.iter().any(|(folder, _)| *folder == root.folder);
        let forbids = root.text.lines().any(|line| line.trim_end() == "#![forbid(unsafe_code)]");
        if !listed && !forbids {
            findings.push(Finding::new(&root.path, "lacks `#![forbid(unsafe_code)]`"));
        }
    }
    findings
}

/// A file that nobody can read in one sitting is split.
pub(super) fn check_length(files: &[SourceFile]) -> Vec<Finding> {
    let is_code = |path: &str| [".rs", ".py", ".sh", ".proto"].iter().any(|end| path.ends_with(end));
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| is_code(&file.path)) {
        let own = FILE_LIMITS.iter().find(|(path, ..)| *path == file.path);
        let lines_max = own.map_or(FILE_LINES_MAX, |(_, lines_max, _)| *lines_max);
        let lines = file.text.lines().count();
        if lines > lines_max {
            let message = format!("has {lines} lines, {lines_max} at most are allowed");
            findings.push(Finding::new(&file.path, message));
        }
    }
    findings
}

/// `core/` names nothing that reads a clock, a file, the network or chance, but in its unit tests:
/// the module at the end of a file, or a file `tests.rs`.
pub(super) fn check_purity(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_core = |path: &str| path.starts_with("core/") && path.contains("/src/") && path.ends_with(".rs");
    let is_core = |path: &str| is_core(path) && !path.ends_with("/tests.rs");
    for file in files.iter().filter(|file| is_core(&file.path)) {
        for (index, line) in product_lines(&file.text) {
            if let Some(name) = IMPURE.iter().find(|name| line.contains(**name)) {
                let place = format!("{}:{}", file.path, index + 1);
                findings.push(Finding::new(place, format!("names {name}; core/ is pure")));
            }
        }
    }
    findings
}

/// The lines before an inline test module, without those that are comments.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..tests].lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Packages come from the ordinary registries: no file points a package manager elsewhere.
pub(super) fn check_registries(files: &[SourceFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(host) = registry_host(line) {
                let place = format!("{}:{}", file.path, index + 1);
                findings.push(Finding::new(place, format!("names the registry {host}")));
            }
        }
    }
    findings
}

/// The host of a URL in this line, if it looks like a package registry or a mirror of one. The
/// registry that npm itself writes into its lock files is the ordinary one.
fn registry_host(line: &str) -> Option<&str> {
    const LABELS: &[&str] =
        &["registry", "mirror", "mirrors", "proxy", "goproxy", "artifactory", "nexus", "devpi", "index"];
    const FREE: &[&str] = &["registry.npmjs.org"];
    let hosts = line.match_indices("://").map(|(at, separator)| {
        let rest = &line[at + separator.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !".-_@:".contains(c));
        let authority = &rest[..end.unwrap_or(rest.len())];
        authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default()
    });
    let is_example = |host: &str| {
        ["example", "test", "invalid", "localhost"]
            .iter()
            .any(|top| host.rsplit('.').next() == Some(top) || host.contains("example."))
    };
    let mut hosts = hosts.filter(|host| host.contains('.') && !FREE.contains(host) && !is_example(host));
    hosts.find(|host| host.split(['.', '-']).any(|label| LABELS.contains(&label)))
}

/// Nothing that is checked in names a folder of the machine that it was written on.
pub(super) fn check_machine_paths(files: &[SourceFile], folders: &[PathBuf]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(folder) = folders.iter().find(|folder| names_folder(line, folder)) {
                let place = format!("{}:{}", file.path, index + 1);
                findings.push(Finding::new(place, format!("names {} of this machine", folder.display())));
            }
        }
    }
    findings
}

fn names_folder(line: &str, folder: &Path) -> bool {
    let Some(folder) = folder.to_str() else { return false };
    let goes_on = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> SourceFile {
        SourceFile { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_root_without_its_sentence_or_with_unsafe_code_allowed_is_found() {
        let good = "//! One idea.\n#![forbid(unsafe_code)]\n";
        let root = |folder, text| Root { folder, path: format!("{folder}/src/lib.rs"), text };
        assert_eq!(check_roots(&[root("core/audit", good)]), []);
        assert_eq!(check_roots(&[root("base/shm", "//! One idea.\n")]), []);
        for bad in [
            "//! One idea.\n",
            "//! One idea.\n// #![forbid(unsafe_code)]\n",
            "//! One idea.\n#![deny(unsafe_code)]\n",
            "#![forbid(unsafe_code)]\n",
            "// One idea.\n#![forbid(unsafe_code)]\n",
        ] {
            assert_eq!(check_roots(&[root("core/audit", bad)]).len(), 1, "{bad}");
        }
        assert_eq!(check_roots(&[root("core/audit", "")]).len(), 2);
    }

    #[test]
    fn a_file_over_its_limit_is_found() {
        let lines = |count: usize| "x\n".repeat(count);
        assert_eq!(check_length(&[file("a.rs", lines(900)), file("verify.py", lines(300))]), []);
        assert_eq!(check_length(&[file("a.rs", lines(901))]).len(), 1);
        assert_eq!(check_length(&[file("verify.py", lines(301))]).len(), 1);
        assert_eq!(check_length(&[file("Cargo.lock", lines(5000))]), []);
    }

    #[test]
    fn core_code_that_looks_outside_is_found_and_its_tests_are_free() {
        let bad = "//! std::fs is not used here.\nuse std::fs::File;\nfn f() { Instant::now(); }\n";
        let found = check_purity(&[file("core/a/src/lib.rs", bad)]);
        let places: Vec<_> = found.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["core/a/src/lib.rs:2", "core/a/src/lib.rs:3"]);
        let tested = "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(check_purity(&[file("core/a/src/lib.rs", tested), file("core/a/src/tests.rs", bad)]), []);
        let declared = "#[cfg(test)]\nmod tests;\nuse std::net::TcpStream;\n";
        assert_eq!(check_purity(&[file("core/a/src/lib.rs", declared)]).len(), 1);
        assert_eq!(check_purity(&[file("edge/a/src/lib.rs", bad), file("core/a/tests/it/main.rs", bad)]), []);
    }

    #[test]
    fn a_url_of_a_registry_or_mirror_is_found_and_ordinary_links_are_not() {
        // Written in two parts, since this file is checked as well.
        let url = |host: &str, path: &str| format!("see https:/{}{host}/{path}", "/");
        for host in
            ["mirror.corp.net", "registry.corp.net", "user:word@nexus.corp.net:8081", "go-proxy.corp.net"]
        {
            let found = check_registries(&[file("README.md", url(host, "simple"))]);
            assert_eq!(found.len(), 1, "{host}");
        }
        for host in ["github.com", "docs.rs", "registry.npmjs.org", "proxy.example.com", "127.0.0.1:80"] {
            let found = check_registries(&[file("README.md", url(host, "rust-lang/crates.io-index"))]);
            assert_eq!(found, [], "{host}");
        }
    }

    #[test]
    fn a_folder_of_this_machine_is_found_as_a_whole_path_only() {
        let folders = [PathBuf::from("/build/checkout")];
        let found = |line: &str| check_machine_paths(&[file("a.md", line)], &folders).len();
        assert_eq!(found("cd /build/checkout && make"), 1);
        assert_eq!(found("\"/build/checkout/target\""), 1);
        assert_eq!(found("/build/checkout2 or /build/checkout-old"), 0);
        assert_eq!(found("sub/build/checkout"), 0);
    }
}
