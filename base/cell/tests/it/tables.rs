//! The tables: what is written is read, never half of it, and nothing that a peer writes breaks the reader.

use crate::common::both;
use ioi_cell::native::{HistoryEntry, Pattern, RegistryEntry, Syscall, TableError, Tier};
use ioi_cell::{
    EPOCH_HISTORY, EPOCH_PATTERN, EPOCH_REGISTRY, EPOCH_SYSCALL, HISTORY_ENTRY_COUNT, PATTERN_ENTRY_COUNT,
    SYSCALL_ENTRY_COUNT, SYSCALL_STATE_ASKED, SYSCALL_STATE_RUNNING,
};
use ioi_shm::Handle;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

fn module(number: u32) -> RegistryEntry {
    RegistryEntry {
        name: format!("module-{number}"),
        module: number,
        version: number * 3,
        capabilities: u64::from(number) << 40,
        state: number ^ 5,
        epoch: 16 + number % 16,
        schema_hash: [number as u8; 32],
    }
}

fn handle(number: u64) -> Handle {
    Handle { region: number, generation: number as u32, type_id: 1, offset: number * 64, length: number + 1 }
}

#[test]
fn what_the_host_registers_the_peer_finds_by_name_until_it_is_removed() {
    let (host, peer) = both(Tier::Light);
    for number in 1..=64 {
        host.registry.set(number as usize - 1, &module(number)).unwrap();
    }
    assert_eq!(peer.host_epochs.current(EPOCH_REGISTRY), 64);
    for number in 1..=64 {
        assert_eq!(peer.registry.get(number as usize - 1).unwrap(), Some(module(number)));
        assert_eq!(peer.registry.find(&format!("module-{number}")).unwrap(), Some(module(number)));
    }
    host.registry.remove(8).unwrap();
    assert_eq!(peer.registry.get(8).unwrap(), None);
    assert_eq!(peer.registry.find("module-9").unwrap(), None);
    assert_eq!(peer.registry.find("module").unwrap(), None, "half a name is no name");
    assert_eq!(host.registry.set(64, &module(1)), Err(TableError::Index { index: 64, count: 64 }));
    assert_eq!(peer.registry.get(64), Err(TableError::Index { index: 64, count: 64 }));
    let named = |name: String| RegistryEntry { name, ..module(1) };
    for bad in [String::new(), "x".repeat(33), "zero\0inside".into()] {
        assert_eq!(host.registry.set(0, &named(bad)), Err(TableError::Name { bytes_max: 32 }));
    }
    host.registry.set(0, &named("é".repeat(16))).unwrap();
    assert_eq!(peer.registry.get(0).unwrap().unwrap().name, "é".repeat(16));
    assert_eq!(host.registry.set(0, &RegistryEntry { module: 0, ..module(1) }), Err(TableError::Zero));
}

#[test]
fn an_entry_that_changes_all_the_time_is_never_read_half_changed() {
    let (host, peer) = both(Tier::Light);
    // The writer goes on until enough was read, however busy the machine is.
    let (done, seen) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0u32;
            while round < 200_000 || seen.load(Ordering::Relaxed) < 50 {
                round += 1;
                host.registry.set(3, &module(1 + round % 50)).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            match peer.registry.get(3) {
                Ok(Some(entry)) => {
                    assert_eq!(entry, module(entry.module), "half of one and half of another");
                    seen.fetch_add(1, Ordering::Relaxed);
                }
                Ok(None) | Err(TableError::Unsteady) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn a_module_and_a_type_are_entered_once() {
    let (mut host, peer) = both(Tier::Light);
    host.registry.set(4, &module(1)).unwrap();
    assert_eq!(host.registry.set(5, &module(1)), Err(TableError::Taken { index: 4 }));
    host.registry.set(4, &RegistryEntry { state: 9, ..module(1) }).unwrap();
    host.registry.remove(4).unwrap();
    host.registry.set(5, &module(1)).unwrap();
    assert_eq!(peer.registry.find("module-1").unwrap(), Some(module(1)));
    let pattern = Pattern { type_id: 7, kind: 1, schema_hash: [1; 32], name: "Type".into() };
    assert_eq!(host.patterns.add(&pattern), Ok(0));
    let again = Pattern { kind: 2, ..pattern.clone() };
    assert_eq!(host.patterns.add(&again), Err(TableError::Taken { index: 0 }));
    assert_eq!(peer.patterns.find(7).unwrap(), Some(pattern));
    assert_eq!(peer.patterns.find(0).unwrap(), None);
}

#[test]
fn a_call_is_seen_with_its_state_and_frees_its_entry_when_it_is_over() {
    let (host, peer) = both(Tier::Light);
    let call = |number: u64, state| Syscall {
        call: number,
        method: 7,
        state,
        module: 9,
        deadline_ns: 1_000_000_000,
        handle: handle(number),
    };
    let count = u64::from(SYSCALL_ENTRY_COUNT);
    for number in 1..=count {
        peer.syscalls.set(&call(number, SYSCALL_STATE_ASKED)).unwrap();
    }
    let full = TableError::Full { count: SYSCALL_ENTRY_COUNT as usize };
    assert_eq!(peer.syscalls.set(&call(count + 1, SYSCALL_STATE_ASKED)), Err(full));
    assert_eq!(peer.syscalls.set(&call(0, SYSCALL_STATE_ASKED)), Err(TableError::Zero));
    let at = peer.syscalls.set(&call(5, SYSCALL_STATE_RUNNING)).unwrap();
    assert_eq!(host.syscalls.get(at).unwrap(), Some(call(5, SYSCALL_STATE_RUNNING)), "in the same entry");
    peer.syscalls.remove(at).unwrap();
    assert_eq!(host.syscalls.get(at).unwrap(), None);
    assert_eq!(host.syscalls.all().unwrap().len() as u64, count - 1);
    assert_eq!(peer.syscalls.set(&call(count + 1, SYSCALL_STATE_ASKED)), Ok(at));
    assert_eq!(u64::from(host.peer_epochs.current(EPOCH_SYSCALL)), count + 3);
}

#[test]
fn types_that_were_seen_stay_and_one_more_than_there_is_room_for_is_refused() {
    let (mut host, peer) = both(Tier::Light);
    let pattern = |type_id: u32| Pattern {
        type_id,
        kind: 1 + type_id % 2,
        schema_hash: [type_id as u8; 32],
        name: format!("Type{type_id}"),
    };
    assert_eq!(peer.patterns.find(1).unwrap(), None, "before the section is there");
    for type_id in 1..=PATTERN_ENTRY_COUNT {
        host.patterns.add(&pattern(type_id)).unwrap();
    }
    for type_id in [1, 2, PATTERN_ENTRY_COUNT] {
        assert_eq!(peer.patterns.find(type_id).unwrap(), Some(pattern(type_id)));
    }
    assert_eq!(peer.patterns.find(9_999_999).unwrap(), None);
    let full = TableError::Full { count: PATTERN_ENTRY_COUNT as usize };
    assert_eq!(host.patterns.add(&pattern(5000)), Err(full));
    assert_eq!(peer.host_epochs.current(EPOCH_PATTERN), PATTERN_ENTRY_COUNT);
}

#[test]
fn the_history_keeps_the_last_1024_jobs() {
    let (mut host, peer) = both(Tier::Light);
    let entry = |number: u64| HistoryEntry {
        job: number * 11,
        finished_ns: number * 1000,
        status: number as u32 % 3,
        type_id: 4,
        handle: handle(number),
        digest: [number as u8; 32],
    };
    assert_eq!(peer.history.get(1).unwrap(), None, "before the section is there");
    let kept = u64::from(HISTORY_ENTRY_COUNT);
    for number in 1..=kept + 10 {
        assert_eq!(host.history.add(&entry(number)).unwrap(), number);
    }
    for number in 1..=10 {
        assert_eq!(peer.history.get(number).unwrap(), None, "{number} was overwritten");
    }
    for number in 11..=kept + 10 {
        assert_eq!(peer.history.get(number).unwrap(), Some(entry(number)));
    }
    for number in [0, kept + 11, u64::MAX] {
        assert_eq!(peer.history.get(number).unwrap(), None, "{number}");
    }
    assert_eq!(u64::from(peer.host_epochs.current(EPOCH_HISTORY)), kept + 10);
}
