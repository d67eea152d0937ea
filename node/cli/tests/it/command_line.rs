//! Command lines that mean nothing.

use crate::place::Place;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn a_command_line_that_means_nothing_is_2_and_starts_nothing() {
    let place = Place::new();
    let rows: &[&[&str]] = &[
        &[],
        &["aks"],
        &["ask"],
        &["ask", "docs", "q", "more"],
        &["ask", "--policy"],
        &["ask", "--policy", "a", "--policy", "b", "docs", "q"],
        &["ask", "--port", "0", "docs", "q"],
        &["run", "true"],
        &["run", "--"],
        &["run", "--memory", "0", "--", "true"],
        &["run", "--memory", "10GiBB", "--", "true"],
        &["run", "--memory", "99999999999GiB", "--", "true"],
        &["run", "--pids", "0", "--", "true"],
        &["run", "--pids", "-1", "--", "true"],
        &["run", "--pids", "65536", "--", "true"],
        &["verify"],
        &["policy"],
        &["policy", "show", "nothing"],
        &["help", "nothing"],
    ];
    for words in rows {
        let outcome = place.ioi(*words).outcome();
        // A program under `run` may end with 2 itself, so our own failures there are 125.
        let expected = if words.first() == Some(&"run") { 125 } else { 2 };
        assert_eq!(outcome.code, Some(expected), "{words:?}: {outcome:?}");
        assert!(!outcome.stderr.is_empty() || words.is_empty(), "{words:?} says nothing");
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
    }
    assert_eq!(fs::read_dir(place.path("home")).unwrap().count(), 0);
}

#[test]
fn an_argument_that_is_not_utf8_is_taken_as_a_path_and_refused_as_a_question() {
    let place = Place::new();
    let name = OsStr::from_bytes(b"d\xffcs");
    let folder = place.path(name);
    if fs::create_dir(&folder).is_err() {
        return crate::place::skip("this file system takes no such names");
    }
    fs::write(folder.join("a.md"), "The heron nests in the reeds.").unwrap();
    let ask = |question: &OsStr| {
        place.ioi([OsStr::new("--json"), "ask".as_ref(), folder.as_os_str(), question]).outcome()
    };
    let outcome = ask("Where does the heron nest?".as_ref());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    ask(name).assert_fails(2, &["not UTF-8"]);
}

#[test]
fn a_home_that_cannot_be_used_is_named() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    place.write("tmp/file", "");
    symlink("loop", place.path("tmp/loop")).unwrap();
    fs::create_dir(place.path("tmp/open")).unwrap();
    fs::create_dir(place.path("tmp/open/guardian")).unwrap();
    fs::set_permissions(place.path("tmp/open/guardian"), PermissionsExt::from_mode(0o777)).unwrap();
    let ask = || place.ask("heron?");
    ask().without_env("IOI_HOME").without_env("HOME").outcome().assert_fails(2, &["IOI_HOME"]);
    ask().env("IOI_HOME", "relative").outcome().assert_fails(2, &["relative"]);
    for (name, word) in [("tmp/file", "file"), ("tmp/loop", "loop"), ("tmp/open", "777")] {
        ask().env("IOI_HOME", place.path(name)).outcome().assert_fails(2, &[word]);
    }
    if crate::place::is_root() {
        return crate::place::skip("root may write anywhere");
    }
    fs::create_dir(place.path("tmp/closed")).unwrap();
    fs::set_permissions(place.path("tmp/closed"), PermissionsExt::from_mode(0o500)).unwrap();
    ask().env("IOI_HOME", place.path("tmp/closed")).outcome().assert_fails(2, &["closed"]);
    ask().env("IOI_HOME", place.path("tmp/closed/below")).outcome().assert_fails(2, &["closed"]);
}

#[test]
fn every_command_has_help_and_the_version_is_shown() {
    let place = Place::new();
    for command in ["ask", "run", "demo", "verify", "doctor", "policy"] {
        let outcome = place.ioi([command, "--help"]).outcome();
        assert_eq!(outcome.code, Some(0));
        assert!(outcome.stdout.contains(&format!("Usage: ioi {command}")), "{outcome:?}");
    }
    assert_eq!(place.ioi(["--version"]).outcome().stdout, format!("ioi {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn doctor_shows_every_property_and_starts_nothing() {
    let place = Place::new();
    let outcome = place.ioi(["doctor"]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for property in ["no-network", "no-foreign-sockets", "files-confined", "no-peeking", "dies-as-a-whole"] {
        assert!(outcome.stdout.contains(property), "{outcome:?}");
    }
    assert_eq!(fs::read_dir(place.path("home")).unwrap().count(), 0);
}
