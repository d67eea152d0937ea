//! `ioi stop`: live runs end, and what can't be ended is said.

use crate::place::Place;
use crate::processes::{Census, Process};
use crate::started::Started;
use rustix::process::Signal;
use std::time::Duration;

/// A program that runs until it is ended, and its run can be found.
fn running(place: &Place) -> Started {
    let mut node = place.run(["sh", "-c", "echo begun; sleep 1000"]).start();
    node.wait_for("begun");
    node
}

fn process(node: &Started) -> Process {
    Process::of(node.pid()).unwrap()
}

#[test]
fn every_live_run_ends_with_its_receipt_and_nothing_is_left() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let program = running(&place);
    let mut ask = place.converse().start_with_pipe();
    ask.wait_for("\"read\"");
    let census = [Census::of(program.pid()), Census::of(ask.pid())];
    let stopped = place.ioi(["--json", "stop", "--all"]).outcome();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert_eq!(
        (&stopped.event("stopped")["runs"], &stopped.event("stopped")["left"]),
        (&2.into(), &0.into())
    );
    let how: Vec<_> = stopped.events_of("stop").into_iter().map(|event| event["how"].clone()).collect();
    assert_eq!(how, ["ended", "ended"], "{stopped:?}");
    // 128 + SIGTERM, as the program ended.
    let outcomes = [program.outcome(), ask.outcome()];
    assert_eq!(outcomes[0].code, Some(128 + 15), "{outcomes:?}");
    assert_ne!(outcomes[1].code, Some(0), "{outcomes:?}");
    census.into_iter().for_each(|census| census.assert_nothing_is_left(&place, Duration::from_secs(5)));
    assert_eq!(place.receipts().len(), 2, "{stopped:?}");
    place.receipts().iter().for_each(|receipt| place.assert_verifies(receipt));
}

#[test]
fn a_run_that_does_not_end_when_it_is_asked_is_killed_with_all_its_processes() {
    let place = Place::new();
    let node = running(&place);
    let census = Census::of(node.pid());
    process(&node).stop();
    let stopped = place.ioi(["--json", "stop", "--all", "--within", "1"]).outcome();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert_eq!(stopped.event("stop")["how"], "killed");
    assert_eq!(node.outcome().signal, Some(Signal::KILL.as_raw()));
    census.assert_nothing_is_left(&place, Duration::from_secs(5));
}

#[test]
fn only_the_run_that_is_named_ends() {
    let place = Place::new();
    let (one, other) = (running(&place), running(&place));
    let listed = place.ioi(["--json", "ipc", "ls"]).outcome();
    let runs = listed.events_of("run");
    let log = |node: &Started| {
        let is_it = |run: &&serde_json::Value| run["pid"] == node.pid();
        runs.iter().find(is_it).unwrap()["log"].as_str().unwrap().to_owned()
    };
    let stopped = place.ioi(["--json", "stop", &log(&one)[..12]]).outcome();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert_eq!(stopped.event("stop")["log"], log(&one));
    assert_eq!(one.outcome().code, Some(128 + 15));
    assert!(process(&other).is_alive());
    other.signal(Signal::TERM);
    other.outcome();
}

#[test]
fn without_a_run_there_is_nothing_to_stop_and_one_that_is_named_wrongly_is_2() {
    let place = Place::new();
    let none = place.ioi(["stop", "--all"]).outcome();
    assert_eq!((none.code, none.stdout.trim()), (Some(0), "No run is live."));
    place.ioi(["stop", "abcd"]).outcome().assert_fails(2, &["no live run begins with `abcd`", "ioi ipc ls"]);
    place.ioi(["stop"]).outcome().assert_fails(2, &["--all"]);
    place.ioi(["stop", "--all", "abcd"]).outcome().assert_fails(2, &["cannot be used with"]);
}
