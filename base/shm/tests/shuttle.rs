//! Random schedules of longer conversations than loom can exhaust:
//! `RUSTFLAGS="--cfg shuttle" cargo test -p ioi-shm --no-default-features --test shuttle`.
//!
//! The number of schedules is `IOI_SHUTTLE_SCHEDULES` (100,000 in all if it isn't set);
//! a failure prints the schedule, to be replayed with `shuttle::replay`.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used)]

use ioi_shm::byte_ring::{CAPACITY_MIN, RecvError};
use ioi_shm::ring::Layout;
use ioi_shm::sync::Ordering;
use ioi_shm::{Fault, LocalPage, OwnPage, Reader, Receiver, SendError, Sender, Wake, Writer};
use shuttle::sync::mpsc::{Receiver as Bell, Sender as Ringer, channel};
use shuttle::thread;

const TESTS: usize = 4;

fn schedules() -> usize {
    let all =
        std::env::var("IOI_SHUTTLE_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    (all / TESTS).max(1)
}

/// Takes rings until the index moved on; a lost wake is a deadlock, which shuttle reports.
fn sleep(bell: &Bell<()>) {
    bell.recv().unwrap();
}

fn ring(bell: &Ringer<()>, wake: Wake) {
    if wake == Wake::Needed {
        // The other side may have come to its end.
        bell.send(()).ok();
    }
}

#[test]
fn sleepers_on_both_sides_of_a_ring_always_wake_and_nothing_is_lost() {
    const SLOTS: usize = 2;
    const MESSAGES: u32 = 6;
    let body = || {
        let (page, other) = (LocalPage::new(Layout::<SLOTS, 8>::DATA_WORDS), LocalPage::new(0));
        let mut tx = Sender::<SLOTS, 8, _, _>::new(page.clone(), other.clone());
        let mut rx = Receiver::<SLOTS, 8, _, _>::new(other, page, 1);
        let (ring_rx, rx_bell) = channel();
        let (ring_tx, tx_bell) = channel();
        let sender = thread::spawn(move || {
            for n in 0..MESSAGES {
                loop {
                    match tx.send(n, &u64::from(n).to_le_bytes()) {
                        Ok(wake) => break ring(&ring_rx, wake),
                        Err(SendError::Full) => {
                            if tx.prepare_sleep().unwrap().is_some() {
                                sleep(&tx_bell);
                            }
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            tx_bell
        });
        let mut buffer = [0; 8];
        for n in 0..MESSAGES {
            loop {
                if let Some(header) = rx.try_recv(&mut buffer).unwrap() {
                    assert_eq!((header.msg_id, u64::from_le_bytes(buffer)), (n, u64::from(n)));
                    if rx.ack_is_due() {
                        ring(&ring_tx, rx.ack());
                    }
                    break;
                }
                ring(&ring_tx, rx.ack());
                if rx.prepare_sleep().unwrap().is_some() {
                    sleep(&rx_bell);
                }
            }
        }
        drop(sender.join().unwrap());
    };
    shuttle::check_random(body, schedules());
}

#[test]
fn a_byte_ring_grows_and_wakes_whatever_the_schedule() {
    const RECORDS: u32 = 5;
    let body = || {
        let (page, other) = (LocalPage::new(CAPACITY_MIN as usize / 4), LocalPage::new(0));
        let mut rx = Reader::new(other.clone(), page.clone(), 1);
        let mut tx = Writer::new(page, other);
        let (ring_rx, rx_bell) = channel();
        let (ring_tx, tx_bell) = channel();
        let sender = thread::spawn(move || {
            for n in 0..RECORDS {
                // Two of them don't fit side by side at first; one word in them is looked at.
                let mut payload = vec![0; CAPACITY_MIN as usize / 2 + 16];
                payload[..4].copy_from_slice(&n.to_le_bytes());
                let payload = if n % 2 == 0 { &payload[..] } else { &payload[..8] };
                loop {
                    match tx.send(n, payload) {
                        Ok(wake) => break ring(&ring_rx, wake),
                        Err(SendError::Grow { capacity }) => tx.grow(capacity),
                        Err(SendError::Full) => {
                            if tx.prepare_sleep().unwrap().is_some() {
                                sleep(&tx_bell);
                            }
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            tx_bell
        });
        let mut buffer = vec![0; CAPACITY_MIN as usize];
        for n in 0..RECORDS {
            loop {
                match rx.try_recv(&mut buffer) {
                    Ok(Some(record)) => {
                        assert_eq!((record.msg_id, &record.payload[..4]), (n, &n.to_le_bytes()[..]));
                        ring(&ring_tx, rx.ack());
                        break;
                    }
                    Ok(None) => {}
                    Err(RecvError::Grow { capacity }) => rx.grow(capacity),
                    Err(error) => panic!("{error}"),
                }
                if rx.prepare_sleep().unwrap().is_some() {
                    sleep(&rx_bell);
                }
            }
        }
        drop(sender.join().unwrap());
    };
    shuttle::check_random(body, schedules());
}

/// A length that was checked in one read and used in another would be one that was never checked.
#[test]
fn a_records_header_is_used_as_it_was_checked_whoever_changes_it_between_two_loads() {
    let body = || {
        let (page, own) = (LocalPage::new(CAPACITY_MIN as usize / 8), LocalPage::new(0));
        OwnPage::control(&page)[1].store(CAPACITY_MIN, Ordering::SeqCst);
        OwnPage::control(&page)[0].store(24, Ordering::SeqCst);
        OwnPage::data(&page)[0].store(8, Ordering::SeqCst);
        let liar = page.clone();
        let lying = thread::spawn(move || {
            for length in [u32::MAX, 16, 8, u32::MAX, 8, 16] {
                OwnPage::data(&liar)[0].store(length.into(), Ordering::SeqCst);
            }
        });
        let mut rx = Reader::new(own, page, 1);
        let length = match rx.try_recv(&mut [0; 64]) {
            Ok(Some(record)) => record.payload.len(),
            Err(RecvError::Poisoned(fault)) => {
                assert_eq!(fault, Fault::Length { length: u32::MAX, length_max: 16 });
                return lying.join().unwrap();
            }
            other => panic!("{other:?}"),
        };
        // It moved on by the length that it delivered.
        let left = [(8, None), (16, Some(24))].into_iter().find(|(lawful, _)| *lawful == length);
        assert_eq!(Some(rx.prepare_sleep().unwrap()), left.map(|(_, waits)| waits), "{length}");
        lying.join().unwrap();
    };
    shuttle::check_random(body, schedules());
}

#[test]
fn a_messages_commit_word_is_used_as_it_was_checked_whoever_changes_it_between_two_loads() {
    let commit = |length: u64, run: u64| 1 | length << 32 | run << 48;
    let body = move || {
        let (page, own) = (LocalPage::new(Layout::<2, 16>::DATA_WORDS), LocalPage::new(0));
        OwnPage::data(&page)[0].store(commit(8, 1), Ordering::SeqCst);
        let liar = page.clone();
        let lying = thread::spawn(move || {
            for word in [commit(0xFFFF, 1), commit(8, 2), commit(16, 1), commit(8, 9), commit(16, 2)] {
                OwnPage::data(&liar)[0].store(word, Ordering::SeqCst);
            }
        });
        let mut rx = Receiver::<2, 16, _, _>::new(own, page, 1);
        match rx.try_recv(&mut [0; 16]) {
            Ok(Some(header)) => assert!([8, 16].contains(&header.length)),
            Err(Fault::Length { length, .. }) => assert_eq!(length, 0xFFFF),
            Err(Fault::Run { run, .. }) => assert_eq!(run, 9),
            other => panic!("{other:?}"),
        }
        lying.join().unwrap();
    };
    shuttle::check_random(body, schedules());
}
