//! The libraries of other languages: each is checked by its own tools and its own tests.
//!
//! Where a language's tools are missing or too old, that language is skipped by name. What its
//! package manager fetches is pinned by a lock file, or by an exact version.

use super::{Session, foreign, python};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Exits with 0 only for a version that will do.
const NODE_PROBE: &str = "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)";
const PYTHON_PROBE: &str = "import sys; sys.exit(sys.version_info < (3, 11))";
const PYCAPNP_PROBE: &str = "import sys, capnp; sys.exit(sys.version_info < (3, 11))";

/// Runs every language. Only Python's needs an environment to be made, which `--quick` leaves out.
pub(super) fn run(session: &mut Session, quick: bool) {
    session.step("typescript", typescript);
    session.step("go", go);
    if !quick {
        session.step("python sdk", python_sdk);
    }
}

fn typescript(session: &mut Session) -> Result<bool> {
    let has_npm = succeeds(Command::new("npm").arg("--version"));
    if !has_npm || !succeeds(Command::new("node").args(["-e", NODE_PROBE])) {
        return Ok(skip(session, "no node 20 with npm"));
    }
    let folder = session.workspace.root.join("sdk/typescript");
    // A test that was renamed would go on to run from there.
    if folder.join("build").exists() {
        fs::remove_dir_all(folder.join("build"))?;
    }
    let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
    if !tool(session, "npm-ci", Command::new("npm").args(install).current_dir(&folder))? {
        return Ok(false);
    }
    let mut command = Command::new("npm");
    command.args(["test", "--silent"]).current_dir(&folder);
    session.count("typescript", &mut command, foreign::node)
}

fn go(session: &mut Session) -> Result<bool> {
    let folder = session.workspace.root.join("sdk/go");
    // `local` keeps an older Go from fetching a newer one for itself.
    let go = |arguments: &[&str]| {
        let mut command = Command::new("go");
        command
            .args(arguments)
            .current_dir(&folder)
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-mod=readonly");
        command
    };
    if !succeeds(&mut go(&["list", "-m"])) {
        return Ok(skip(session, "no go 1.26"));
    }
    let mut format = Command::new("gofmt");
    let (ran, unformatted) = session.capture("gofmt", format.args(["-l", "."]).current_dir(&folder))?;
    print!("{unformatted}");
    let is_vetted = tool(session, "go-vet", &mut go(&["vet", "./..."]))?;
    let tests = &mut go(&["test", "-count=1", "-json", "./..."]);
    let is_good = session.count("go", tests, foreign::go)?;
    Ok(is_good && is_vetted && ran && unformatted.is_empty())
}

fn python_sdk(session: &mut Session) -> Result<bool> {
    if !succeeds(Command::new("python3").args(["-I", "-c", PYTHON_PROBE])) {
        return Ok(skip(session, "no python3 of 3.11 or newer"));
    }
    let folder = session.workspace.root.join("sdk/python");
    let package = dependency(&folder)?;
    let Some(python) = python::environment(session, "venv-sdk", &package, has_pycapnp) else {
        return Ok(skip(session, &format!("no {package}")));
    };
    let mut command = Command::new(python);
    command.args(["-m", "unittest", "discover", "-t", ".", "-s", "tests"]).current_dir(&folder);
    session.count("python-sdk", &mut command, foreign::unittest)
}

fn has_pycapnp(python: &mut Command) -> bool {
    succeeds(python.args(["-I", "-c", PYCAPNP_PROBE]))
}

/// The one package, with its exact version, that the library's own description names.
fn dependency(folder: &Path) -> Result<String> {
    let text = fs::read_to_string(folder.join("pyproject.toml"))?;
    let named = text.split_once("dependencies = [\"").and_then(|(_, rest)| rest.split_once("\"]"));
    Ok(named.context("sdk/python/pyproject.toml names no single dependency")?.0.to_owned())
}

/// Runs a tool that is no test, and shows all it said if it failed.
fn tool(session: &Session, log: &str, command: &mut Command) -> Result<bool> {
    let (succeeded, output) = session.capture(log, command)?;
    if !succeeded {
        print!("{output}");
    }
    Ok(succeeded)
}

fn skip(session: &mut Session, reason: &str) -> bool {
    println!("skipped: {reason}");
    session.tally.skip(reason);
    true
}

fn succeeds(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_python_library_names_one_dependency_with_its_exact_version() {
        let package = dependency(Path::new("../sdk/python")).unwrap();
        let (name, version) = package.split_once("==").unwrap();
        assert_eq!(name, "pycapnp");
        assert!(version.split('.').all(|part| part.parse::<u32>().is_ok()), "{version}");
    }
}
