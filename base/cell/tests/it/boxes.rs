//! Inbox and outbox: whole, in order, growing, and what a lying writer can do.

use crate::common::{LONG, both};
use ioi_cell::native::Tier;
use ioi_shm::SendError;
use std::thread;

fn payload(number: u32) -> Vec<u8> {
    let length = match number % 5 {
        // The longest there can be: only a box that has grown to its end takes it.
        _ if number == 1000 => 256 << 10,
        0 => number as usize * 997 % 200_000,
        1 => 0,
        _ => number as usize % 300,
    };
    (0..length).map(|at| (at as u32).wrapping_mul(number | 1) as u8).collect()
}

#[test]
fn records_of_every_size_pass_both_ways_while_the_boxes_grow() {
    const RECORDS: u32 = 2000;
    let (mut host, mut peer) = both(Tier::Light);
    assert_eq!((host.inbox.capacity(), peer.outbox.capacity()), (16 << 10, 16 << 10));
    let echo = thread::spawn(move || {
        let mut buffer = vec![0; 256 << 10];
        for number in 0..RECORDS {
            let record = loop {
                // The borrow of the buffer ends with each try.
                if peer.inbox.wait(LONG).unwrap()
                    && let Some(record) = peer.inbox.try_recv(&mut buffer).unwrap()
                {
                    assert_eq!(record.sender, 0);
                    break record.payload.to_vec();
                }
            };
            assert!(record == payload(number), "record {number}");
            while peer.outbox.send(number, &record) == Err(SendError::Full) {
                thread::yield_now();
            }
        }
        peer
    });
    let mut buffer = vec![0; 256 << 10];
    let (mut sent, mut received) = (0, 0);
    while received < RECORDS {
        while sent < RECORDS {
            match host.inbox.send(sent, &payload(sent)) {
                Ok(()) => sent += 1,
                Err(SendError::Full) => break,
                Err(error) => panic!("{error}"),
            }
        }
        if let Some(record) = host.outbox.try_recv(&mut buffer).unwrap() {
            assert_eq!((record.sender, record.msg_id), (77, received));
            assert!(record.payload == payload(received), "record {received}");
            received += 1;
        }
    }
    let peer = echo.join().unwrap();
    assert_eq!((host.inbox.capacity(), peer.outbox.capacity()), (512 << 10, 512 << 10));
}
