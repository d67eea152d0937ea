//! A files plugin that a document has taken over: the misbehaving plugin stands in its place.

use crate::place::{Call, Place, program};
use crate::started::Outcome;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// A folder of programs in which the files plugin is another. Symbolic links, since a hard link would change
/// the program's file while other tests have it measured.
fn programs(place: &Place) -> PathBuf {
    let (from, to) = (program("ioi").parent().unwrap().to_owned(), place.path("programs"));
    fs::create_dir(&to).unwrap();
    for name in ["ioi-init", "ioi-guardian", "ioi-orchestrator", "ioi-workload", "ioi-egress"] {
        symlink(from.join(name), to.join(name)).unwrap();
    }
    fs::copy(from.join("ioi-plugin-rogue"), to.join("ioi-plugin-files")).unwrap();
    to
}

/// What the plugin does is the name of the first file; the last is a document.
fn taken_over(place: &Place, way: &str) -> Call {
    place.write(format!("docs/{way}"), "x");
    place.write("docs/z.txt", "The heron nests in the reeds.");
    place.converse().env("IOI_BIN_DIR", programs(place))
}

fn assert_one_receipt_verifies(place: &Place, outcome: &Outcome) {
    let [receipt] = &place.receipts()[..] else { panic!("one receipt: {outcome:?}") };
    place.assert_verifies(receipt);
}

/// The paths beneath the documents' folder that a process holds open.
fn held(place: &Place, pid: i32) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let docs = place.path("docs");
    descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|to| to.starts_with(&docs))
        .collect()
}

#[test]
fn a_plugin_in_the_place_of_another_is_otherwise_believed() {
    let place = Place::new();
    let outcome = taken_over(&place, "as-it-should").outcome_with(b"Where does the heron nest?\n");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.event("answer")["citations"][0]["path"], "z.txt");
    assert_one_receipt_verifies(&place, &outcome);
}

#[test]
fn calls_that_are_cancelled_at_once_leave_nothing_open_and_a_receipt() {
    let place = Place::new();
    for number in 0..1500 {
        place.write(format!("docs/many/{number:04}"), "");
    }
    let mut node = taken_over(&place, "cancel-at-once").start_with_pipe();
    node.wait_for("\"read\"");
    assert_eq!(held(&place, node.pid()), [place.path("docs")], "paths are still open");
    node.send(b"Where does the heron nest?\n");
    let outcome = node.outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_one_receipt_verifies(&place, &outcome);
    let receipt = fs::read_to_string(&place.receipts()[0]).unwrap();
    let reads = receipt.matches("\"fs::read\"").count();
    assert!(reads > 100, "only {reads} reads were begun");
    assert!(!receipt.contains("\"unknown\""), "an outcome is not known");
}

#[test]
fn bytes_that_are_not_the_files_are_not_taken() {
    let place = Place::new();
    let outcome = taken_over(&place, "other-bytes").outcome();
    outcome.assert_fails(4, &["slice.digest", "z.txt"]);
    assert!(!outcome.stdout.contains("\"answer\""), "{outcome:?}");
    assert_one_receipt_verifies(&place, &outcome);
}

/// Whatever the workload meets while it copies, it keeps the document or refuses it.
#[test]
fn a_plugin_that_goes_on_writing_what_it_lent_changes_no_answer() {
    const ROUNDS_MAX: usize = 20;
    let (mut answered, mut refused) = (0, 0);
    // Until the copy has met the writer once.
    while refused == 0 && answered < ROUNDS_MAX {
        let place = Place::new();
        let call = taken_over(&place, "rewrite-lent");
        // Long enough to be written while it is copied.
        place.write("docs/z.txt", "The heron nests in the reeds. ".repeat(10_000));
        let outcome = call.outcome_with(b"Where does the heron nest?\n");
        assert!(!outcome.stdout.contains("ponds"), "{outcome:?}");
        if outcome.code == Some(0) {
            answered += 1;
            let answer = outcome.event("answer");
            assert!(answer["text"].as_str().unwrap().contains("nests in the reeds"), "{answer}");
        } else {
            refused += 1;
            outcome.assert_fails(4, &["slice.digest", "z.txt"]);
        }
        assert_one_receipt_verifies(&place, &outcome);
    }
    assert!(refused > 0, "in {answered} rounds the writer never met the copy, so nothing was shown");
}

#[test]
fn a_digest_that_is_not_the_files_is_not_believed() {
    let place = Place::new();
    let outcome = taken_over(&place, "other-digest").outcome();
    outcome.assert_fails(2, &["z.txt", "is not what was handed out", "the only document"]);
    assert_one_receipt_verifies(&place, &outcome);
}

#[test]
fn batches_without_end_and_content_end_the_session() {
    let place = Place::new();
    let outcome = taken_over(&place, "never-done").outcome();
    outcome.assert_fails(5, &["plugin.failed", "has no end"]);
    assert_one_receipt_verifies(&place, &outcome);
}

#[test]
fn names_that_nobody_listed_end_the_session() {
    let place = Place::new();
    let outcome = taken_over(&place, "names-of-its-own").outcome();
    outcome.assert_fails(5, &["plugin.failed", "more names than were listed"]);
    assert_one_receipt_verifies(&place, &outcome);
}

#[test]
fn calls_without_end_end_the_session_before_the_disk_is_full() {
    let place = Place::new();
    let outcome = taken_over(&place, "call-without-end").env("IOI_TEST_BOUNDS", "records=200").outcome();
    outcome.assert_fails(5, &["quota.audit", "the session has had 200 records"]);
    assert_one_receipt_verifies(&place, &outcome);
    let records = place.receipts()[0].with_file_name("records.jsonl");
    let records = fs::read_to_string(records).unwrap().lines().count();
    assert!((200..300).contains(&records), "{records} records");
}
