//! Rules of the workspace that no compiler checks. What is allowed stands in [`rules`].

mod links;
mod order;
mod owners;
mod rules;
mod sources;

use crate::workspace::Workspace;
use anyhow::Result;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One thing to mend, and where.
#[derive(Debug, PartialEq)]
struct Finding {
    place: String,
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.place, self.message)
    }
}

/// A text file of the checkout, by its path beneath the root.
struct SourceFile {
    path: String,
    text: String,
}

/// Runs every check and prints what each found; true when all is in order.
pub(crate) fn run() -> Result<bool> {
    let workspace = Workspace::load(false)?;
    let files = read_files(&workspace.root)?;
    let findings = check(&workspace, &files);
    for finding in &findings {
        println!("{finding}");
    }
    println!("tidy: {} findings in {} files", findings.len(), files.len());
    Ok(findings.is_empty())
}

fn check(workspace: &Workspace, files: &[SourceFile]) -> Vec<Finding> {
    let members = workspace.members();
    let architecture = files.iter().find(|file| file.path == "ARCHITECTURE.md");
    let drawn = order::parse_siblings(architecture.map_or("", |file| &file.text));
    let mut findings = order::check(&members, &drawn);
    findings.extend(links::check(workspace, rules::PROGRAMS));
    findings.extend(owners::check(&members));
    findings.extend(sources::check_roots(&sources::roots(workspace, files)));
    findings.extend(sources::check_length(files));
    findings.extend(sources::check_purity(files));
    findings.extend(sources::check_registries(files));
    findings.extend(sources::check_machine_paths(files, &machine_folders(&workspace.root)));
    findings
}

/// Text files that git tracks or would track.
fn read_files(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for path in list_files(root)? {
        // A file that is deleted but not yet staged is listed; one that is not UTF-8 is not text.
        if let Ok(text) = std::fs::read_to_string(root.join(&path)) {
            files.push(SourceFile { path, text });
        }
    }
    anyhow::ensure!(!files.is_empty(), "no file found beneath {}", root.display());
    Ok(files)
}

/// Paths beneath the root that git tracks or would track.
pub(crate) fn list_files(root: &Path) -> Result<Vec<String>> {
    let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").arg("-C").arg(root).args(listing).output()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "git ls-files failed: {complaint}");
    let names = output.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// Folders of this very machine that no tracked file may name.
fn machine_folders(root: &Path) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let below_home = [".cargo", ".rustup"].map(|name| home.as_ref().map(|home| home.join(name)));
    let from_environment = ["CARGO_HOME", "RUSTUP_HOME", "VIRTUAL_ENV"];
    let from_environment = from_environment.map(|name| std::env::var_os(name).map(PathBuf::from));
    let mut folders: Vec<_> = below_home.into_iter().chain(from_environment).flatten().collect();
    folders.push(root.to_owned());
    // A short path such as `/app` is also an ordinary example in a policy.
    folders.retain(|folder| folder.components().count() > 2);
    folders
}
