//! Ping-pong buffers: no picture is ever half of one and half of another.

use crate::common::both;
use ioi_cell::native::{Busy, LookError, Tier};
use ioi_shm::{FillError, LeaseError};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

const BYTES: usize = 20_000;

#[test]
fn a_picture_is_never_half_of_one_and_half_of_another() {
    let (mut host, mut peer) = both(Tier::Light);
    let mut screen = peer.ping_pong(BYTES as u64).unwrap();
    let mut picture = vec![0; BYTES];
    assert_eq!(host.viewer.read(&mut picture).unwrap(), None, "none was made yet");
    // The writer goes on until enough was looked at, however busy the machine is.
    let (done, seen) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut written = 0;
            while written < 30_000 || seen.load(Ordering::Relaxed) < 50 {
                let byte = (written % 251) as u8;
                written += u32::from(screen.write(&mut peer.lender, |bytes| bytes.fill(byte)).is_ok());
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            match host.viewer.read(&mut picture) {
                Ok(Some(found)) => {
                    let byte = ((found.version - 1) % 251) as u8;
                    assert!(picture.iter().all(|b| *b == byte), "picture {} is torn", found.version);
                    assert!(found.version >= last, "an older one after a newer");
                    seen.fetch_add(1, Ordering::Relaxed);
                    last = found.version;
                }
                Ok(None) | Err(LookError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn a_reader_that_keeps_its_claim_is_never_written_over() {
    let (mut host, mut peer) = both(Tier::Light);
    let mut screen = peer.ping_pong(64).unwrap();
    let mut write = |byte: u8| screen.write(&mut peer.lender, |bytes| bytes.fill(byte));
    write(1).unwrap();
    let claim = host.viewer.claim().unwrap().unwrap();
    assert_eq!(claim.version(), 1);
    // The other buffer is free; the claimed one is not.
    write(2).unwrap();
    let mut picture = [0; 64];
    for _ in 0..3 {
        assert_eq!(write(3), Err(Busy));
        // It can be looked at as often as one likes, and stays what it was.
        assert_eq!(claim.copy_to(&mut picture), Ok(64));
        assert_eq!(picture, [1; 64]);
    }
    assert_eq!(claim.copy_to(&mut [0; 63]), Err(LookError::TooShort { bytes: 64 }));
    assert_eq!(write(3), Err(Busy), "a copy that failed gives nothing up");
    drop(claim);
    assert_eq!(write(3), Ok(3));
    assert_eq!(host.viewer.read(&mut picture).unwrap().unwrap().version, 3);
    assert_eq!(picture, [3; 64]);
    assert_eq!(host.viewer.read(&mut [0; 63]).unwrap_err(), LookError::TooShort { bytes: 64 });
}

#[test]
fn buffers_are_made_once_and_only_where_there_is_room() {
    let (_host, mut peer) = both(Tier::Light);
    for bytes in [1 << 40, u64::MAX, 0] {
        let error = peer.ping_pong(bytes).unwrap_err();
        assert!(matches!(error, FillError::Lease(LeaseError::Size { .. })), "{bytes}: {error}");
    }
    // An arena that is full now is not full for ever.
    let large = peer.lender.lease(29 << 20, 0).unwrap();
    let error = peer.ping_pong(1 << 20).unwrap_err();
    assert!(matches!(error, FillError::Lease(LeaseError::Quota { .. })), "{error}");
    peer.lender.hand_over(&large).unwrap();
    peer.lender.release(&large).unwrap();
    let mut screen = peer.ping_pong(1 << 20).unwrap();
    screen.write(&mut peer.lender, |bytes| bytes.fill(1)).unwrap();
    assert_eq!(peer.ping_pong(64).unwrap_err(), FillError::HandedOver);
}
