//! Ports in tokio's reactor.

use super::{LONG, SHORT};
use ioi_port::{pair, reactor};
use ioi_shm::{RecvError, SendTimeoutError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

fn two_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn send_all(mut sender: reactor::Sender<2, 8>, count: u32) -> reactor::Sender<2, 8> {
    for number in 0..count {
        sender.send(number, b"", LONG).await.unwrap();
    }
    sender
}

async fn receive_all(mut receiver: reactor::Receiver<2, 8>, count: u32) -> reactor::Receiver<2, 8> {
    for number in 0..count {
        assert_eq!(receiver.recv(&mut [0; 8], LONG).await.unwrap().msg_id, number);
    }
    receiver
}

/// Two slots, so that both ends of both ports sleep all the time, two on each bell.
#[test]
fn no_wake_is_lost_when_both_ends_of_a_port_wait_on_one_bell() {
    const COUNT: u32 = 10_000;
    for runtime in [two_threads(), one_thread()] {
        runtime.block_on(async {
            let (one, other) = pair::<2, 8>().unwrap();
            let ((s1, r1), (s2, r2)) = (reactor::split(one).unwrap(), reactor::split(other).unwrap());
            let tasks = (
                tokio::spawn(send_all(s1, COUNT)),
                tokio::spawn(send_all(s2, COUNT)),
                tokio::spawn(receive_all(r1, COUNT)),
                tokio::spawn(receive_all(r2, COUNT)),
            );
            let ends = tokio::join!(tasks.0, tasks.1, tasks.2, tasks.3);
            ends.0.unwrap();
            ends.1.unwrap();
            ends.2.unwrap();
            ends.3.unwrap();
        });
    }
}

/// Futures are dropped at every point at which they can be: after any number of polls.
#[test]
fn a_dropped_future_has_received_or_sent_nothing() {
    const COUNT: u32 = 4000;
    two_threads().block_on(async {
        let (one, other) = pair::<2, 8>().unwrap();
        let ((mut sender, _r), (_s, mut receiver)) =
            (reactor::split(one).unwrap(), reactor::split(other).unwrap());
        let sending = tokio::spawn(async move {
            let (mut number, mut dropped) = (0, 0);
            while number < COUNT {
                tokio::select! {
                    biased;
                    sent = sender.send(number, b"", LONG) => { sent.unwrap(); number += 1; }
                    () = patience(number + dropped) => dropped += 1,
                }
            }
            (sender, dropped)
        });
        let (mut number, mut dropped, mut message) = (0, 0, [0; 8]);
        while number < COUNT {
            tokio::select! {
                biased;
                header = receiver.recv(&mut message, LONG) => {
                    assert_eq!(header.unwrap().msg_id, number);
                    number += 1;
                }
                () = patience(number + dropped) => dropped += 1,
            }
        }
        let (_sender, never_sent) = sending.await.unwrap();
        assert!(dropped > 0 && never_sent > 0, "{dropped} and {never_sent} were dropped");
        assert_eq!(receiver.try_recv(&mut message), Ok(None), "nothing was sent twice");
    });
}

/// Gives up after a few polls.
async fn patience(turn: u32) {
    for _ in 0..turn % 5 {
        yield_now().await;
    }
}

#[test]
fn a_peer_that_rings_without_end_delays_neither_the_deadline_nor_other_tasks() {
    let (one, other) = pair::<2, 8>().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let ringing = {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                other.sender.bell().ring();
            }
            other
        })
    };
    one_thread().block_on(async {
        let (_sender, mut receiver) = reactor::split(one).unwrap();
        let bystander = tokio::spawn(async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let received = receiver.recv(&mut [0; 8], 10 * SHORT).await;
        assert_eq!(received, Err(RecvError::TimedOut));
        assert!(bystander.is_finished(), "the other task was starved");
    });
    stop.store(true, Ordering::Relaxed);
    drop(ringing.join().unwrap());
}

#[test]
fn a_ring_that_never_runs_empty_does_not_starve_other_tasks_of_the_runtime() {
    one_thread().block_on(async {
        let (one, mut other) = pair::<256, 8>().unwrap();
        let (_sender, mut receiver) = reactor::split(one).unwrap();
        let bystander = tokio::spawn(async {});
        for _ in 0..10_000 {
            while other.sender.try_send(0, b"").is_ok() {}
            receiver.recv(&mut [0; 8], LONG).await.unwrap();
        }
        assert!(bystander.is_finished());
    });
}

#[test]
fn what_a_peer_sent_before_it_died_is_received_and_then_its_end() {
    one_thread().block_on(async {
        let (one, mut other) = pair::<2, 8>().unwrap();
        let (mut sender, mut receiver) = reactor::split(one).unwrap();
        sender.send(1, b"", LONG).await.unwrap();
        sender.send(2, b"", LONG).await.unwrap();
        assert_eq!(sender.send(3, b"", SHORT).await, Err(SendTimeoutError::TimedOut));
        other.sender.try_send(9, b"last").unwrap();
        let dying = async {
            yield_now().await;
            drop(other);
        };
        let (sent, ()) = tokio::join!(sender.send(3, b"", LONG), dying);
        assert_eq!(sent, Err(SendTimeoutError::Closed));
        assert_eq!(receiver.recv(&mut [0; 8], LONG).await.unwrap().msg_id, 9);
        assert_eq!(receiver.recv(&mut [0; 8], LONG).await, Err(RecvError::Closed));
    });
}

#[test]
fn what_was_pushed_before_is_published_when_there_is_no_room_for_more() {
    one_thread().block_on(async {
        let (one, other) = pair::<2, 8>().unwrap();
        let (mut sender, _r) = reactor::split(one).unwrap();
        let (_s, receiver) = reactor::split(other).unwrap();
        sender.port().push(0, b"").unwrap();
        sender.port().push(1, b"").unwrap();
        let receiving = tokio::spawn(receive_all(receiver, 3));
        sender.send(2, b"", LONG).await.expect("the receiver makes room");
        receiving.await.unwrap();
    });
}
