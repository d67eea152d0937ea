//! What a side reads of the other's tables when that writes anything: a value or a named error, never a
//! panic and never for ever.

use crate::raw::{self, Raw};
use ioi_cell::native::{Host, LookError, Peer, TableError};
use ioi_cell::{HISTORY_OFFSET, PATTERNS_OFFSET, REGISTRY_OFFSET};
use ioi_shm::Handle;
use std::sync::atomic::Ordering;

const REGISTRY: u64 = REGISTRY_OFFSET as u64;
const PATTERNS: u64 = PATTERNS_OFFSET as u64;
const HISTORY: u64 = HISTORY_OFFSET as u64;

/// The name, module 1 and key 1.
fn module(raw: &Raw, name: &[u8]) {
    raw.put(REGISTRY, &[0; 96]);
    raw.put(REGISTRY, name);
    raw.put(REGISTRY + 32, &[1]);
    raw.put(REGISTRY + 88, &[1]);
}

#[test]
fn names_that_are_none_are_refused_by_name() {
    let (peer, raw) = raw::peer();
    for bad in [&b""[..], b"\xff\xfe", b"ab\xc3", b"a\0b", b"\0a", &[b'a', 0, 0, 0, 0, 0, 0, 0, 0xff]] {
        module(&raw, bad);
        assert_eq!(peer.registry.get(0), Err(TableError::NotUtf8), "{bad:?}");
        assert_eq!(peer.registry.find("any"), Err(TableError::NotUtf8), "{bad:?}");
        raw.put(PATTERNS, &[&[5, 0, 0, 0, 1, 0, 0, 0][..], &[0; 56]].concat());
        raw.put(PATTERNS + 40, &bad[..bad.len().min(24)]);
        assert_eq!(peer.patterns.find(5), Err(TableError::NotUtf8), "{bad:?}");
        assert_eq!(peer.patterns.find(6), Ok(None), "what isn't looked for isn't read");
    }
    module(&raw, "a full name has no zero at all..".as_bytes());
    assert_eq!(peer.registry.get(0).unwrap().unwrap().name.len(), 32);
}

#[test]
fn a_history_that_lies_about_its_numbers_has_nothing() {
    let (peer, raw) = raw::peer();
    raw.put(HISTORY, &7u64.to_le_bytes());
    assert_eq!(peer.history.get(1), Ok(None), "that place holds another job");
    assert_eq!(peer.history.get(7), Ok(None), "a job that isn't in its place");
    raw.put(HISTORY, &1u64.to_le_bytes());
    raw.put(HISTORY + 32, &[0xff; 64]);
    let entry = peer.history.get(1).unwrap().unwrap();
    assert_eq!(entry.handle, Handle::from_bytes(&[0xff; 32]), "a claim, good for nothing by itself");
    for number in [0, u64::MAX, u64::MAX - 1023] {
        assert_eq!(peer.history.get(number), Ok(None), "{number}");
    }
}

/// Every table of one side, read whole; whether any of it was refused.
fn read_peer(peer: &Peer) -> (u32, u32) {
    let mut found = (0, 0);
    let mut count = |is_error: bool| if is_error { found.1 += 1 } else { found.0 += 1 };
    (0..64).for_each(|index| count(peer.registry.get(index).is_err()));
    count(peer.registry.find("a").is_err());
    (0..4).for_each(|type_id| count(peer.patterns.find(type_id).is_err()));
    (0..64).for_each(|number| count(peer.history.get(number).is_err()));
    assert_eq!(peer.supervisor.entries().len(), 11);
    let _ = (peer.host_health.last(), peer.is_to_end());
    found
}

fn read_host(host: &mut Host) {
    for index in 0..64 {
        assert!(host.syscalls.get(index).is_ok(), "any bytes at rest are some call");
    }
    assert!(host.syscalls.all().unwrap().len() <= 64);
    let _ = host.peer_health.last();
    let mut picture = [0; 64];
    let seen = host.viewer.read(&mut picture);
    let lawful = |error: &LookError| {
        matches!(error, LookError::Busy | LookError::Outside { .. } | LookError::TooShort { .. })
    };
    assert!(seen.as_ref().err().is_none_or(lawful), "{seen:?}");
}

#[test]
fn tables_of_any_bytes_are_read_or_refused_and_nothing_else() {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    println!("seed {state:#x}");
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let ((mut host, of_peer), (peer, of_host)) = (raw::host(), raw::peer());
    let (mut read, mut refused) = (0, 0);
    for round in 0..60 {
        // Sparse first, so that some entries are whole; then everything.
        let mask = if round % 3 == 0 { 0x0101_0101_0101_0161 } else { u64::MAX };
        for at in (0..0x4000).chain(PATTERNS..PATTERNS + 0x1000).chain(HISTORY..HISTORY + 0x2000).step_by(8) {
            let value = next() & mask;
            of_peer.words.u64s()[at as usize / 8].store(value, Ordering::Relaxed);
            of_host.words.u64s()[at as usize / 8].store(value, Ordering::Relaxed);
        }
        let (good, bad) = read_peer(&peer);
        (read, refused) = (read + good, refused + bad);
        read_host(&mut host);
    }
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}
