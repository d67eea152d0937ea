//! The storm: every window in both roles, and as many kills at random instructions.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use ioi_storm::{WINDOWS, run};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ioi-storm");
const KILLS: u64 = 504;

/// Descriptors are counted, so one test runs after the other.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_killed_peer_tears_no_message_and_leaves_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seed = std::env::var("IOI_STORM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    eprintln!("seed {seed} (IOI_STORM_SEED changes it)");
    let report = run(Path::new(PROGRAM), seed, KILLS, |_| ());
    assert_eq!(report.broken, None);
    let each = KILLS / 2 / (2 * WINDOWS.len() as u64);
    assert_eq!((report.windows, report.random), ([[each; 2]; WINDOWS.len()], KILLS / 2));
    assert!((KILLS / 3..KILLS * 2 / 3).contains(&report.asleep), "{} survivors slept", report.asleep);
    // Else nothing was under way when the victims died.
    assert!(report.drained > KILLS && report.leases > KILLS / 4, "{report:?}");
    assert!(report.bystanders.0 > 10);
}

/// With a `/tmp` and a `/dev/shm` of its own, so that nobody else's files are in the way.
#[test]
fn no_file_is_left_in_tmp_or_in_dev_shm() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let script = "exec 9<\"$1\" && mount -t tmpfs none /tmp && mount -t tmpfs none /dev/shm || exit 77
        /proc/self/fd/9 --kills 28 >&2 || exit 1
        ls -A /tmp /dev/shm";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script, "sh", PROGRAM]);
    let Ok(output) = command.output() else { return eprintln!("skipped: no unshare") };
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(77) || said.starts_with("unshare:") {
        return eprintln!("skipped: no mount namespace");
    }
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "/dev/shm:\n\n/tmp:");
}
