//! The demo: nothing that its misbehaving plugin tries happens, unless the layers against it are off.

use crate::place::{Place, is_root, skip};
use crate::started::Outcome;
use std::collections::BTreeMap;

const ATTEMPTS: [&str; 8] = [
    "announce-4-gib",
    "connect",
    "fork-without-end",
    "leave-the-group",
    "read-key",
    "reopen-for-writing",
    "rewrite-sealed",
    "write-file",
];

fn happened(outcome: &Outcome) -> BTreeMap<String, bool> {
    let attempts = outcome.events_of("attempt");
    let attempts = attempts.iter().map(|attempt| {
        (attempt["name"].as_str().unwrap().to_owned(), attempt["happened"].as_bool().unwrap())
    });
    attempts.collect()
}

fn without(place: &Place, layers: &[&str]) -> Outcome {
    let mut call = place.ioi(["--json", "demo"]).env("IOI_TEST_WITHOUT_LAYERS", layers.join(","));
    for layer in layers {
        call = call.arguments(["--without-layer", layer]);
    }
    call.outcome()
}

#[test]
fn nothing_that_the_plugin_tries_happens() {
    let place = Place::new();
    let outcome = place.ioi(["--json", "demo"]).outcome();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let expected = ATTEMPTS.map(|name| (name.to_owned(), false));
    assert_eq!(happened(&outcome), BTreeMap::from(expected), "{outcome:?}");
    let answer = outcome.event("answer");
    assert_eq!(answer["citations"][0]["path"], "sealed-buffers.md");
    place.assert_verifies(outcome.event("receipt")["path"].as_str().unwrap().as_ref());
    assert_eq!(std::fs::read_dir(place.path("tmp")).unwrap().count(), 0, "the demo leaves its stage");
}

#[test]
fn demos_at_the_same_time_do_not_see_each_others_processes() {
    let place = Place::new();
    let tier = place.ioi(["--json", "doctor"]).outcome().event("doctor")["tier"].clone();
    if !is_root() && tier != "with namespaces" {
        // One demo's forks take the others' threads from them.
        return skip("without control groups all processes of the user are counted together");
    }
    // One is always somewhere in its attempts while another looks for what is left.
    let demos: Vec<_> = (0..4).map(|_| place.ioi(["--json", "demo"]).start()).collect();
    for demo in demos {
        let outcome = demo.outcome();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let expected = ATTEMPTS.map(|name| (name.to_owned(), false));
        assert_eq!(happened(&outcome), BTreeMap::from(expected), "{outcome:?}");
    }
    assert_eq!(place.receipts().len(), 4);
}

/// What ends processes and bounds their number is switched off in the sandbox's own tests: here nothing else
/// would bound the attempt to fork without end.
#[test]
fn an_attempt_happens_without_the_layers_against_it() {
    let mut rows: Vec<(&[&str], &[&str])> = vec![(&["net-namespace", "landlock", "seccomp"], &["connect"])];
    if is_root() {
        skip("the attempts on files: as root the plugin has a uid of its own, which is no layer");
    } else {
        let files = &["read-key", "write-file", "reopen-for-writing"];
        rows.push((&["mount-namespace", "landlock", "seccomp"], files));
    }
    for (layers, attempts) in rows {
        let outcome = without(&Place::new(), layers);
        assert_eq!(outcome.code, Some(6), "{layers:?}: {outcome:?}");
        let happened = happened(&outcome);
        for name in attempts {
            assert!(happened[*name], "{name} without {layers:?}: {outcome:?}");
        }
        assert!(!happened["announce-4-gib"] && !happened["leave-the-group"], "{outcome:?}");
    }
}

#[test]
fn no_layer_is_switched_off_without_the_environments_consent() {
    let place = Place::new();
    let outcome = place.ioi(["--json", "demo", "--without-layer", "landlock"]).outcome();
    assert_eq!(outcome.code, Some(5), "{outcome:?}");
    assert_eq!(happened(&outcome), BTreeMap::new());
    let unknown = place.ioi(["demo", "--without-layer", "lock"]).outcome();
    unknown.assert_fails(2, &["`lock`"]);
}
