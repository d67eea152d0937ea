//! A process of the node that is not heard of any more ends its run, whoever waits for it or not; one that is
//! only slow, and one that could not be heard, doesn't.
//!
//! While a model's answer is written nobody waits for guardian, workload or egress within seconds.

use crate::endpoint::{Endpoint, event, head};
use crate::place::Place;
use crate::processes::{Census, beneath};
use crate::started::{Outcome, Started};
use crate::stopped::{assert_records_are_named, find};
use rustix::process::Signal;
use std::thread::sleep;
use std::time::Duration;

/// Far more than the limit of 5 s, and less than the 60 s that egress gives a model without a byte.
const END_WITHIN: Duration = Duration::from_secs(55);
/// A limit that is lower, for what takes several times as long.
const LOWER: &str = "silent_ms=2000";
const SEVERAL_TIMES: Duration = Duration::from_millis(6500);
/// A little more than the supervisor's interval.
const A_LOOK: Duration = Duration::from_millis(350);

fn place() -> Place {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    place
}

/// A question to a model that has begun to answer and says nothing more.
fn asking(place: &Place, endpoint: &Endpoint) -> Started {
    let mut node = place
        .ask("Where does the heron nest?")
        .arguments(["--model", &endpoint.url()])
        .within(Duration::from_secs(60))
        .start();
    node.wait_for("\"token\"");
    node
}

/// Stops one process while the answer is written.
fn stop_in_answer(place: &Place, name: &str) -> Outcome {
    let pieces = vec![head("200 OK"), event("In reeds ")];
    let endpoint = Endpoint::staying(pieces, Duration::from_secs(3600));
    let mut node = asking(place, &endpoint);
    let census = Census::of(node.pid());
    sleep(Duration::from_millis(50));
    find(&node, name).unwrap().stop();
    node.must_end_within(END_WITHIN);
    let outcome = node.outcome();
    census.assert_nothing_is_left(place, Duration::ZERO);
    outcome
}

/// Asserts that the user is told which process was silent for how long, and what to do.
fn assert_is_said(outcome: &Outcome, name: &str) {
    let silent = format!("the {name} has been silent for 5 s");
    outcome.assert_fails(5, &["\"node.gone\"", &silent, "start the command again"]);
}

#[test]
fn an_orchestrator_that_is_stopped_while_an_answer_is_written_ends_the_run() {
    let place = place();
    let outcome = stop_in_answer(&place, "ioi-orchestrato");
    assert_is_said(&outcome, "orchestrator");
    assert_records_are_named(&place, &outcome);
}

#[test]
fn a_guardian_that_is_stopped_while_an_answer_is_written_ends_the_run() {
    let place = place();
    let outcome = stop_in_answer(&place, "ioi-guardian");
    assert_is_said(&outcome, "guardian");
    assert_records_are_named(&place, &outcome);
}

#[test]
fn a_workload_that_is_stopped_while_an_answer_is_written_ends_the_run_with_a_receipt() {
    let place = place();
    let outcome = stop_in_answer(&place, "ioi-workload");
    assert_is_said(&outcome, "workload");
    assert_receipt_says(&place, &outcome, "workload");
}

#[test]
fn an_egress_that_is_stopped_while_an_answer_is_written_ends_the_run_with_a_receipt() {
    let place = place();
    let outcome = stop_in_answer(&place, "ioi-egress");
    assert_is_said(&outcome, "egress");
    assert_receipt_says(&place, &outcome, "egress");
}

/// The receipt is signed, verifies, and gives the reason.
fn assert_receipt_says(place: &Place, outcome: &Outcome, name: &str) {
    let [receipt] = &place.receipts()[..] else { panic!("one receipt: {outcome:?}") };
    place.assert_verifies(receipt);
    assert!(outcome.stdout.contains(&receipt.display().to_string()), "{outcome:?}");
    let text = std::fs::read_to_string(receipt).unwrap();
    assert!(text.contains(&format!("the {name} has been silent for 5 s")), "{text}");
}

#[test]
fn a_workload_that_is_stopped_while_the_user_thinks_ends_the_conversation_with_a_receipt() {
    let place = place();
    let mut node = place.converse().start_with_pipe();
    node.wait_for("\"read\"");
    find(&node, "ioi-workload").unwrap().stop();
    node.must_end_within(END_WITHIN);
    let outcome = node.outcome_with_open_pipe();
    assert_is_said(&outcome, "workload");
    assert_receipt_says(&place, &outcome, "workload");
}

#[test]
fn a_guardian_that_is_stopped_while_a_program_runs_ends_the_run() {
    let place = place();
    let mut node = place.run(["sh", "-c", "echo ready; exec sleep 60"]).start();
    let census = Census::of(node.pid());
    node.wait_for("ready");
    find(&node, "ioi-guardian").unwrap().stop();
    node.must_end_within(END_WITHIN);
    node.outcome().assert_fails(125, &["the guardian has been silent for 5 s"]);
    census.assert_nothing_is_left(&place, Duration::ZERO);
}

#[test]
fn an_answer_that_takes_several_times_the_limit_is_waited_for() {
    let place = place();
    let pieces = vec![head("200 OK"), event("In reeds [1]."), b"data: [DONE]\n\n".to_vec()];
    let endpoint = Endpoint::slow(pieces, SEVERAL_TIMES / 2, Duration::ZERO);
    let call = place.ask("Where does the heron nest?").arguments(["--model", &endpoint.url()]);
    let outcome = call.env("IOI_TEST_BOUNDS", LOWER).within(Duration::from_secs(60)).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.event("answer")["text"], "In reeds [1].");
}

#[test]
fn a_program_that_is_stopped_is_its_users_own_business() {
    let place = place();
    let mut node = place
        .run(["sh", "-c", "echo ready; sleep 3 && exit 7"])
        .env("IOI_TEST_BOUNDS", LOWER)
        .within(Duration::from_secs(60))
        .start();
    node.wait_for("ready");
    let root = node.pid();
    node.wait_until("sleep", |_| beneath(root).iter().any(|(_, name)| name == "sleep"));
    let program = find(&node, "sleep").unwrap();
    program.stop();
    sleep(SEVERAL_TIMES);
    program.go_on();
    let outcome = node.outcome();
    assert_eq!(outcome.code, Some(7), "{outcome:?}");
}

/// As a suspended machine, or Ctrl-Z: nobody was heard because nobody listened.
#[test]
fn a_run_that_is_stopped_as_a_whole_goes_on_where_it_was() {
    let place = place();
    let mut node =
        place.converse().env("IOI_TEST_BOUNDS", LOWER).within(Duration::from_secs(60)).start_with_pipe();
    node.wait_for("\"read\"");
    let all = beneath(node.pid());
    all.iter().for_each(|(process, _)| process.stop());
    // What they said last has been heard when the one who listens is stopped, and he listens again before the
    // first of them can say anything.
    sleep(A_LOOK);
    node.signal(Signal::STOP);
    sleep(SEVERAL_TIMES);
    node.signal(Signal::CONT);
    sleep(A_LOOK);
    all.iter().for_each(|(process, _)| process.go_on());
    node.send(b"Where does the heron nest?\n");
    node.wait_for("\"answer\"");
    let outcome = node.outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}
