//! `base/shm` and `base/cell` under other rules than the machine's: without an operating system, under loom,
//! shuttle and miri.

use super::Session;
use crate::workspace::cargo;
use anyhow::Result;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Random schedules in one run of all shuttle tests together.
const SHUTTLE_SCHEDULES: &str = "100000";

/// Runs all of them; each checker has a build folder of its own, since its flags reach every crate.
pub(super) fn run(session: &mut Session) {
    session.cargo("shm no_std", &["check", "-p", "ioi-shm", "-p", "ioi-cell", "--no-default-features"]);
    session
        .cargo("cell no os", &["check", "-p", "ioi-cell", "--no-default-features", "--features", "protocol"]);
    session.step("shm loom", |session| checker(session, "shm", &[], "loom"));
    session.step("cell loom", |session| checker(session, "cell", &["--features", "protocol"], "loom"));
    session.step("shm shuttle", |session| checker(session, "shm", &[], "shuttle"));
    session.step("shm miri", miri);
}

fn checker(session: &mut Session, package: &str, features: &[&str], name: &str) -> Result<bool> {
    let mut command = cargo();
    command.args(["test", "--release", "-p", &format!("ioi-{package}"), "--no-default-features"]);
    command.args(features).args(["--test", name]);
    command.args(["--", "--show-output"]).env("CARGO_TARGET_DIR", folder(session, name));
    command.env("RUSTFLAGS", format!("--cfg {name}")).env("IOI_SHUTTLE_SCHEDULES", SHUTTLE_SCHEDULES);
    session.count_tests(&format!("{package}-{name}"), &mut command)
}

/// Miri interprets the parts without system calls and reports data races and undefined behaviour.
fn miri(session: &mut Session) -> Result<bool> {
    if !has_miri() {
        println!("skipped: no miri");
        session.tally.skip("no miri");
        return Ok(true);
    }
    let mut command = Command::new("cargo");
    command.args([
        "+nightly",
        "miri",
        "test",
        "-p",
        "ioi-shm",
        "--no-default-features",
        "--lib",
        "--test",
        "it",
    ]);
    command.args(["--", "--show-output"]).env("CARGO_TARGET_DIR", folder(session, "miri"));
    // Cargo says which compiler it wants by these; here another is wanted.
    for variable in ["RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "CARGO"] {
        command.env_remove(variable);
    }
    command.env("MIRIFLAGS", "-Zmiri-disable-isolation").env("PROPTEST_CASES", "3");
    session.count_tests("shm-miri", &mut command)
}

fn has_miri() -> bool {
    let mut probe = Command::new("cargo");
    probe.args(["+nightly", "miri", "--version"]).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    let status = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn folder(session: &Session, name: &str) -> PathBuf {
    session.workspace.target.join(name)
}
