//! Bugs that are planted in a copy of the tree, one at a time, to see that a named test finds each.
//!
//! `planted.toml` beside this crate has them. A bug whose place is no longer there is an error, so that the
//! list can't silently stop to mean anything.

use crate::tidy::list_files;
use crate::workspace::{Workspace, cargo};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

const LIST: &str = include_str!("../planted.toml");
/// A test that hangs has not found anything.
const PATIENCE_S: &str = "900";

/// One bug, as the list has it.
#[derive(Debug, Clone, PartialEq)]
struct Bug {
    name: String,
    is: String,
    file: String,
    find: String,
    plant: String,
    package: String,
    /// `loom`, or none.
    checker: Option<String>,
    /// Each of them finds it.
    tests: Vec<String>,
}

impl Bug {
    fn of(table: &toml::Table) -> Result<Self> {
        let text = |key: &str| {
            let value = table.get(key).and_then(toml::Value::as_str);
            value.map(str::to_owned).with_context(|| format!("a bug has no `{key}`"))
        };
        let tests = table.get("tests").and_then(toml::Value::as_array).context("a bug has no `tests`")?;
        let tests = tests.iter().map(|test| test.as_str().map(str::to_owned).context("a test has no name"));
        Ok(Self {
            name: text("name")?,
            is: text("is")?,
            file: text("file")?,
            find: text("find")?,
            plant: text("plant")?,
            package: text("package")?,
            checker: text("checker").ok(),
            tests: tests.collect::<Result<_>>()?,
        })
    }

    /// The text with the bug in it.
    fn planted(&self, text: &str) -> Result<String> {
        let places = text.matches(&self.find).count();
        ensure!(places == 1, "{}: its place is in {} {places} times, not once", self.name, self.file);
        Ok(text.replace(&self.find, &self.plant))
    }
}

fn bugs() -> Result<Vec<Bug>> {
    let list: toml::Table = LIST.parse().context("planted.toml")?;
    let bugs = list.get("bug").and_then(toml::Value::as_array).context("planted.toml has no bug")?;
    bugs.iter().map(|bug| Bug::of(bug.as_table().context("a bug is a table")?)).collect()
}

/// Plants those that are named, or all; true when each was found.
pub(crate) fn run(names: &[OsString]) -> Result<bool> {
    let all = bugs()?;
    for name in names {
        let known = all.iter().any(|bug| name.to_str() == Some(&*bug.name));
        ensure!(known, "there is no bug `{}`; there are {}", name.display(), listed(&all));
    }
    let chosen = |bug: &&Bug| names.is_empty() || names.iter().any(|name| name.to_str() == Some(&*bug.name));
    let field = Field::prepare(&Workspace::load(false)?)?;
    field.check_tests(&all.iter().filter(chosen).collect::<Vec<_>>())?;
    let mut missed = 0;
    for bug in all.iter().filter(chosen) {
        let start = Instant::now();
        let silent = field.plant(bug)?;
        let seconds = start.elapsed().as_secs();
        match silent.as_slice() {
            [] => println!("found   {:<32} {seconds:>4} s  {}", bug.name, bug.tests.join(", ")),
            _ => println!("MISSED  {:<32} {seconds:>4} s  by {}", bug.name, silent.join(", ")),
        }
        missed += usize::from(!silent.is_empty());
    }
    Ok(missed == 0)
}

fn listed(bugs: &[Bug]) -> String {
    bugs.iter().map(|bug| bug.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A copy of the tree, with build folders of its own.
struct Field {
    checkout: PathBuf,
    builds: PathBuf,
}

impl Field {
    fn prepare(workspace: &Workspace) -> Result<Self> {
        let folder = workspace.target.join("planted");
        let field = Self { checkout: folder.join("checkout"), builds: folder.join("builds") };
        for path in list_files(&workspace.root)? {
            let (from, to) = (workspace.root.join(&path), field.checkout.join(&path));
            // What is as it was keeps its time, so that it isn't built again.
            if from.is_file() && fs::read(&from).ok() != fs::read(&to).ok() {
                to.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::copy(&from, &to).with_context(|| to.display().to_string())?;
            }
        }
        Ok(field)
    }

    /// Without a bug all the tests pass: otherwise their failure would say nothing.
    fn check_tests(&self, bugs: &[&Bug]) -> Result<()> {
        let mut tests: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
        for bug in bugs {
            let named = tests.entry((&bug.package, bug.checker.as_deref())).or_default();
            named.extend(bug.tests.iter().map(String::as_str));
        }
        for ((package, checker), mut names) in tests {
            names.sort_unstable();
            names.dedup();
            let output = self.test(package, checker, &names)?;
            for name in names {
                ensure!(ended(&output, name, "ok"), "without a bug, {name} does not pass:\n{output}");
            }
        }
        Ok(())
    }

    /// The tests that were to find the bug and did not.
    fn plant(&self, bug: &Bug) -> Result<Vec<String>> {
        let path = self.checkout.join(&bug.file);
        let sound = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        fs::write(&path, bug.planted(&sound)?)?;
        let names: Vec<_> = bug.tests.iter().map(String::as_str).collect();
        let output = self.test(&bug.package, bug.checker.as_deref(), &names);
        fs::write(&path, sound)?;
        let output = output?;
        if !output.lines().any(|line| line.starts_with("running ")) {
            bail!("{} was not tested, since it does not compile:\n{output}", bug.name);
        }
        Ok(bug.tests.iter().filter(|test| !ended(&output, test, "FAILED")).cloned().collect())
    }

    /// Both outputs of these tests, as far as they came in their time.
    fn test(&self, package: &str, checker: Option<&str>, names: &[&str]) -> Result<String> {
        // It ends a test that hangs together with cargo, which would leave it behind.
        let mut command = Command::new("timeout");
        command.arg(PATIENCE_S).arg(cargo().get_program());
        command.current_dir(&self.checkout).args(["test", "-p", package, "--no-fail-fast"]);
        match checker {
            Some(checker) => {
                command.args(["--release", "--no-default-features", "--test", checker]);
                command.env("RUSTFLAGS", format!("--cfg {checker}"));
            }
            None => {
                command.arg("--tests");
            }
        }
        command.arg("--").args(names).env("CARGO_TARGET_DIR", self.builds.join(checker.unwrap_or("plain")));
        command.env("CARGO_TERM_COLOR", "never");
        let output = command.output().context("timeout (coreutils) does not start")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(text(&output.stdout) + &text(&output.stderr))
    }
}

/// Whether the test is reported with this result, wherever in its crate it is.
fn ended(output: &str, test: &str, result: &str) -> bool {
    output.lines().filter_map(|line| line.strip_prefix("test ")).any(|line| {
        let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
        name.rsplit("::").next() == Some(test) && rest.ends_with(result)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn every_planted_bug_has_its_place_and_its_tests() {
        let bugs = bugs().unwrap();
        assert!(bugs.len() > 10);
        let mut sources = String::new();
        for path in list_files(root()).unwrap().iter().filter(|path| path.ends_with(".rs")) {
            sources += &fs::read_to_string(root().join(path)).unwrap();
        }
        for bug in bugs {
            let text = fs::read_to_string(root().join(&bug.file)).unwrap();
            assert_ne!(bug.planted(&text).unwrap(), text, "{}: nothing is planted", bug.name);
            assert!(!bug.is.is_empty() && !bug.tests.is_empty(), "{}", bug.name);
            for test in bug.tests {
                let is_there =
                    sources.contains(&format!("fn {test}()")) || sources.contains(&format!("{test}: \""));
                assert!(is_there, "{}: there is no test `{test}`", bug.name);
            }
        }
    }

    #[test]
    fn a_test_is_known_by_its_whole_name() {
        let output = "running 2 tests\ntest a::b::finds ... FAILED\ntest finds_more ... ok\n";
        assert!(ended(output, "finds", "FAILED") && ended(output, "finds_more", "ok"));
        assert!(!ended(output, "more", "ok") && !ended(output, "finds", "ok"));
    }
}
