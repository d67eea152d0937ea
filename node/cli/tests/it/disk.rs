//! A disk that is full: said by name, and nothing half-done is released.

use crate::place::{Place, is_root, skip};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system, unmounted when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, kib: u32) -> Option<Self> {
        let size = format!("size={kib}k,mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "e2e"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).output();
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
        let Some(_small) = Small::mount(&place.path("home"), kib) else {
            return skip("no small file system can be mounted here");
        };
        let outcome = place.ask("Where does the heron nest?").outcome();
        match outcome.code {
            Some(0) => place.assert_verifies(&place.receipts()[0]),
            _ => {
                outcome.assert_fails(5, &["\"event\":\"error\""]);
                let said = outcome.event("error")["message"].to_string().to_lowercase();
                assert!(said.contains("space") || said.contains("full"), "{kib} KiB: {outcome:?}");
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
