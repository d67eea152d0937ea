//! A process of a run that is stopped (SIGSTOP): it neither answers nor ends, so only a deadline helps.
//!
//! The deadlines of the product are too long for a test, and are lowered by `IOI_TEST_BOUNDS`.

use crate::place::Place;
use crate::processes::{Census, Process, beneath};
use crate::started::{Outcome, Started};
use std::time::Duration;

/// Lowered deadlines, as many milliseconds that a busy machine doesn't miss them.
const BOUNDS: &str = "silent_ms=3000,guardian_ms=2000,workload_ms=2000,heartbeat_ms=500";
/// How long a command may live on after one of its processes was stopped.
const END_WITHIN: Duration = Duration::from_secs(15);

pub(crate) fn find(node: &Started, name: &str) -> Option<Process> {
    beneath(node.pid()).into_iter().find(|(_, found)| found == name).map(|(process, _)| process)
}

/// Stops one process of a conversation, which then asks a question and wants no more.
fn stop_in_conversation(place: &Place, name: &str) -> Outcome {
    place.write("docs/a.md", "The heron nests in the reeds.");
    let mut node = place.converse().env("IOI_TEST_BOUNDS", BOUNDS).start_with_pipe();
    let census = Census::of(node.pid());
    node.wait_for("\"read\"");
    find(&node, name).unwrap().stop();
    node.must_end_within(END_WITHIN);
    node.send(b"Where does the heron nest?\n");
    let outcome = node.outcome();
    census.assert_nothing_is_left(place, Duration::ZERO);
    outcome
}

/// Asserts that the user is told where the unsigned records lie, and that they lie there.
pub(crate) fn assert_records_are_named(place: &Place, outcome: &Outcome) {
    assert_eq!(place.receipts().len(), 0, "{outcome:?}");
    let run = std::fs::read_dir(place.path("home/runs")).unwrap().next().unwrap().unwrap();
    let records = run.path().join("records.jsonl");
    assert!(records.metadata().unwrap().len() > 0);
    assert!(outcome.stdout.contains(&records.display().to_string()), "{outcome:?}");
}

#[test]
fn a_stopped_orchestrator_ends_the_command() {
    let place = Place::new();
    let outcome = stop_in_conversation(&place, "ioi-orchestrato");
    outcome.assert_fails(5, &["node.gone", "the orchestrator has been silent for 3 s"]);
    assert_records_are_named(&place, &outcome);
}

#[test]
fn a_stopped_guardian_ends_the_command() {
    let place = Place::new();
    let outcome = stop_in_conversation(&place, "ioi-guardian");
    outcome.assert_fails(5, &["guardian.gone", "the guardian did not answer in time"]);
    assert_records_are_named(&place, &outcome);
}

#[test]
fn a_stopped_workload_ends_the_command_with_a_receipt() {
    let place = Place::new();
    let outcome = stop_in_conversation(&place, "ioi-workload");
    outcome.assert_fails(5, &["node.gone", "the workload did not answer in time"]);
    let [receipt] = &place.receipts()[..] else { panic!("one receipt: {outcome:?}") };
    place.assert_verifies(receipt);
}

#[test]
fn a_stopped_plugin_ends_the_command_with_a_receipt() {
    let place = Place::new();
    for number in 0..3000 {
        place.write(format!("docs/{number}.txt"), format!("Heron number {number}."));
    }
    let mut node = place.converse().env("IOI_TEST_BOUNDS", BOUNDS).start_with_pipe();
    let census = Census::of(node.pid());
    let mut plugin = None;
    node.wait_until("plugin", |node| {
        plugin = find(node, "ioi-plugin-file");
        plugin.is_some()
    });
    plugin.unwrap().stop();
    node.must_end_within(END_WITHIN);
    let outcome = node.outcome_with_open_pipe();
    outcome.assert_fails(5, &["plugin.gone"]);
    census.assert_nothing_is_left(&place, Duration::ZERO);
    let [receipt] = &place.receipts()[..] else { panic!("one receipt: {outcome:?}") };
    place.assert_verifies(receipt);
}

#[test]
fn what_is_no_bound_stops_the_start() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let outcome = place.ask("heron?").env("IOI_TEST_BOUNDS", "patience_ms=3").outcome();
    outcome.assert_fails(5, &["IOI_TEST_BOUNDS"]);
}
