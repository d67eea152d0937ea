//! What one life of a log takes and refuses.

use crate::model::{BOOT, LOG, leaf, leaves, mth};
use ioi_crypto::statement::{Body, Statement};
use ioi_guardian::{Appended, Log, Persist, Refusal};
use ioi_types::limits::APPEND_LEAVES_MAX;

fn new() -> Log {
    Log::create(LOG, BOOT).0
}

fn refused(log: &mut Log, first: u64, leaves: &[[u8; 32]]) -> Refusal {
    let before = log.clone();
    let refusal = log.append(first, leaves, true).unwrap_err();
    assert_eq!(*log, before, "a refusal changes nothing");
    refusal
}

#[test]
fn the_root_is_computed_from_the_leaves() {
    let (mut log, all) = (new(), leaves(100));
    assert_eq!(log.root(), mth(&[]));
    for (first, count) in [(0, 1), (1, 6), (7, 1), (8, 92)] {
        let (_, appended) = log.append(first as u64, &all[first..first + count], false).unwrap();
        let size = first + count;
        assert_eq!(appended, Appended { size: size as u64, root: mth(&all[..size]), repeated: false });
    }
}

#[test]
fn an_append_that_leaves_a_gap_or_goes_back_is_refused() {
    let (mut log, all) = (new(), leaves(8));
    assert_eq!(refused(&mut log, 1, &all[..1]), Refusal::NotExtending { first: 1, size: 0 });
    let _ = log.append(0, &all[..2], true).unwrap();
    let _ = log.append(2, &all[2..5], true).unwrap();
    for first in [0, 1, 3, 4, 6, u64::MAX] {
        assert_eq!(refused(&mut log, first, &all[..1]), Refusal::NotExtending { first, size: 5 });
    }
    // Ends where the log ends, but did not arrive as one append.
    assert_eq!(refused(&mut log, 0, &all[..5]), Refusal::NotExtending { first: 0, size: 5 });
    assert_eq!(refused(&mut log, 4, &all[4..5]), Refusal::NotExtending { first: 4, size: 5 });
}

#[test]
fn only_the_newest_append_can_be_repeated_and_only_exactly() {
    let (mut log, all) = (new(), leaves(8));
    let _ = log.append(0, &all[..2], true).unwrap();
    let (_, appended) = log.append(2, &all[2..5], false).unwrap();
    let _ = log.head().unwrap();
    for sync in [false, true] {
        let before = log.clone();
        let again = log.append(2, &all[2..5], sync).unwrap();
        assert_eq!(again, (Persist { bytes: Vec::new(), sync }, Appended { repeated: true, ..appended }));
        assert_eq!(log, before);
    }
    for (first, leaves) in [
        (1, all[2..5].to_vec()),
        (3, all[2..5].to_vec()),
        (u64::MAX, all[2..5].to_vec()),
        (2, vec![all[2], all[3], all[5]]),
        (2, vec![all[2], all[4], all[3]]),
        (2, all[2..4].to_vec()),
        (2, all[2..6].to_vec()),
        (0, all[..2].to_vec()),
    ] {
        assert_eq!(refused(&mut log, first, &leaves), Refusal::NotExtending { first, size: 5 });
    }
}

#[test]
fn an_append_has_at_least_one_leaf_and_at_most_the_limit() {
    let (mut log, all) = (new(), leaves(APPEND_LEAVES_MAX + 1));
    assert_eq!(refused(&mut log, 0, &[]), Refusal::Empty);
    let leaves = all.len();
    assert_eq!(refused(&mut log, 0, &all), Refusal::TooMany { leaves });
    let (persist, appended) = log.append(0, &all[1..], true).unwrap();
    assert_eq!(appended.root, mth(&all[1..]));
    let journal = [Log::create(LOG, BOOT).1.bytes, persist.bytes].concat();
    assert_eq!(Log::recover(LOG, BOOT, &journal), Ok((log, journal.len() as u64)));
}

#[test]
fn heads_count_up_from_one_and_each_names_the_one_before() {
    let mut log = new();
    let mut last: Option<Statement> = None;
    for counter in 1..=5 {
        let _ = log.append(log.size(), &[leaf(counter)], false).unwrap();
        let (persist, head) = log.head().unwrap();
        assert!(persist.sync && !persist.bytes.is_empty());
        let previous = last.map_or([0; 32], |last| last.digest());
        let body = Body::AuditHead { size: log.size(), root: log.root() };
        assert_eq!(head, Statement { log: LOG, counter, previous, boot: BOOT, body });
        assert_eq!(log.last_head(), Some(&head));
        last = Some(head);
    }
}

#[test]
fn two_heads_of_an_unchanged_log_have_different_counters() {
    let mut log = new();
    let (first, second) = (log.head().unwrap().1, log.head().unwrap().1);
    assert_eq!((first.counter, second.counter), (1, 2));
    assert_eq!(first.body, second.body);
}

#[test]
fn an_effect_is_synced_and_an_observation_only_written() {
    let mut log = new();
    assert!(Log::create(LOG, BOOT).1.sync);
    let (observation, _) = log.append(0, &[leaf(0)], false).unwrap();
    let (effect, _) = log.append(1, &[leaf(1)], true).unwrap();
    assert!(!observation.sync && !observation.bytes.is_empty());
    assert!(effect.sync && !effect.bytes.is_empty());
}

#[test]
fn after_a_failed_write_nothing_is_answered() {
    let mut log = new();
    let _ = log.append(0, &[leaf(0)], true).unwrap();
    log.persist_failed();
    assert_eq!(refused(&mut log, 1, &[leaf(1)]), Refusal::Failed);
    assert_eq!(refused(&mut log, 0, &[leaf(0)]), Refusal::Failed, "not even a repetition");
    assert_eq!(log.head(), Err(Refusal::Failed));
}
