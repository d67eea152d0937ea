//! kill -9 of any process of a run: the command ends soon and says why, and nothing of it is left.

use crate::place::Place;
use crate::processes::{Census, Process, beneath};
use crate::started::{Outcome, Started};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// How long a command may live on after one of its processes was killed.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Kills `victim` and waits for the end of the command and of everything else.
fn kill_and_wait(place: &Place, mut node: Started, census: Census, victim: Process) -> Outcome {
    victim.kill();
    node.must_end_within(END_WITHIN);
    let outcome = node.outcome_with_open_pipe();
    // Where the command itself was killed, its children only now learn of it.
    let grace = if outcome.signal.is_some() { END_WITHIN } else { Duration::ZERO };
    census.assert_nothing_is_left(place, grace);
    outcome
}

/// The processes of a run in the order of their numbers, `ioi` itself first.
fn processes(node: &Started) -> Vec<(Process, String)> {
    let root = node.pid();
    let own = beneath(rustix::process::getpid().as_raw_nonzero().get());
    let own = own.into_iter().filter(|(process, _)| process.pid == root);
    own.chain(beneath(root)).collect()
}

/// A conversation that waits for its next question.
fn conversation(place: &Place) -> (Started, Census) {
    let mut node = place.converse().start_with_pipe();
    let census = Census::of(node.pid());
    node.wait_for("\"read\"");
    // The plugin is on its way out, and the init above it after it; what remains is the node.
    let root = node.pid();
    node.wait_until("end of the plugin", |_| {
        let is_leaving = |process: &Process, name: &str| {
            name.contains("plugin") || (name == "ioi-init" && beneath(process.pid).is_empty())
        };
        !beneath(root).iter().any(|(process, name)| is_leaving(process, name))
    });
    (node, census)
}

fn sleeping_program(place: &Place) -> (Started, Census) {
    let mut node = place.run(["sleep", "60"]).start_with_pipe();
    let census = Census::of(node.pid());
    let root = node.pid();
    node.wait_until("sleep", |_| beneath(root).iter().any(|(_, name)| name == "sleep"));
    (node, census)
}

#[test]
fn any_process_of_a_conversation_may_be_killed() {
    let place = Place::new();
    place.write("docs/a.md", "The heron nests in the reeds.");
    let (node, census) = conversation(&place);
    let names: Vec<_> = processes(&node).into_iter().map(|(_, name)| name).collect();
    for name in ["ioi", "ioi-init", "ioi-guardian", "ioi-orchestrato", "ioi-workload"] {
        assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
    }
    drop(node);
    drop(census);
    for (index, name) in names.iter().enumerate() {
        let (node, census) = conversation(&place);
        let (victim, found) = processes(&node).swap_remove(index);
        assert_eq!(&found, name, "the processes of two runs differ");
        let outcome = kill_and_wait(&place, node, census, victim);
        if index == 0 {
            assert_eq!(outcome.signal, Some(9), "{outcome:?}");
            continue;
        }
        outcome.assert_fails(5, &["\"error\":\"node.gone\"", "ended unexpectedly", "unsigned: "]);
        let said = outcome.event("error")["message"].as_str().unwrap().to_owned();
        let records = std::path::PathBuf::from(said.rsplit_once("unsigned: ").unwrap().1);
        assert!(fs::metadata(&records).unwrap().len() > 0, "{records:?}");
    }
    assert_eq!(place.receipts().len(), 0, "a run that was cut short has a receipt");
    let after = place.ask("Where does the heron nest?").outcome();
    assert_eq!(after.code, Some(0), "{after:?}");
}

#[test]
fn any_process_of_a_run_may_be_killed() {
    let place = Place::new();
    let (node, census) = sleeping_program(&place);
    let names: Vec<_> = processes(&node).into_iter().map(|(_, name)| name).collect();
    drop(node);
    drop(census);
    for (index, name) in names.iter().enumerate() {
        let (node, census) = sleeping_program(&place);
        let (victim, found) = processes(&node).swap_remove(index);
        assert_eq!(&found, name, "the processes of two runs differ");
        let outcome = kill_and_wait(&place, node, census, victim);
        match (index, name.as_str()) {
            (0, _) => assert_eq!(outcome.signal, Some(9), "{outcome:?}"),
            // The program's end is its own, and so is that of what stands for it.
            (_, "sleep") => assert_eq!(outcome.code, Some(137), "{outcome:?}"),
            (_, "ioi-init") => assert!([Some(125), Some(137)].contains(&outcome.code), "{outcome:?}"),
            _ => outcome.assert_fails(125, &["ended unexpectedly"]),
        }
    }
    let after = place.run(["true"]).outcome();
    assert_eq!(after.code, Some(0), "{after:?}");
}

#[test]
fn the_plugin_may_be_killed_while_it_reads() {
    let place = Place::new();
    for number in 0..4000 {
        place.write(format!("docs/{number}.txt"), format!("Heron number {number}."));
    }
    for victim_name in ["ioi-plugin-file", "ioi-init"] {
        let mut node = place.converse().start_with_pipe();
        let census = Census::of(node.pid());
        let (root, mut victim) = (node.pid(), None);
        node.wait_until("plugin", |_| {
            let all = beneath(root);
            let is_there = all.iter().any(|(_, name)| name == "ioi-plugin-file");
            // The init that was started last is the plugin's.
            victim = all.into_iter().rfind(|(_, name)| is_there && name == victim_name);
            victim.is_some()
        });
        let outcome = kill_and_wait(&place, node, census, victim.unwrap().0);
        outcome.assert_fails(5, &["\"event\":\"error\"", "plugin"]);
        assert!(!outcome.stdout.contains("\"answer\""), "{outcome:?}");
    }
}

#[test]
fn the_guardian_may_be_killed_at_any_moment_and_the_next_run_works() {
    let place = Place::new();
    for round in 0..10u64 {
        let mut node = place.run(["true"]).start();
        let census = Census::of(node.pid());
        let mut victim = None;
        // From the first instruction of the guardian on, a little later each time.
        node.wait_until("guardian", |_| {
            victim = census.take().into_iter().find(|(_, name)| name == "ioi-guardian");
            victim.is_some()
        });
        std::thread::sleep(Duration::from_millis(round * 7));
        victim.unwrap().0.kill();
        node.must_end_within(END_WITHIN);
        let cut = node.outcome();
        assert!([Some(125), Some(0)].contains(&cut.code), "{cut:?}");
        census.assert_nothing_is_left(&place, Duration::ZERO);
        let next = place.run(["true"]).outcome();
        assert_eq!(next.code, Some(0), "{next:?}");
    }
    assert!(place.receipts().len() >= 10);
    place.receipts().iter().for_each(|receipt| place.assert_verifies(receipt));
    assert_eq!(fs::read_dir(place.path("home/guardian/keys")).unwrap().count(), 1);
}

#[test]
fn what_a_guardian_left_that_was_killed_while_it_made_its_key_is_gone_after_the_next_run() {
    let place = Place::new();
    let half = place.write(format!("home/guardian/keys/.new-{}", "5a".repeat(16)), "half a key");
    let foreign = place.write("home/guardian/keys/.new-of-somebody-else", "");
    for folder in ["home", "home/guardian", "home/guardian/keys"] {
        fs::set_permissions(place.path(folder), PermissionsExt::from_mode(0o700)).unwrap();
    }
    assert_eq!(place.run(["true"]).outcome().code, Some(0));
    assert!(!half.exists() && foreign.exists());
    assert!(place.path("home/guardian/keys/suite1.key").exists());
    place.assert_verifies(&place.receipts()[0]);
}
