//! A machine that gives too little.

use crate::place::{Call, Place, program};
use crate::started::Outcome;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};
use std::collections::BTreeMap;

/// A filter under which these system calls do not exist, as on a kernel without them.
fn without(calls: &[i64]) -> BpfProgram {
    let missing = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let arch: TargetArch = std::env::consts::ARCH.try_into().unwrap();
    let mut rules = calls.iter().map(|call| (*call, Vec::new())).collect::<BTreeMap<_, _>>();
    if calls.contains(&libc::SYS_seccomp) {
        // The older way to the same.
        let set = u64::from(libc::PR_SET_SECCOMP.cast_unsigned());
        let is_set = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, set).unwrap();
        rules.insert(libc::SYS_prctl, vec![SeccompRule::new(vec![is_set]).unwrap()]);
    }
    SeccompFilter::new(rules, SeccompAction::Allow, missing, arch).unwrap().try_into().unwrap()
}

/// Runs a command on a thread whose children lack the system calls; the filter ends with the thread.
fn outcome_without(calls: &[i64], call: Call) -> Outcome {
    let filter = without(calls);
    let run = move || {
        seccompiler::apply_filter(&filter).unwrap();
        call.outcome()
    };
    std::thread::spawn(run).join().unwrap()
}

const LANDLOCK: [i64; 3] =
    [libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self];

fn without_namespaces(place: &Place) -> Call {
    let mut call = place.other(&program("ioi-without-namespaces"));
    call.command.arg("--").arg(program("ioi"));
    call
}

#[test]
fn without_namespaces_and_landlock_nothing_runs_and_the_missing_property_is_named() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let docs = place.path("docs").display().to_string();
    let ask = without_namespaces(&place).arguments(["ask", &docs, "heron?"]);
    outcome_without(&LANDLOCK, ask).assert_fails(5, &["files-confined", "Landlock"]);
    let touched = place.path("work/touched").display().to_string();
    let work = place.path("work").display().to_string();
    let run = without_namespaces(&place).arguments(["run", "--write", &work, "--", "touch", &touched]);
    outcome_without(&LANDLOCK, run).assert_fails(125, &["files-confined"]);
    assert!(!place.path("work/touched").exists(), "the program ran");
    assert_eq!(place.receipts().len(), 0);
    let doctor = outcome_without(&LANDLOCK, without_namespaces(&place).arguments(["--json", "doctor"]));
    assert!(doctor.stdout.contains("files-confined"), "{doctor:?}");
}

#[test]
fn without_namespaces_alone_the_other_layers_do() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let docs = place.path("docs").display().to_string();
    let outcome = without_namespaces(&place).arguments(["--json", "ask", &docs, "heron?"]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.event("answer")["citations"][0]["path"], "a.md");
}

#[test]
fn without_namespaces_and_seccomp_nothing_runs_and_the_missing_property_is_named() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let outcome = outcome_without(&[libc::SYS_seccomp, libc::SYS_unshare], place.ask("heron?"));
    outcome.assert_fails(5, &["sandbox.unavailable", "no-network"]);
    assert_eq!(place.receipts().len(), 0);
}

#[test]
fn a_missing_program_of_ours_is_named() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let nowhere = place.path("tmp");
    let outcome = place.ask("heron?").env("IOI_BIN_DIR", &nowhere).outcome();
    outcome.assert_fails(5, &["ioi-init", &nowhere.display().to_string()]);
}
