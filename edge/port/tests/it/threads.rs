//! Blocking ends, and one thread that waits for several ports.

use super::{LONG, SHORT};
use ioi_port::{Awaitable, blocking, pair, wait_any};
use ioi_shm::{Bell, Fault, RecvError, SendTimeoutError};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use std::thread;
use std::time::Duration;

#[test]
fn messages_between_threads_come_once_and_in_order_whoever_is_slower() {
    let (one, other) = pair::<4, 16>().unwrap();
    let (mut sender, _one) = blocking::split(one);
    let (_other, mut receiver) = blocking::split(other);
    let sending = thread::spawn(move || {
        for number in 0..20_000u32 {
            sender.send(number, &number.to_le_bytes(), LONG).unwrap();
        }
        (sender, _one)
    });
    let mut message = [0; 16];
    for number in 0..20_000u32 {
        let header = receiver.recv(&mut message, LONG).unwrap();
        assert_eq!((header.msg_id, &message[..header.length]), (number, &number.to_le_bytes()[..]));
    }
    sending.join().unwrap();
}

#[test]
fn waiting_ends_by_the_deadline_and_by_the_peers_end() {
    let (one, other) = pair::<2, 16>().unwrap();
    let (mut sender, mut receiver) = blocking::split(one);
    assert_eq!(receiver.recv(&mut [0; 16], SHORT), Err(RecvError::TimedOut));
    sender.send(1, b"", SHORT).unwrap();
    sender.send(2, b"", SHORT).unwrap();
    assert_eq!(sender.send(3, b"", SHORT), Err(SendTimeoutError::TimedOut));
    drop(other);
    assert_eq!(sender.send(3, b"", LONG), Err(SendTimeoutError::Closed));
    assert_eq!(receiver.recv(&mut [0; 16], LONG), Err(RecvError::Closed));
}

#[test]
fn one_thread_hears_all_of_its_ports() {
    const PORTS: usize = 5;
    const EACH: u32 = 400;
    let (mut ours, peers): (Vec<_>, Vec<_>) = (0..PORTS).map(|_| pair::<4, 16>().unwrap()).unzip();
    let peers: Vec<_> = peers
        .into_iter()
        .map(|port| {
            thread::spawn(move || {
                let (mut sender, receiver) = blocking::split(port);
                (0..EACH).for_each(|number| sender.send(number, b"", LONG).unwrap());
                (sender, receiver)
            })
        })
        .collect();
    let mut next = [0; PORTS];
    while next.iter().any(|number| *number < EACH) {
        let mut ports: Vec<&mut dyn Awaitable> = Vec::new();
        ports.extend(ours.iter_mut().zip(next).filter(|(_, next)| *next < EACH).map(|(port, _)| {
            let receiver: &mut dyn Awaitable = &mut port.receiver;
            receiver
        }));
        let waited = std::time::Instant::now();
        wait_any(&mut ports, LONG).unwrap();
        assert!(waited.elapsed() < LONG, "a wake was lost");
        for (port, next) in ours.iter_mut().zip(&mut next) {
            while let Some(header) = port.receiver.try_recv(&mut [0; 16]).unwrap() {
                assert_eq!(header.msg_id, *next);
                *next += 1;
            }
        }
    }
    peers.into_iter().for_each(|peer| drop(peer.join().unwrap()));
}

#[test]
fn whoever_sleeps_on_a_port_is_told_of_the_peers_end_without_looking() {
    /// A sleeper that is watched looks for itself only after a second.
    const TOLD: Duration = Duration::from_millis(900);
    const ROUNDS: u32 = 200;
    let mut late = 0;
    for round in 0..ROUNDS {
        let (one, other) = pair::<2, 16>().unwrap();
        let (mut sender, mut receiver) = blocking::split(one);
        assert!(sender.port().life().is_watched(), "unwatched, they would look every 50 ms");
        while sender.port().try_send(1, b"").is_ok() {}
        let sleeping = thread::spawn(move || receiver.recv(&mut [0; 16], LONG));
        let full = thread::spawn(move || sender.send(2, b"", LONG));
        // Before, while and after they fall asleep.
        thread::sleep(Duration::from_micros(u64::from(round) * 3));
        let ended = std::time::Instant::now();
        drop(other);
        assert_eq!(sleeping.join().unwrap(), Err(RecvError::Closed));
        assert_eq!(full.join().unwrap(), Err(SendTimeoutError::Closed));
        late += u32::from(ended.elapsed() > TOLD);
    }
    // A machine that does something else for a second is no fault of ours.
    assert!(late <= 2, "{late} of {ROUNDS} found out by themselves");
}

/// A receiver whose peer sends in the very moment after it was asked to ring.
struct Answered<'a> {
    ours: &'a mut ioi_shm::PortReceiver<2, 16>,
    peer: &'a mut ioi_shm::PortSender<2, 16>,
}

impl Awaitable for Answered<'_> {
    fn prepare(&mut self) -> Result<bool, Fault> {
        let is_empty = self.ours.prepare()?;
        self.peer.try_send(1, b"").expect("there is room");
        Ok(is_empty)
    }
    fn bell(&self) -> &Bell {
        self.ours.bell()
    }
}

#[test]
fn a_ring_for_one_end_is_not_taken_off_while_the_other_end_is_prepared() {
    let (mut one, mut other) = pair::<2, 16>().unwrap();
    one.sender.try_send(1, b"").unwrap();
    one.sender.try_send(2, b"").unwrap();
    let mut receiver = Answered { ours: &mut one.receiver, peer: &mut other.sender };
    wait_any(&mut [&mut receiver, &mut one.sender], Duration::ZERO).unwrap();
    let mut bell = [PollFd::new(one.receiver.bell(), PollFlags::IN)];
    assert_eq!(poll(&mut bell, Some(&Timespec::default())), Ok(1), "the bell still rings");
}
