//! Questions and answers, with peers that don't keep to it.

use super::{LONG, SHORT};
use ioi_port::{CallError, Client, Server, Status, pair};
use ioi_shm::{RecvError, SendError, SendTimeoutError};
use std::thread;
use std::time::Duration;

#[test]
fn answers_find_their_calls_in_whatever_order_they_come() {
    let (one, other) = pair::<16, 64>().unwrap();
    let serving = thread::spawn(move || {
        let mut server = Server::new(one, 4);
        for _ in 0..50 {
            let asked: Vec<(u32, u16, Vec<u8>)> = (0..3)
                .map(|_| {
                    let request = server.next(LONG).unwrap();
                    (request.number, request.method, request.body.to_vec())
                })
                .collect();
            for (number, method, mut body) in asked.into_iter().rev() {
                body.reverse();
                assert!(server.answer(number, Status(method), &body, LONG).unwrap());
            }
        }
    });
    let mut client = Client::new(other, 4);
    for round in 0..50u16 {
        let begun: Vec<_> =
            (0..3u8).map(|i| (i, client.begin(1000 + round, &[i, 7], LONG).unwrap())).collect();
        for (i, number) in begun {
            let answer = client.wait(number).unwrap();
            assert_eq!((answer.status, answer.body), (Status(1000 + round), &[7, i][..]));
        }
    }
    assert_eq!((client.calls().in_flight(), client.calls().late(), client.calls().unknown()), (0, 0, 0));
    serving.join().unwrap();
}

#[test]
fn a_late_answer_is_dropped_and_counted_and_the_next_call_is_not_confused() {
    let (one, mut other) = pair::<16, 64>().unwrap();
    let mut client = Client::new(one, 2);
    let late = match client.call(1, b"slow", SHORT) {
        Err(CallError::TimedOut { number }) => number,
        other => panic!("{other:?}"),
    };
    let next = client.begin(1, b"quick", LONG).unwrap();
    let answer = |status: u8, body: &[u8]| [&[2, 0, status, 0, 0, 0, 0, 0], body].concat();
    for (number, body) in [(late, "late"), (next, "right"), (next, "again"), (next + 1, "none")] {
        other.sender.try_send(number, &answer(0, body.as_bytes())).unwrap();
    }
    assert_eq!(client.wait(next).unwrap().body, b"right");
    assert_eq!(client.wait(next), Err(CallError::Over { number: next }));
    let third = client.begin(1, b"", SHORT).unwrap();
    assert_eq!(third, next + 1);
    // "none" named a call that was made only afterwards; nothing can tell it from an
    // answer, so a server that guesses numbers deceives its client about its own answers.
    assert_eq!(client.wait(third).unwrap().body, b"none");
    assert_eq!((client.calls().late(), client.calls().unknown()), (2, 0));
}

#[test]
fn a_server_that_answers_nonsense_without_end_is_waited_for_no_longer_than_the_deadline() {
    let (one, mut other) = pair::<16, 64>().unwrap();
    let mut client = Client::new(one, 1);
    let number = client.begin(1, b"", 10 * SHORT).unwrap();
    let flooding = thread::spawn(move || {
        while !other.sender.bell().is_peer_gone() {
            other.sender.try_send(number + 77, &[2, 0, 0, 0, 0, 0, 0, 0]).ok();
            other.sender.try_send(number, b"?").ok();
        }
    });
    assert_eq!(client.wait(number), Err(CallError::TimedOut { number }));
    assert!(client.calls().unknown() > 0);
    drop(client);
    flooding.join().unwrap();
}

#[test]
fn calls_in_flight_are_bounded_on_both_sides() {
    let (one, other) = pair::<16, 64>().unwrap();
    let (mut client, mut server) = (Client::new(one, 3), Server::new(other, 2));
    let calls: Vec<u32> = (0..3).map(|_| client.begin(5, b"", LONG).unwrap()).collect();
    assert!(matches!(client.begin(5, b"", LONG), Err(CallError::TooMany(_))));
    for expected in &calls[..2] {
        assert_eq!(server.next(LONG).unwrap().number, *expected);
    }
    assert_eq!(server.next(SHORT).unwrap_err(), RecvError::TimedOut);
    assert_eq!(client.wait(calls[2]).unwrap().status, Status::BUSY);
    assert!(server.answer(calls[1], Status::OK, b"", LONG).unwrap());
    assert_eq!(client.wait(calls[1]).unwrap().status, Status::OK);
    assert!(client.begin(5, b"", LONG).is_ok(), "a place is free again");
}

#[test]
fn a_cancelled_call_is_not_answered_and_not_started() {
    let (one, other) = pair::<16, 64>().unwrap();
    let (mut client, mut server) = (Client::new(one, 4), Server::new(other, 4));
    let calls: Vec<u32> = (0..3).map(|_| client.begin(5, b"", LONG).unwrap()).collect();
    assert_eq!(server.next(LONG).unwrap().number, calls[0]);
    client.cancel(calls[0]);
    client.cancel(calls[1]);
    assert!(!server.is_wanted(calls[0]), "the cancellation is seen behind other requests");
    assert!(!server.answer(calls[0], Status::OK, b"", LONG).unwrap());
    assert_eq!(server.next(LONG).unwrap().number, calls[2], "the second was never started");
    assert!(server.answer(calls[2], Status::OK, b"3", LONG).unwrap());
    assert_eq!(client.wait(calls[2]).unwrap().body, b"3");
    assert_eq!(client.wait(calls[1]), Err(CallError::Over { number: calls[1] }));
    assert_eq!(client.calls().late(), 0, "no answer was sent for nothing");
}

#[test]
fn a_hostile_client_fills_no_more_than_its_places() {
    let (mut client, other) = pair::<16, 64>().unwrap();
    let mut server = Server::new(other, 2);
    let request = |timeout_ms: u8| [1, 0, 5, 0, timeout_ms, 0, 0, 0];
    let mut send = |number: u32, message: &[u8]| client.sender.try_send(number, message).unwrap();
    send(1, &request(255));
    send(1, &request(255));
    send(2, b"short");
    send(3, &[9; 64]);
    send(4, &[2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(server.next(LONG).unwrap().number, 1);
    assert_eq!(server.next(SHORT).unwrap_err(), RecvError::TimedOut);
    assert_eq!(server.malformed(), 3);
    let mut answer = [0; 64];
    let header = client.receiver.try_recv(&mut answer).unwrap().unwrap();
    assert_eq!((header.msg_id, answer[2]), (1, Status::REPEATED.0 as u8));
    // Requests that are over when they come, or cancelled at once, leave nothing behind.
    for round in 0..1000 {
        client.sender.try_send(10 + round, &request(0)).unwrap();
        client.sender.try_send(5000 + round, &request(255)).unwrap();
        client.sender.try_send(5000 + round, &[3, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        server.is_wanted(1);
        while client.receiver.try_recv(&mut answer).unwrap().is_some() {}
    }
    let shown = format!("{server:?}");
    assert!(shown.matches("Waiting {").count() <= 2 && shown.matches("AtHand {").count() <= 2, "{shown}");
}

#[test]
fn a_body_that_does_not_fit_is_refused_by_name() {
    let (one, other) = pair::<16, 16>().unwrap();
    let (mut client, mut server) = (Client::new(one, 4), Server::new(other, 4));
    let too_long = client.begin(1, &[0; 9], LONG);
    assert_eq!(too_long, Err(CallError::TooLong { length: 9, length_max: 8 }));
    let number = client.begin(1, &[0; 8], LONG).unwrap();
    assert_eq!(server.next(LONG).unwrap().body.len(), 8);
    let refused = server.answer(number, Status::OK, &[0; 9], LONG);
    assert_eq!(refused, Err(SendTimeoutError::Send(SendError::TooLong { length: 9, length_max: 8 })));
}

#[test]
fn a_call_with_less_than_a_millisecond_has_one_and_not_none() {
    for (timeout, timeout_ms) in [
        (Duration::ZERO, 0u32),
        (Duration::from_nanos(1), 1),
        (Duration::from_micros(999), 1),
        (Duration::from_millis(1), 1),
        (Duration::from_micros(1001), 2),
        (Duration::MAX, u32::MAX),
    ] {
        let (one, mut other) = pair::<4, 64>().unwrap();
        Client::new(one, 1).begin(7, b"", timeout).unwrap();
        let mut message = [0; 64];
        other.receiver.try_recv(&mut message).unwrap().expect("a request");
        assert_eq!(message[4..8], timeout_ms.to_le_bytes(), "{timeout:?}");
    }
}
