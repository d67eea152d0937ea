//! The host over real ports, with parties as threads.

use crate::world::{WIDE, policy, rules};
use ioi_node_host::{AttachError, Host, Router};
use ioi_port::pair;
use ioi_port::routed::{Endpoint, Notice, NoticeError, Party, ROUTED_BYTES, Reason, Request, RoutedPort};
use ioi_shm::RecvError;
use std::thread::{self, JoinHandle};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);
const LIFE: Duration = Duration::from_secs(60);

/// Limits with which no message waits for room.
fn many_messages() -> String {
    let limits = WIDE.replace("messages_max = 1000,", "messages_max = 1000000,");
    limits.replace("messages_to_one_max = 1000,", "messages_to_one_max = 1000000,")
}

/// A host for these rules, and each party's port.
fn host(parties: &[&str], text: &str) -> (Host, Vec<RoutedPort>) {
    let mut host = Host::new(Router::new(policy(text), LIFE));
    let ports = (0..parties.len() as u16).map(|number| {
        let (ours, theirs) = pair::<64, ROUTED_BYTES>().unwrap();
        host.attach_port(Party(number), ours).unwrap();
        theirs
    });
    let ports = ports.collect();
    (host, ports)
}

/// Serves until all threads are done.
fn serve<T>(host: &mut Host, threads: Vec<JoinHandle<T>>) -> Vec<T> {
    while !threads.iter().all(JoinHandle::is_finished) {
        host.turn(Duration::from_millis(10)).unwrap();
    }
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn send(to: Party, body: &[u8]) -> Request<'_> {
    Request::Send { capability: None, to: Some(to), cause: 0, handle: None, body }
}

/// Sends numbers, each again for as long as it is refused for want of room.
fn send_numbers(port: RoutedPort, to: Party, count: u32) -> Endpoint {
    let mut endpoint = Endpoint::new(port);
    for number in 0..count {
        endpoint.ask(&send(to, &number.to_le_bytes()), LONG).unwrap();
    }
    endpoint
}

/// Numbers from each sender, in order, until there are so many from each.
fn receive_numbers(port: RoutedPort, senders: u16, count: u32) -> Endpoint {
    let mut endpoint = Endpoint::new(port);
    let mut next = vec![0; usize::from(senders)];
    while next.iter().any(|number| *number < count) {
        if let (_, Notice::Delivered { from, body, .. }) = endpoint.notice(LONG).unwrap() {
            let number = &mut next[usize::from(from.0)];
            assert_eq!(body, number.to_le_bytes());
            *number += 1;
        }
    }
    endpoint
}

#[test]
fn messages_of_several_senders_arrive_once_and_in_order() {
    let parties = ["a", "b", "c", "to"];
    let limits = many_messages();
    let (mut host, mut ports) = host(&parties, &rules(&parties, &["* > to: send"]).replace(WIDE, &limits));
    let to = ports.pop().unwrap();
    let mut threads: Vec<_> =
        ports.into_iter().map(|port| thread::spawn(|| send_numbers(port, Party(3), 2000))).collect();
    threads.push(thread::spawn(|| receive_numbers(to, 3, 2000)));
    serve(&mut host, threads);
    let state = host.router().state(Party(3));
    assert_eq!((state.counts.received, state.depth), (6000, 0));
}

#[test]
fn a_dead_party_is_detached_after_its_last_words_and_may_come_back() {
    let parties = ["a", "b"];
    let (mut host, mut ports) = host(&parties, &rules(&parties, &["a > b: send"]));
    let (mut b, a) = (Endpoint::new(ports.pop().unwrap()), ports.pop().unwrap());
    drop(send_numbers(a, Party(1), 40));
    while host.attached() == 2 {
        host.turn(Duration::ZERO).unwrap();
    }
    host.turn(Duration::ZERO).unwrap();
    let mut delivered = 0;
    while let Ok((_, notice)) = b.notice(Duration::ZERO) {
        delivered += u32::from(matches!(notice, Notice::Delivered { .. }));
    }
    assert_eq!(delivered, 40);
    let (ours, theirs) = pair().unwrap();
    assert_eq!(host.attach_port(Party(1), pair().unwrap().0), Err(AttachError::Taken));
    assert_eq!(host.attach_port(Party(2), pair().unwrap().0), Err(AttachError::Unknown));
    host.attach_port(Party(0), ours).unwrap();
    host.turn(Duration::ZERO).unwrap();
    assert!(matches!(Endpoint::new(theirs).notice(LONG).unwrap(), (0, Notice::Granted { name: "b", .. })));
}

#[test]
fn a_party_that_takes_nothing_and_one_that_floods_hold_nobody_up() {
    let parties = ["a", "to", "stuck", "flooder"];
    let limits = many_messages();
    let text = rules(&parties, &["a > to: send", "flooder > *: send"]).replace(WIDE, &limits);
    let last = text.rfind(&limits).unwrap();
    let few = WIDE.replace("_max = 1000,", "_max = 8,");
    let text = format!("{}{}", &text[..last], text[last..].replacen(&limits, &few, 1));
    let (mut host, ports) = host(&parties, &text);
    let [a, to, stuck, mut flooder] = <[RoutedPort; 4]>::try_from(ports).unwrap();
    let mut flood = Vec::new();
    assert!(send(Party(2), b"flood").write(&mut flood));
    let flooding = thread::spawn(move || {
        while !flooder.sender.bell().is_peer_gone() {
            flooder.sender.try_send(1, &flood).ok();
        }
    });
    let threads = vec![
        thread::spawn(|| send_numbers(a, Party(1), 5000)),
        thread::spawn(|| receive_numbers(to, 1, 5000)),
    ];
    serve(&mut host, threads);
    let state = host.router().state(Party(3));
    assert!(state.messages <= 8 && state.counts.refused[&Reason::Full] > 0, "{state:?}");
    assert!(host.router().state(Party(2)).depth <= 8);
    drop(host);
    flooding.join().unwrap();
    drop(stuck);
}

#[test]
fn what_the_ring_carries_is_held_against_the_policy_whatever_it_is() {
    let parties = ["a", "b"];
    let (mut host, mut ports) = host(&parties, &rules(&parties, &["b > a: send"]));
    let (mut b, mut a) = (Endpoint::new(ports.pop().unwrap()), ports.pop().unwrap());
    a.sender.try_send(77, b"nonsense").unwrap();
    host.turn(Duration::ZERO).unwrap();
    host.turn(Duration::ZERO).unwrap();
    let mut a = Endpoint::new(a);
    let refused = a.notice(LONG).unwrap();
    assert!(matches!(refused, (77, Notice::Refused { reason: Reason::Malformed, .. })), "{refused:?}");
    a.ask(&send(Party(1), b"x"), LONG).unwrap();
    host.turn(Duration::ZERO).unwrap();
    host.turn(Duration::ZERO).unwrap();
    let refused = a.notice(LONG).unwrap();
    let text = "no rule lets `a` send to `b`";
    assert!(
        matches!(refused, (1, Notice::Refused { reason: Reason::NoRule, text: said, .. }) if said == text)
    );
    assert!(matches!(b.notice(LONG).unwrap(), (0, Notice::Granted { .. })));
    assert_eq!(b.notice(Duration::ZERO), Err(NoticeError::Receive(RecvError::TimedOut)));
}

#[test]
fn a_sender_that_is_too_fast_waits_with_its_ring_full_and_is_refused_nothing() {
    let parties = ["fast", "to"];
    let limits = WIDE.replace("second = 1000000", "second = 200").replace("burst = 1000000", "burst = 20");
    let started = std::time::Instant::now();
    let (mut host, mut ports) =
        host(&parties, &rules(&parties, &["fast > to: send"]).replacen(WIDE, &limits, 1));
    let (to, fast) = (ports.pop().unwrap(), ports.pop().unwrap());
    let threads = vec![
        thread::spawn(|| send_numbers(fast, Party(1), 120)),
        thread::spawn(|| receive_numbers(to, 1, 120)),
    ];
    serve(&mut host, threads);
    let counts = host.router().state(Party(0)).counts;
    assert_eq!((counts.delivered, counts.refused.len()), (120, 0));
    let allowed = 20 + started.elapsed().as_millis() * 200 / 1000;
    assert!(allowed >= 120, "120 messages in the time of {allowed}");
}

#[test]
fn who_may_never_send_is_told_so() {
    let parties = ["mute", "to"];
    let (mut host, mut ports) =
        host(&parties, &rules(&parties, &["mute > to: send"]).replacen(WIDE, "{}", 1));
    let (_to, mut mute) = (ports.pop().unwrap(), Endpoint::new(ports.pop().unwrap()));
    mute.ask(&send(Party(1), b""), LONG).unwrap();
    (0..2).for_each(|_| assert!(host.turn(Duration::ZERO).unwrap().is_empty()));
    assert!(matches!(mute.notice(LONG).unwrap(), (0, Notice::Granted { .. })));
    let refused = mute.notice(LONG).unwrap();
    assert!(
        matches!(refused, (1, Notice::Refused { reason: Reason::Rate, wait_ms: u32::MAX, .. })),
        "{refused:?}"
    );
}
