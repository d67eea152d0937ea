//! `ioi run`: the program's own words and codes, and ours where it could not run.

use crate::place::{Place, skip};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// True if a program can be run here at all; otherwise says that it can't.
fn has(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).status();
    let runs = status.is_ok_and(|status| status.success());
    if !runs {
        skip(&format!("{program} is not installed for this user"));
    }
    runs
}

#[test]
fn a_programs_exit_code_is_passed_on() {
    let place = Place::new();
    for code in [0, 1, 2, 42, 124, 255] {
        let outcome = place.run(["sh", "-c", &format!("exit {code}")]).outcome();
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
    }
    // As a shell shows a signal.
    assert_eq!(place.run(["sh", "-c", "kill -KILL $$"]).outcome().code, Some(137));
    assert_eq!(place.receipts().len(), 7);
}

#[test]
fn bash_runs() {
    if has("bash", &["-c", "true"]) {
        let outcome = Place::new().run(["bash", "-c", "a=(1 2); echo ${a[1]} | cat; exit 9"]).outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(9), "2\n"), "{outcome:?}");
    }
}

#[test]
fn python_runs() {
    if has("python3", &["-c", ""]) {
        let script = "import json, threading; print(json.dumps([6 * 7])); raise SystemExit(11)";
        let outcome = Place::new().run(["python3", "-c", script]).outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(11), "[42]\n"), "{outcome:?}");
    }
}

#[test]
fn node_runs() {
    if has("node", &["-e", ""]) {
        let script = "setTimeout(() => { console.log([6 * 7]); process.exit(12) }, 1)";
        let outcome = Place::new().run(["node", "-e", script]).outcome();
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(12), "[ 42 ]\n"), "{outcome:?}");
    }
}

#[test]
fn our_own_failures_are_125_to_127_as_a_shells() {
    let place = Place::new();
    place.write("work/plain", "no program");
    let script = place.write("work/broken", "\x7fELF and no more");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    place.run(["no-such-command"]).outcome().assert_fails(127, &["no-such-command"]);
    place.run(["./no/such/path"]).outcome().assert_fails(127, &["./no/such/path"]);
    place.run(["./plain"]).outcome().assert_fails(126, &["plain"]);
    // What the file is shows only when the kernel is asked to run it, inside the sandbox.
    place.run(["./broken"]).outcome().assert_fails(126, &["broken", "Exec format error"]);
    for (name, content) in [("words", "no header and no line with an interpreter"), ("empty", "")] {
        let path = place.write(format!("work/{name}"), content);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        place.run([format!("./{name}")]).outcome().assert_fails(126, &[name, "Exec format error"]);
    }
    place.run(["."]).outcome().assert_fails(126, &["."]);
    let missing = place.ioi(["run", "--write", "no-such-folder", "--", "true"]).outcome();
    missing.assert_fails(125, &["no-such-folder"]);
    place.ioi(["run", "--policy", "none.toml", "--", "true"]).outcome().assert_fails(125, &["none.toml"]);
    assert_eq!(place.ioi(["run"]).outcome().code, Some(125));
}

#[test]
fn standard_input_output_and_error_are_the_programs_own() {
    let place = Place::new();
    // More than a pipe holds, so that both directions must flow.
    let bytes: Vec<u8> = (0..300_000u32).map(|number| b'a' + (number % 26) as u8).collect();
    let outcome = place.run(["sh", "-c", "cat; echo beside >&2"]).outcome_with(&bytes);
    assert_eq!(outcome.code, Some(0));
    assert_eq!(outcome.stdout.as_bytes(), bytes);
    // Ours are a line before it, where limits are only advisory, and three after it.
    let words: Vec<_> = outcome.stderr.lines().filter(|line| !line.contains("advisory")).collect();
    assert_eq!((words[0], words.len()), ("beside", 4), "{}", outcome.stderr);
    let folder = place.path("work").display().to_string();
    assert!(words[1].starts_with("Direct, ") && words[1].contains(&folder), "{}", outcome.stderr);
    assert!(words[3].starts_with("ioi verify /"), "{}", outcome.stderr);
}

#[test]
fn limits_that_nothing_enforces_are_said_once_by_name_as_the_doctor_finds_them() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let doctor = place.ioi(["--json", "doctor"]).outcome().event("doctor");
    let properties = doctor["properties"].as_array().unwrap().iter();
    let limits = properties.filter(|property| property["name"].as_str().unwrap().ends_with("-limited"));
    let missing: Vec<_> =
        limits.filter(|limit| limit["holds"] == false).map(|limit| &limit["name"]).collect();
    let docs = place.path("docs").display().to_string();
    for words in [&["run", "--", "true"][..], &["ask", &docs, "heron?"]] {
        let plain = place.ioi(words).outcome();
        assert_eq!(plain.code, Some(0), "{plain:?}");
        let said: Vec<_> = plain.stderr.lines().filter(|line| line.contains("advisory")).collect();
        assert_eq!(said.len(), usize::from(!missing.is_empty()), "{missing:?} {plain:?}");
        for name in ["memory-limited", "pids-limited"] {
            let is_missing = missing.iter().any(|missing| *missing == name);
            assert_eq!(said.iter().any(|line| line.contains(name)), is_missing, "{name} {plain:?}");
        }
        let json = place.ioi(["--json"].iter().chain(words)).outcome();
        assert!(!json.stderr.contains("advisory"), "{json:?}");
        let advisory = &json.event("receipt")["advisory"];
        assert_eq!(advisory.as_array().unwrap().iter().collect::<Vec<_>>(), missing);
    }
}

#[test]
fn the_environment_is_passed_on_only_by_name() {
    let place = Place::new();
    let call = |words: &[&str]| {
        let call = place.ioi(words).env("SECRET_TOKEN", "s3cret").env("LD_PRELOAD", "").env("LANG", "C");
        call.outcome().stdout
    };
    let without = call(&["run", "--", "env"]);
    assert!(
        !without.contains("SECRET") && !without.contains("LD_") && !without.contains("IOI_"),
        "{without}"
    );
    assert!(without.contains("LANG=C\n"), "{without}");
    assert!(call(&["run", "--env", "SECRET_TOKEN", "--", "env"]).contains("SECRET_TOKEN=s3cret\n"));
}

#[test]
fn a_reader_that_goes_away_early_is_no_panic() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let ioi = crate::place::program("ioi").display().to_string();
    let docs = place.path("docs").display().to_string();
    for words in [
        format!("'{ioi}' --json ask '{docs}' heron"),
        format!("'{ioi}' ask '{docs}' heron"),
        format!("'{ioi}' --json policy show ask"),
        format!("'{ioi}' help all"),
        format!("'{ioi}' --help"),
        format!("'{ioi}' doctor"),
    ] {
        // The right side is gone before the left side writes.
        let script = format!("{{ sleep 0.2; {words}; echo $? >code; }} | true");
        let outcome = place.other("/bin/sh".as_ref()).arguments(["-c", &script]).outcome();
        assert!(!outcome.stderr.contains("panicked"), "{words}: {outcome:?}");
        let code = std::fs::read_to_string(place.path("work/code")).unwrap();
        assert_eq!(code, "0\n", "{words}: {outcome:?}");
    }
}
