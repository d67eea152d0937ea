//! The test command: every check and test, cheap ones first, with times and one count at the end.
//!
//! A step that fails fails the whole; the rest still runs, so that one run shows everything that is
//! wrong. Only what needs the programs is left out when they don't build.

mod c;
mod foreign;
mod matrix;
mod models;
mod python;
mod sdk;
mod tally;

use crate::workspace::{Workspace, cargo};
use crate::{asan, generate, licences, tidy};
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tally::Tally;

/// How one step ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    NotRun,
}

/// What has run so far.
struct Session {
    workspace: Workspace,
    steps: Vec<(String, f64, Outcome)>,
    tally: Tally,
    /// For every program that a step starts.
    environment: Vec<(&'static str, PathBuf)>,
}

/// Runs all steps; true when none failed.
pub(crate) fn run(quick: bool) -> Result<bool> {
    let workspace = Workspace::load(false)?;
    let programs = workspace.target.join("debug");
    let environment = vec![("IOI_BIN_DIR", programs)];
    let mut session = Session { workspace, steps: Vec::new(), tally: Tally::default(), environment };
    session.check_sources();
    let is_built = session.cargo("build", &["build", "--workspace", "--all-targets"]);
    if !quick {
        session.step("python", python::set_up);
    }
    if is_built {
        session.tests(quick);
    } else {
        session.not_run("tests");
    }
    sdk::run(&mut session, quick);
    session.print_summary();
    Ok(session.is_good())
}

impl Session {
    fn check_sources(&mut self) {
        self.cargo("format", &["fmt", "--all", "--check"]);
        self.step("tidy", |_| tidy::run());
        self.step("generate --check", check_generated);
        self.step("licences", |_| licences::run());
        self.cargo("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    }

    fn tests(&mut self, quick: bool) {
        self.step("cargo test", |session| {
            let mut command = cargo();
            command.args(["test", "--workspace", "--no-fail-fast", "--", "--show-output"]);
            session.count_tests("cargo-test", &mut command)
        });
        self.step("c", c::run);
        models::run(self);
        self.step("hostile asan", hostile_under_asan);
        if !quick {
            matrix::run(self);
        }
    }

    /// Times one step and keeps its outcome. An error is a failure like any other, and a failed step
    /// that counted no failed test counts as one, so that the closing line never hides it.
    fn step(&mut self, name: &str, body: impl FnOnce(&mut Self) -> Result<bool>) -> bool {
        println!("== {name}");
        // A log that is read while a step hangs must already name the step.
        std::io::stdout().flush().ok();
        let started = Instant::now();
        let failed_before = self.tally.failed;
        let outcome = match body(self) {
            Ok(true) => Outcome::Passed,
            Ok(false) => Outcome::Failed,
            Err(error) => {
                println!("{error:#}");
                Outcome::Failed
            }
        };
        if outcome == Outcome::Failed {
            self.tally.failed = self.tally.failed.max(failed_before + 1);
        }
        self.steps.push((name.to_owned(), started.elapsed().as_secs_f64(), outcome));
        outcome == Outcome::Passed
    }

    fn not_run(&mut self, name: &str) {
        println!("== {name}\nnot run: the build failed");
        self.steps.push((name.to_owned(), 0.0, Outcome::NotRun));
    }

    fn cargo(&mut self, name: &str, arguments: &[&str]) -> bool {
        self.step(name, |session| {
            let mut command = cargo();
            command.args(arguments);
            let (succeeded, output) = session.capture(name, &mut command)?;
            if !succeeded {
                print!("{output}");
            }
            Ok(succeeded)
        })
    }

    /// Runs a program that prints like libtest, adds up its results, shows all it said if it failed
    /// and otherwise only why tests were skipped.
    fn count_tests(&mut self, log: &str, command: &mut Command) -> Result<bool> {
        self.count(log, command, Tally::parse)
    }

    /// The same for a program that prints in another way.
    fn count(&mut self, log: &str, command: &mut Command, parse: fn(&str) -> Tally) -> Result<bool> {
        let (succeeded, output) = self.capture(log, command)?;
        let mut tally = parse(&output);
        if !succeeded {
            tally.admit_failure();
            print!("{output}");
        }
        for reason in &tally.reasons {
            println!("{reason}");
        }
        let good = succeeded && tally.failed == 0;
        self.tally.add(&tally);
        Ok(good)
    }

    /// Runs a program to its end with its output in a file. A pipe would wait for every process that
    /// a test left behind.
    fn capture(&self, log: &str, command: &mut Command) -> Result<(bool, String)> {
        let path = self.log_path(log)?;
        let file = File::create(&path)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        if command.get_current_dir().is_none() {
            command.current_dir(&self.workspace.root);
        }
        let set: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        for (name, value) in self.environment.iter().filter(|(name, _)| !set.iter().any(|s| s == name)) {
            command.env(name, value);
        }
        let status = command.status().with_context(|| format!("{command:?} did not start"))?;
        Ok((status.success(), String::from_utf8_lossy(&fs::read(&path)?).into_owned()))
    }

    fn log_path(&self, name: &str) -> Result<PathBuf> {
        let folder = self.workspace.target.join("xtask");
        fs::create_dir_all(&folder)?;
        let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        Ok(folder.join(format!("{}.log", words.collect::<Vec<_>>().join("-"))))
    }

    fn is_good(&self) -> bool {
        self.steps.iter().all(|(_, _, outcome)| *outcome == Outcome::Passed)
    }

    fn print_summary(&self) {
        println!("\n{:<44} {:>8}", "step", "seconds");
        for (name, seconds, outcome) in &self.steps {
            let mark = match outcome {
                Outcome::Passed => "",
                Outcome::Failed => "  FAILED",
                Outcome::NotRun => "  NOT RUN",
            };
            println!("{name:<44} {seconds:>8.1}{mark}");
        }
        println!("{}", self.tally);
    }
}

/// Whether everything that is made from the schemas is current.
fn check_generated(session: &mut Session) -> Result<bool> {
    let with_capnp = generate::has_capnp();
    if !with_capnp {
        session.tally.skip("no capnp");
    }
    generate::generate(&session.workspace.root, true, with_capnp)
}

/// Lies told to a victim that AddressSanitizer watches, fewer than without it.
fn hostile_under_asan(session: &mut Session) -> Result<bool> {
    match asan::command(&session.workspace.target, asan::CASES_IN_TESTS)? {
        Some(mut command) => session.count_tests("hostile-asan", &mut command),
        None => {
            println!("skipped: no AddressSanitizer");
            session.tally.skip("no AddressSanitizer");
            Ok(true)
        }
    }
}

/// A folder that is removed with all that is in it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// In the folder for temporary files, where every user of the machine can reach it.
    pub(crate) fn create(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("ioi-{name}-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(target: &Path) -> Session {
        let workspace = Workspace { root: "/".into(), target: target.into(), packages: Default::default() };
        Session { workspace, steps: Vec::new(), tally: Tally::default(), environment: Vec::new() }
    }

    #[test]
    fn a_step_that_fails_errs_or_was_not_run_fails_the_whole() {
        let scratch = Scratch::create("xtask-steps").unwrap();
        let bad: [fn(&mut Session); 3] = [
            |session| assert!(!session.step("false", |_| Ok(false))),
            |session| assert!(!session.step("error", |_| anyhow::bail!("broken"))),
            |session| session.not_run("tests"),
        ];
        for add in bad {
            let mut session = session(scratch.path());
            assert!(session.step("good", |_| Ok(true)) && session.is_good());
            add(&mut session);
            assert!(session.step("good", |_| Ok(true)) && !session.is_good());
            let not_run = session.steps.iter().any(|(_, _, outcome)| *outcome == Outcome::NotRun);
            assert_eq!(session.tally.failed, u64::from(!not_run));
        }
    }

    #[test]
    fn a_test_program_that_dies_counts_as_a_failure_although_it_reports_none() {
        let scratch = Scratch::create("xtask-dies").unwrap();
        let mut session = session(scratch.path());
        let mut run = |script: &str| {
            let good = session.count_tests("sh", Command::new("sh").args(["-c", script])).unwrap();
            (good, session.tally.passed, session.tally.failed)
        };
        assert_eq!(run("echo 'test result: ok. 2 passed; 0 failed; 0 ignored'"), (true, 2, 0));
        assert_eq!(run("kill -9 $$"), (false, 2, 1));
        assert_eq!(run("echo 'test result: FAILED. 1 passed; 3 failed; 0 ignored'; exit 101"), (false, 3, 4));
        // Whoever reports a failure has failed, whatever it exits with.
        let mut lying = Command::new("sh");
        lying.args(["-c", "echo 'test result: FAILED. 0 passed; 1 failed; 0 ignored'"]);
        assert!(!session.count_tests("sh", &mut lying).unwrap());
        assert!(session.count_tests("none", &mut Command::new("/nonexistent")).is_err());
    }

    #[test]
    fn a_step_ends_although_a_process_it_left_behind_holds_its_output() {
        let scratch = Scratch::create("xtask-left").unwrap();
        let session = session(scratch.path());
        let mut command = Command::new("sh");
        let (succeeded, output) =
            session.capture("left", command.args(["-c", "sleep 600 & echo $!"])).unwrap();
        assert!(succeeded);
        let left = output.trim();
        assert!(Path::new("/proc").join(left).exists());
        assert!(Command::new("kill").arg(left).status().unwrap().success());
    }
}
