//! The tests of sandbox and product once more for each of {root, ordinary user} × {namespaces, none}.
//!
//! `cargo test` has run them as whoever calls. Here each test program runs as the others: under
//! another user through `setpriv`, and without namespaces under a launcher that has `unshare`,
//! `setns`, `clone3` and `clone` with new namespaces refused. Everything that they need is copied
//! into a folder that every user can read, since a checkout may lie where only its owner can.

use super::{Scratch, Session, python};
use crate::tidy::list_files;
use crate::workspace::{Workspace, cargo};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages whose tests depend on who runs them and on what the kernel lets them do.
/// `edge/sandbox` does too, and runs itself in every such surrounding.
const PACKAGES: &[&str] = &["ioi-node-supervisor", "ioi-node-cli"];

/// Runs a command with new namespaces refused.
const LAUNCHER: &str = "ioi-without-namespaces";

/// An ordinary user that every Linux system has: nobody.
const ORDINARY: u32 = 65534;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Identity {
    Root,
    Ordinary,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    identity: Identity,
    namespaces: bool,
}

const CELLS: &[Cell] = &[
    Cell { identity: Identity::Root, namespaces: true },
    Cell { identity: Identity::Root, namespaces: false },
    Cell { identity: Identity::Ordinary, namespaces: true },
    Cell { identity: Identity::Ordinary, namespaces: false },
];

/// A test program of one package.
struct TestProgram {
    package: String,
    folder: String,
    path: PathBuf,
}

/// Runs all cells but the one that `cargo test` was.
pub(super) fn run(session: &mut Session) {
    let mut staged = None;
    let is_ready = session.step("matrix: copy", |session| {
        staged = Some(stage(session)?);
        Ok(true)
    });
    let Some((scratch, programs)) = staged.filter(|_| is_ready) else { return };
    let caller = if is_root() { Identity::Root } else { Identity::Ordinary };
    let done = Cell { identity: caller, namespaces: true };
    for cell in CELLS.iter().filter(|cell| **cell != done) {
        session.step(&cell.name(), |session| run_cell(session, *cell, scratch.path(), &programs));
    }
}

impl Cell {
    fn name(self) -> String {
        let identity = match self.identity {
            Identity::Root => "root",
            Identity::Ordinary => "ordinary user",
        };
        format!("matrix: {identity}, {} namespaces", if self.namespaces { "with" } else { "no" })
    }

    /// A command that runs the given one in this cell, for a caller who is root or is not.
    fn command(self, caller_is_root: bool, stage: &Path, program: &Path) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if self.identity == Identity::Ordinary && caller_is_root {
            let id = ORDINARY.to_string();
            words.extend(["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "--"].map(Into::into));
        }
        if !self.namespaces {
            words.extend([stage.join(LAUNCHER).into(), "--".into()]);
        }
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }

    /// What this machine lacks to run the cell.
    fn lacks(self, stage: &Path) -> Option<&'static str> {
        if self.identity == Identity::Root && !is_root() {
            return Some("no root");
        }
        let succeeds = |program: &str, arguments: &[&str]| {
            let mut command = self.command(is_root(), stage, Path::new(program));
            quiet(command.args(arguments)).is_ok_and(|succeeded| succeeded)
        };
        if self.identity == Identity::Ordinary && is_root() && !has("setpriv") {
            return Some("no setpriv");
        }
        let unshares = has("unshare") && succeeds("unshare", &["--user", "--map-root-user", "true"]);
        (self.namespaces && !unshares).then_some("no user namespaces")
    }

    /// A cell without namespaces proves nothing if they can be had after all.
    fn check_launcher(self, stage: &Path) -> Result<()> {
        let starts = |program: &str, arguments: &[&str]| {
            let mut command = self.command(is_root(), stage, Path::new(program));
            quiet(command.current_dir("/").args(arguments))
        };
        if self.namespaces {
            return Ok(());
        }
        if !starts("true", &[])? {
            bail!("{LAUNCHER} does not start a program");
        }
        if has("unshare") && starts("unshare", &["--user", "true"])? {
            bail!("{LAUNCHER} lets unshare make a user namespace");
        }
        Ok(())
    }
}

fn run_cell(session: &mut Session, cell: Cell, stage: &Path, programs: &[TestProgram]) -> Result<bool> {
    if let Some(lacking) = cell.lacks(stage) {
        println!("skipped: {lacking}");
        session.tally.skip(lacking);
        return Ok(true);
    }
    cell.check_launcher(stage)?;
    let home = Home::create(stage, cell)?;
    let python = python::interpreter(session).map(Path::to_owned);
    let python = python.filter(|path| python::is_enough(&mut cell.command(is_root(), stage, path)));
    if python.is_none() {
        println!("skipped: no python with cryptography >= 48 for this user");
    }
    let before = session.tally.passed;
    let mut good = true;
    for program in programs {
        let mut command = cell.command(is_root(), stage, &program.path);
        command.arg("--show-output").current_dir(stage.join("checkout").join(&program.folder));
        set_environment(&mut command, stage, &home.path, python.as_deref(), program);
        let log = format!("{} {}", cell.name(), program.path.file_name().unwrap_or_default().display());
        let passed = session.count_tests(&log, &mut command)?;
        if !passed {
            println!("failed: {} in {}", program.path.display(), program.package);
        }
        good &= passed;
    }
    if session.tally.passed == before {
        bail!("no test of {} passed: the cell has tested nothing", PACKAGES.join(", "));
    }
    Ok(good)
}

fn set_environment(
    command: &mut Command,
    stage: &Path,
    home: &Path,
    python: Option<&Path>,
    program: &TestProgram,
) {
    command.env("IOI_BIN_DIR", stage).env("CARGO_MANIFEST_DIR", stage.join("checkout").join(&program.folder));
    command.env("HOME", home).env("TMPDIR", home);
    for inherited in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "IOI_HOME"] {
        command.env_remove(inherited);
    }
    match python {
        Some(python) => command.env("IOI_PYTHON", python),
        None => command.env_remove("IOI_PYTHON"),
    };
}

/// A home and a folder for temporary files of one cell's user.
struct Home {
    path: PathBuf,
}

impl Home {
    fn create(stage: &Path, cell: Cell) -> Result<Self> {
        let path = stage.join(format!("home-{}", if cell.namespaces { "a" } else { "b" }));
        let path = path.with_extension(if cell.identity == Identity::Root { "root" } else { "user" });
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        if cell.identity == Identity::Ordinary && is_root() {
            chown(&path, Some(ORDINARY), Some(ORDINARY))?;
        }
        Ok(Self { path })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

/// Copies programs, examples, test programs and the tracked files to where every user can read them.
/// The folders keep the shape of a build folder: programs above `deps/` and `examples/`.
fn stage(session: &Session) -> Result<(Scratch, Vec<TestProgram>)> {
    let workspace = &session.workspace;
    let scratch = Scratch::create("matrix")?;
    let stage = scratch.path();
    fs::set_permissions(stage, fs::Permissions::from_mode(0o755))?;
    let built = workspace.target.join("debug");
    copy_executables(&built, stage)?;
    copy_executables(&built.join("examples"), &stage.join("examples"))?;
    if !stage.join(LAUNCHER).is_file() {
        bail!("no package of the workspace builds {LAUNCHER}, which the matrix needs");
    }
    copy_checkout(&workspace.root, &stage.join("checkout"))?;
    let mut programs = test_programs(workspace)?;
    for program in &mut programs {
        let to = stage.join("deps").join(program.path.file_name().unwrap_or_default());
        copy(&program.path, &to, 0o755)?;
        program.path = to;
    }
    Ok((scratch, programs))
}

fn copy_executables(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).into_iter().flatten() {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
            copy(&entry.path(), &to.join(entry.file_name()), 0o755)?;
        }
    }
    Ok(())
}

fn copy_checkout(root: &Path, to: &Path) -> Result<()> {
    for path in list_files(root)? {
        let from = root.join(&path);
        // A file that is deleted but not yet staged is listed all the same.
        if from.is_file() {
            copy(&from, &to.join(&path), 0o644)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let create = || {
        to.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::copy(from, to)?;
        fs::set_permissions(to, fs::Permissions::from_mode(mode))
    };
    create().with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Asks cargo, which has built them already, where the test programs of the packages are.
fn test_programs(workspace: &Workspace) -> Result<Vec<TestProgram>> {
    let mut command = cargo();
    command.args(["test", "--workspace", "--lib", "--bins", "--tests", "--no-run"]);
    command.args(["--message-format", "json"]);
    let output = command.current_dir(&workspace.root).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the test programs could not be built");
    }
    let messages = String::from_utf8(output.stdout)?;
    let programs: Vec<_> = messages.lines().filter_map(|line| parse_message(line, workspace)).collect();
    for package in PACKAGES {
        if !programs.iter().any(|program| program.package == *package) {
            bail!("{package} has no test program");
        }
    }
    Ok(programs)
}

fn parse_message(line: &str, workspace: &Workspace) -> Option<TestProgram> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = PathBuf::from(message["executable"].as_str()?);
    let package = workspace.packages.get(message["package_id"].as_str()?)?;
    let is_test = message["profile"]["test"].as_bool()? && PACKAGES.contains(&package.name.as_str());
    let folder = package.folder.clone()?;
    is_test.then(|| TestProgram { package: package.name.clone(), folder, path })
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

fn has(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

fn quiet(command: &mut Command) -> Result<bool> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status()?.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;
    use serde_json::json;

    fn words(cell: Cell, caller_is_root: bool) -> String {
        let command = cell.command(caller_is_root, Path::new("/s"), Path::new("/s/deps/it"));
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_cell_changes_exactly_what_its_name_says() {
        let user = "setpriv --reuid 65534 --regid 65534 --clear-groups --";
        let expected = [
            "/s/deps/it".to_owned(),
            "/s/ioi-without-namespaces -- /s/deps/it".to_owned(),
            format!("{user} /s/deps/it"),
            format!("{user} /s/ioi-without-namespaces -- /s/deps/it"),
        ];
        for (cell, expected) in CELLS.iter().zip(expected) {
            assert_eq!(words(*cell, true), expected, "{}", cell.name());
        }
        let cell = Cell { identity: Identity::Ordinary, namespaces: false };
        assert_eq!(words(cell, false), "/s/ioi-without-namespaces -- /s/deps/it");
    }

    #[test]
    fn a_launcher_that_refuses_nothing_or_starts_nothing_is_found() {
        let scratch = Scratch::create("xtask-launcher").unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let identity = if is_root() { Identity::Root } else { Identity::Ordinary };
        let checked = |script: &str| {
            let launcher = scratch.path().join(LAUNCHER);
            fs::write(&launcher, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755)).unwrap();
            Cell { identity, namespaces: false }.check_launcher(scratch.path())
        };
        checked("test $2 != unshare").expect("this stand-in refuses unshare and starts the rest");
        assert!(checked("exit 0").is_err(), "unshare seemed to work");
        assert!(checked("exit 1").is_err());
        let namespaces = Cell { identity, namespaces: true };
        if namespaces.lacks(scratch.path()).is_some() {
            println!("skipped: no user namespaces");
            return;
        }
        assert!(checked("shift; exec \"$@\"").unwrap_err().to_string().contains("unshare"));
    }

    #[test]
    fn only_test_programs_of_the_listed_packages_are_taken() {
        let package =
            |name: &str| Package { name: name.into(), folder: Some("edge/x".into()), ..Package::default() };
        let packages =
            [("s".to_owned(), package("ioi-node-cli")), ("o".to_owned(), package("ioi-other"))].into();
        let workspace = Workspace { root: "/w".into(), target: "/t".into(), packages };
        let taken = |package: &str, test: bool, executable: Value| {
            let message = json!({"package_id": package, "profile": {"test": test}, "executable": executable});
            parse_message(&message.to_string(), &workspace).is_some()
        };
        assert!(taken("s", true, json!("/t/debug/deps/it")));
        assert!(!taken("s", false, json!("/t/debug/ioi")));
        assert!(!taken("s", true, Value::Null));
        assert!(!taken("o", true, json!("/t/debug/deps/it")));
        assert!(parse_message("Compiling", &workspace).is_none());
    }
}
