//! Pythons with the one package that something needs: first `verify.py`, each in a virtual environment of our own.

use super::Session;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest version that has ML-DSA.
const PACKAGE: &str = "cryptography>=48";
const MISSING: &str = "no cryptography >= 48";

/// Exits with 0 only for a version that will do.
const PROBE: &str = "import cryptography as c, sys; sys.exit(int(c.__version__.split('.')[0]) < 48)";

/// Interpreters that are tried in turn. The system's own comes first, since other users of the
/// machine can run it as well.
const INTERPRETERS: &[&str] = &["/usr/bin/python3", "python3"];

/// Sets `IOI_PYTHON` for the tests. Where no such Python is to be had, the step passes, and one
/// skipped test and the reason stand in the count.
pub(super) fn set_up(session: &mut Session) -> Result<bool> {
    if let Some(python) = environment(session, "venv", PACKAGE, is_enough) {
        println!("{}", python.display());
        session.environment.push(("IOI_PYTHON", python));
    } else {
        println!("skipped: {MISSING}");
        session.tally.skip(MISSING);
    }
    Ok(true)
}

/// A Python in a virtual environment beneath the build folder, with the package; none where no
/// interpreter, or no such package, is to be had.
pub(super) fn environment(
    session: &Session,
    name: &str,
    package: &str,
    is_enough: fn(&mut Command) -> bool,
) -> Option<PathBuf> {
    let folder = session.workspace.target.join(name);
    let python = folder.join("bin/python");
    let is_there = || is_enough(&mut Command::new(&python));
    let create = |interpreter: &&str| create(session, interpreter, &folder, package) && is_there();
    (is_there() || INTERPRETERS.iter().any(create)).then_some(python)
}

/// Whether this Python, which may be wrapped into a change of user, has the package.
pub(super) fn is_enough(python: &mut Command) -> bool {
    let output = python.args(["-I", "-c", PROBE]).output();
    output.is_ok_and(|output| output.status.success())
}

/// The interpreter that was set up, if any.
pub(super) fn interpreter(session: &Session) -> Option<&Path> {
    let set = session.environment.iter().find(|(name, _)| *name == "IOI_PYTHON");
    set.map(|(_, path): &(_, PathBuf)| path.as_path())
}

fn create(session: &Session, interpreter: &str, folder: &Path, package: &str) -> bool {
    let mut venv = Command::new(interpreter);
    venv.args(["-m", "venv", "--clear"]).arg(folder);
    let mut install = Command::new(folder.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", package]);
    let succeeds = |log: &str, command: &mut Command| {
        session.capture(log, command).is_ok_and(|(succeeded, _)| succeeded)
    };
    succeeds("venv", &mut venv) && succeeds("pip", &mut install)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::Scratch;

    #[test]
    fn a_python_without_the_package_or_with_an_old_one_is_not_enough() {
        if !Command::new("python3").arg("-V").output().is_ok_and(|output| output.status.success()) {
            println!("skipped: no python3");
            return;
        }
        let scratch = Scratch::create("xtask-python").unwrap();
        for (version, enough) in [("47.0.9", false), ("48.0.0", true), ("100.1", true)] {
            // A folder each, since Python would take compiled files of the same second and size for fresh.
            let folder = scratch.path().join(version);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("cryptography.py"), format!("__version__ = '{version}'\n")).unwrap();
            let add = format!("import sys; sys.path.insert(0, {folder:?}); {PROBE}");
            let status = Command::new("python3").args(["-I", "-c", &add]).status().unwrap();
            assert_eq!(status.success(), enough, "{version}");
        }
        assert!(!is_enough(&mut Command::new("/nonexistent/python")));
        assert!(!is_enough(&mut Command::new("false")));
    }
}
