//! Ctrl-C and SIGTERM: at once, and nothing is left.

use crate::place::Place;
use crate::processes::{Census, beneath};
use crate::started::Outcome;
use rustix::process::Signal;
use std::time::Duration;

/// How long a command may take to end after a signal.
const AT_ONCE: Duration = Duration::from_secs(5);

enum To {
    Group,
    Command,
}

/// Sends a signal to a conversation that waits for its next question.
fn interrupt_ask(signal: Signal, to: &To) -> Outcome {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let mut node = place.converse().start_with_pipe();
    let census = Census::of(node.pid());
    node.wait_for("\"read\"");
    node.send(b"Where does the heron nest?\n");
    node.wait_for("\"answer\"");
    match to {
        To::Group => node.signal_group(signal),
        To::Command => node.signal(signal),
    }
    node.must_end_within(AT_ONCE);
    let outcome = node.outcome_with_open_pipe();
    census.assert_nothing_is_left(&place, Duration::ZERO);
    let [receipt] = &place.receipts()[..] else {
        panic!("no receipt of what happened until then: {outcome:?}")
    };
    assert!(outcome.stdout.contains(&receipt.display().to_string()), "{outcome:?}");
    place.assert_verifies(receipt);
    outcome
}

/// Sends a signal to a running program and to what is above it.
fn interrupt_run(script: &str, signal: Signal, to: &To) -> Outcome {
    let place = Place::new();
    let mut node = place.run(["sh", "-c", &format!("{script} echo ready; sleep 60 & wait")]).start();
    let census = Census::of(node.pid());
    node.wait_for("ready");
    let root = node.pid();
    node.wait_until("sleep", |_| beneath(root).iter().any(|(_, name)| name == "sleep"));
    match to {
        To::Group => node.signal_group(signal),
        To::Command => node.signal(signal),
    }
    node.must_end_within(AT_ONCE);
    let outcome = node.outcome();
    census.assert_nothing_is_left(&place, Duration::ZERO);
    outcome
}

#[test]
fn ctrl_c_ends_a_conversation_and_leaves_nothing() {
    interrupt_ask(Signal::INT, &To::Group).assert_fails(130, &["interrupted"]);
}

#[test]
fn sigterm_and_sighup_end_a_conversation_and_leave_nothing() {
    interrupt_ask(Signal::TERM, &To::Command).assert_fails(130, &["interrupted"]);
    interrupt_ask(Signal::HUP, &To::Command).assert_fails(130, &["interrupted"]);
}

#[test]
fn the_receipt_of_an_interrupted_conversation_holds_what_was_said() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let mut node = place.converse().start_with_pipe();
    node.send(b"Where does the heron nest?\n");
    node.wait_for("\"answer\"");
    node.signal(Signal::INT);
    node.must_end_within(AT_ONCE);
    node.outcome_with_open_pipe().assert_fails(130, &["interrupted"]);
    let [receipt] = &place.receipts()[..] else { panic!("one receipt") };
    let text = std::fs::read_to_string(receipt).unwrap();
    for said in ["call.cancelled", "Where does the heron nest?", "The heron nests in the reeds."] {
        assert!(text.contains(said), "{said:?} is not in {text}");
    }
}

#[test]
fn an_interruption_while_documents_are_read_leaves_a_receipt() {
    let place = Place::new();
    for number in 0..3000 {
        place.write(format!("docs/{number}.txt"), format!("Heron number {number}."));
    }
    let mut node = place.converse().start_with_pipe();
    let census = Census::of(node.pid());
    let root = node.pid();
    node.wait_until("plugin", |_| beneath(root).iter().any(|(_, name)| name == "ioi-plugin-file"));
    node.signal(Signal::TERM);
    node.must_end_within(AT_ONCE);
    let outcome = node.outcome_with_open_pipe();
    outcome.assert_fails(130, &["interrupted"]);
    assert!(!outcome.stdout.contains("\"read\""), "it was not interrupted while it read: {outcome:?}");
    census.assert_nothing_is_left(&place, Duration::ZERO);
    let [receipt] = &place.receipts()[..] else { panic!("one receipt: {outcome:?}") };
    place.assert_verifies(receipt);
}

#[test]
fn ctrl_c_is_the_programs_own_and_its_code_is_passed_on() {
    let outcome = interrupt_run("trap 'sleep 0.2; trap - INT; kill -INT $$' INT;", Signal::INT, &To::Group);
    assert_eq!(outcome.code, Some(130), "{outcome:?}");
    let outcome = interrupt_run("trap 'sleep 0.2; exit 42' INT;", Signal::INT, &To::Group);
    assert_eq!(outcome.code, Some(42), "{outcome:?}");
}

#[test]
fn sigterm_ends_a_run_and_whatever_the_program_started() {
    let outcome = interrupt_run("trap '' TERM; setsid sleep 61 &", Signal::TERM, &To::Command);
    outcome.assert_fails(125, &["interrupted"]);
}

#[test]
fn a_program_that_is_asked_to_end_leaves_a_receipt_of_how() {
    let place = Place::new();
    let mut node = place.run(["sh", "-c", "echo ready; exec sleep 60"]).start();
    node.wait_for("ready");
    node.signal(Signal::TERM);
    node.must_end_within(AT_ONCE);
    assert_eq!(node.outcome().code, Some(128 + 15));
    let [receipt] = &place.receipts()[..] else { panic!("one receipt") };
    place.assert_verifies(receipt);
}

#[test]
fn ctrl_c_at_any_moment_of_the_start_ends_a_run() {
    let place = Place::new();
    for delay_ms in [0, 10, 20, 30, 45, 60, 80, 120, 200] {
        let mut node = place.run(["sleep", "60"]).start_with_pipe();
        std::thread::sleep(Duration::from_millis(delay_ms));
        node.signal_group(Signal::INT);
        node.must_end_within(Duration::from_secs(5));
        let outcome = node.outcome_with_open_pipe();
        // Before there is a handler the signal itself ends it.
        assert!(
            matches!(outcome.code, Some(125 | 130)) || outcome.signal == Some(2),
            "at {delay_ms} ms: {outcome:?}"
        );
    }
}

#[test]
fn ctrl_c_is_heard_also_where_whoever_started_these_tests_ignores_it() {
    let test = "signals::ctrl_c_at_any_moment_of_the_start_ends_a_run";
    let script = "trap '' INT HUP TERM; exec \"$0\" --exact \"$1\"";
    let mut again = std::process::Command::new("sh");
    again.args(["-c", script]).arg(std::env::current_exe().unwrap()).arg(test);
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
