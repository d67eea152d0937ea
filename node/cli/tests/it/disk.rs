//! A disk that is full: said by name, and nothing half-done is released.

use crate::place::{Place, is_root, skip};
use crate::started::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system, unmounted when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, options: &str) -> Option<Self> {
        let options = format!("{options},mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "e2e"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

/// The reason, the folder whose disk it is, and what to do.
fn assert_says_what_to_do(place: &Place, outcome: &Outcome) {
    let error = outcome.event("error");
    let home = place.path("home").display().to_string();
    for words in ["No space left on device", &home, "free some room on that disk", "IOI_HOME"] {
        assert!(error["message"].as_str().unwrap().contains(words), "{words:?} is not said: {outcome:?}");
    }
}

#[test]
fn at_every_size_of_the_disk_a_command_succeeds_or_says_that_it_is_full() {
    if !is_root() {
        return skip("only root can mount a small file system");
    }
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let mut codes = Vec::new();
    for kib in [4, 8, 12, 16, 20, 24, 32, 40, 48, 64, 128] {
        let Some(_small) = Small::mount(&place.path("home"), &format!("size={kib}k")) else {
            return skip("no small file system can be mounted here");
        };
        let outcome = place.ask("Where does the heron nest?").outcome();
        match outcome.code {
            Some(0) => place.assert_verifies(&place.receipts()[0]),
            _ => {
                outcome.assert_fails(5, &["\"event\":\"error\""]);
                assert_says_what_to_do(&place, &outcome);
                assert_eq!(outcome.events_of("receipt").len(), 0);
                for receipt in place.receipts() {
                    place.assert_verifies(&receipt);
                }
            }
        }
        codes.push(outcome.code);
    }
    assert_eq!(codes.last(), Some(&Some(0)), "the largest is large enough: {codes:?}");
    assert!(codes.iter().filter(|code| **code == Some(5)).count() >= 3, "{codes:?}");
}

#[test]
fn a_disk_without_room_for_a_folder_or_a_credential_is_said_with_what_to_do() {
    if !is_root() {
        return skip("only root can mount a small file system");
    }
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    // With 2 inodes beside its root not even all folders can be made.
    for inodes in 2..6 {
        let Some(_small) = Small::mount(&place.path("home"), &format!("nr_inodes={inodes}")) else {
            return skip("no small file system can be mounted here");
        };
        let outcome = place.ask("Where does the heron nest?").outcome();
        outcome.assert_fails(5, &["\"event\":\"error\""]);
        assert_says_what_to_do(&place, &outcome);
    }
    let Some(_small) = Small::mount(&place.path("home"), "size=4k") else {
        return skip("no small file system can be mounted here");
    };
    place.write("home/other", "x");
    let outcome = place.ioi(["--json", "credential", "set", "a"]).outcome_with(b"some-secret");
    outcome.assert_fails(5, &["disk.full"]);
    assert_says_what_to_do(&place, &outcome);
}

#[test]
fn a_home_that_is_read_only_is_named_with_what_to_do() {
    if !is_root() {
        return skip("only root can mount a file system");
    }
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let Some(_small) = Small::mount(&place.path("home"), "ro") else {
        return skip("no file system can be mounted here");
    };
    let home = place.path("home").display().to_string();
    let words = ["Read-only file system", &home, "set IOI_HOME to a folder that you may write to"];
    place.ask("Where does the heron nest?").outcome().assert_fails(2, &words);
    place.run(["true"]).outcome().assert_fails(125, &words);
}
