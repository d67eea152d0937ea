//! The ring against a queue, and against peers that write what they like.

use ioi_shm::ring::Layout;
use ioi_shm::sync::Ordering;
use ioi_shm::{Fault, LocalPage, OwnPage, Receiver, SendError, Sender, Wake};
use proptest::prelude::*;
use std::collections::VecDeque;

const SLOTS: usize = 8;
const BYTES: usize = 40;
const WORDS: usize = Layout::<SLOTS, BYTES>::DATA_WORDS;
const SLOT: usize = Layout::<SLOTS, BYTES>::SLOT_WORDS;

type Tx = Sender<SLOTS, BYTES, LocalPage, LocalPage>;
type Rx = Receiver<SLOTS, BYTES, LocalPage, LocalPage>;

struct Ring {
    tx: Tx,
    rx: Rx,
    sender_page: LocalPage,
    receiver_page: LocalPage,
}

fn ring() -> Ring {
    let (sender_page, receiver_page) = (LocalPage::new(WORDS), LocalPage::new(0));
    let tx = Sender::new(sender_page.clone(), receiver_page.clone());
    let rx = Receiver::new(receiver_page.clone(), sender_page.clone(), 7);
    Ring { tx, rx, sender_page, receiver_page }
}

/// The next message with its id.
fn take(rx: &mut Rx) -> Result<Option<(u32, Vec<u8>)>, Fault> {
    let mut buffer = [0; BYTES];
    let header = rx.try_recv(&mut buffer)?;
    Ok(header.map(|header| {
        assert_eq!(header.sender, 7, "the receiver stamps the sender");
        (header.msg_id, buffer[..header.length].to_vec())
    }))
}

/// Sends and takes so many messages, so that later ones lie on a second lap.
fn warm_up(ring: &mut Ring, messages: u32) {
    for n in 0..messages {
        let _ = ring.tx.send(n, &n.to_le_bytes()).unwrap();
        assert_eq!(take(&mut ring.rx).unwrap(), Some((n, n.to_le_bytes().to_vec())));
        let _ = ring.rx.ack();
    }
}

fn commit(sequence: u32, length: u16, run: u16) -> u64 {
    u64::from(sequence) | u64::from(length) << 32 | u64::from(run) << 48
}

#[derive(Clone, Debug)]
enum Step {
    Push(Vec<u8>),
    Publish,
    Take,
    Ack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..=BYTES).prop_map(Step::Push),
        2 => Just(Step::Publish),
        4 => Just(Step::Take),
        1 => Just(Step::Ack),
    ]
}

proptest! {
    #[test]
    fn messages_come_out_as_a_queue_would_give_them(steps in prop::collection::vec(step(), 0..400)) {
        let mut ring = ring();
        let (mut staged, mut visible) = (VecDeque::new(), VecDeque::new());
        let mut unacked = 0;
        for (id, step) in steps.into_iter().enumerate() {
            let id = id as u32;
            match step {
                Step::Push(bytes) => {
                    let in_use = staged.len() + visible.len() + unacked;
                    match ring.tx.push(id, &bytes) {
                        Ok(()) => { prop_assert!(in_use < SLOTS); staged.push_back((id, bytes)); }
                        Err(error) => { prop_assert_eq!(error, SendError::Full); prop_assert_eq!(in_use, SLOTS); }
                    }
                }
                Step::Publish => { let _ = ring.tx.publish(); visible.append(&mut staged); }
                Step::Take => {
                    let taken = take(&mut ring.rx).unwrap();
                    unacked += usize::from(taken.is_some());
                    prop_assert_eq!(taken, visible.pop_front());
                }
                Step::Ack => { let _ = ring.rx.ack(); unacked = 0; }
            }
        }
    }
}

#[test]
fn every_slot_can_be_used_and_one_more_is_full() {
    let mut ring = ring();
    for lap in 0..3 {
        for n in 0..SLOTS as u32 {
            ring.tx.push(n, &[lap; BYTES]).unwrap();
        }
        assert_eq!(ring.tx.push(99, &[]), Err(SendError::Full));
        assert_eq!(take(&mut ring.rx).unwrap(), None, "nothing is visible before it is published");
        let _ = ring.tx.publish();
        for n in 0..SLOTS as u32 {
            assert_eq!(ring.tx.push(99, &[]), Err(SendError::Full));
            assert_eq!(take(&mut ring.rx).unwrap(), Some((n, vec![lap; BYTES])));
        }
        let _ = ring.rx.ack();
    }
}

#[test]
fn a_message_that_is_too_long_is_refused_and_the_longest_fits() {
    let mut ring = ring();
    let error = ring.tx.push(1, &[0; BYTES + 1]).unwrap_err();
    assert_eq!(error, SendError::TooLong { length: BYTES + 1, length_max: BYTES });
    let _ = ring.tx.send(2, &[5; BYTES]).unwrap();
    assert_eq!(take(&mut ring.rx).unwrap(), Some((2, vec![5; BYTES])));
}

#[test]
fn a_busy_receiver_is_never_woken_and_a_sleeping_one_always() {
    let mut ring = ring();
    assert_eq!(ring.rx.prepare_sleep().unwrap(), Some(0));
    assert_eq!(ring.tx.send(1, &[]).unwrap(), Wake::Needed);
    for n in 2..20 {
        assert!(take(&mut ring.rx).unwrap().is_some());
        let _ = ring.rx.ack();
        assert_eq!(ring.tx.send(n, &[]).unwrap(), Wake::NotNeeded, "{n}");
        assert_eq!(ring.rx.prepare_sleep().unwrap(), None, "a message is there");
    }
    assert!(take(&mut ring.rx).unwrap().is_some());
    assert_eq!(ring.rx.prepare_sleep().unwrap(), Some(19));
}

#[test]
fn a_sender_without_room_is_woken_by_what_is_given_back() {
    let mut ring = ring();
    for n in 0..SLOTS as u32 {
        ring.tx.push(n, &[]).unwrap();
    }
    let _ = ring.tx.publish();
    assert_eq!(ring.tx.prepare_sleep().unwrap(), Some(0));
    assert!(take(&mut ring.rx).unwrap().is_some());
    assert_eq!(ring.rx.ack(), Wake::Needed);
    assert_eq!(ring.tx.prepare_sleep().unwrap(), None);
    assert!(take(&mut ring.rx).unwrap().is_some());
    assert_eq!(ring.rx.ack(), Wake::NotNeeded, "nobody sleeps on that index");
}

/// Writes into the sender's page as a hostile sender would; the second number is the message to hit.
type Lie = fn(&LocalPage, u32);
/// The fault that a lie about a message is.
type Expected = fn(u32) -> Fault;

#[test]
fn every_lie_of_a_sender_poisons_the_ring_for_good() {
    fn slot(page: &LocalPage, number: u32, word: u64) {
        page.data()[(number as usize % SLOTS) * SLOT].store(word, Ordering::Release);
    }
    let rows: &[(&str, Lie, Expected)] = &[
        (
            "a sequence of the lap after",
            |p, n| slot(p, n, commit(n + 1 + SLOTS as u32, 0, 1)),
            |n| Fault::Sequence { expected: n + 1, found: n + 1 + SLOTS as u32 },
        ),
        (
            "a sequence one ahead",
            |p, n| slot(p, n, commit(n + 2, 0, 1)),
            |n| Fault::Sequence { expected: n + 1, found: n + 2 },
        ),
        (
            "a sequence 2^31 away",
            |p, n| slot(p, n, commit((n + 1) ^ 1 << 31, 0, 1)),
            |n| Fault::Sequence { expected: n + 1, found: (n + 1) ^ 1 << 31 },
        ),
        ("all ones", |p, n| slot(p, n, u64::MAX), |n| Fault::Sequence { expected: n + 1, found: u32::MAX }),
        (
            "one byte too long",
            |p, n| slot(p, n, commit(n + 1, BYTES as u16 + 1, 1)),
            |_| Fault::Length { length: BYTES as u32 + 1, length_max: BYTES as u32 },
        ),
        (
            "the longest length",
            |p, n| slot(p, n, commit(n + 1, u16::MAX, 1)),
            |_| Fault::Length { length: 65535, length_max: BYTES as u32 },
        ),
        (
            "an empty batch",
            |p, n| slot(p, n, commit(n + 1, 0, 0)),
            |_| Fault::Run { run: 0, run_max: SLOTS as u16 },
        ),
        (
            "a batch over the whole ring and one more",
            |p, n| slot(p, n, commit(n + 1, 0, SLOTS as u16 + 1)),
            |_| Fault::Run { run: SLOTS as u16 + 1, run_max: SLOTS as u16 },
        ),
        (
            "the second of a batch isn't there",
            |p, n| slot(p, n, commit(n + 1, 0, 2)),
            |n| Fault::Sequence { expected: n + 2, found: if n == 0 { 0 } else { n + 2 - SLOTS as u32 } },
        ),
        (
            "a batch within a batch",
            |p, n| {
                slot(p, n + 1, commit(n + 2, 0, 1));
                slot(p, n, commit(n + 1, 0, 2));
            },
            |_| Fault::Run { run: 1, run_max: 0 },
        ),
    ];
    for messages in [0, SLOTS as u32, SLOTS as u32 * 2 + 3] {
        for (name, lie, fault) in rows {
            let mut ring = ring();
            warm_up(&mut ring, messages);
            lie(&ring.sender_page, messages);
            let first_is_good = name.contains("batch isn't") || name.contains("within");
            if first_is_good {
                assert!(take(&mut ring.rx).unwrap().is_some(), "{name}");
            }
            assert_eq!(take(&mut ring.rx).unwrap_err(), fault(messages), "{name} after {messages}");
            // What is mended later is not believed any more.
            ring.sender_page.data()[(messages as usize % SLOTS) * SLOT]
                .store(commit(messages + 1, 0, 1), Ordering::Release);
            assert_eq!(take(&mut ring.rx).unwrap_err(), fault(messages), "{name}: stays poisoned");
            assert_eq!(ring.rx.prepare_sleep().unwrap_err(), fault(messages), "{name}: and doesn't sleep");
        }
    }
}

#[test]
fn a_published_index_without_a_message_is_a_lie_and_no_endless_loop() {
    for messages in [0, 11] {
        for ahead in [1, SLOTS as u32, SLOTS as u32 + 1, 1 << 31, u32::MAX - SLOTS as u32] {
            let mut ring = ring();
            warm_up(&mut ring, messages);
            let published = messages.wrapping_add(ahead);
            ring.sender_page.control()[0].store(published, Ordering::Release);
            assert_eq!(take(&mut ring.rx).unwrap(), None);
            let fault = Fault::Published { published, taken: messages };
            assert_eq!(ring.rx.prepare_sleep().unwrap_err(), fault);
            assert_eq!(take(&mut ring.rx).unwrap_err(), fault);
        }
    }
}

#[test]
fn an_index_that_lags_behind_the_commit_words_is_slept_on() {
    let mut ring = ring();
    warm_up(&mut ring, 11);
    // The sender has committed message 11 and not yet stored its index.
    ring.sender_page.data()[(11 % SLOTS) * SLOT].store(commit(12, 0, 1), Ordering::Release);
    assert_eq!(take(&mut ring.rx).unwrap(), Some((3, vec![])));
    assert_eq!(ring.rx.prepare_sleep().unwrap(), Some(11));
}

#[test]
fn an_index_that_takes_back_or_gives_back_too_much_poisons_the_sender() {
    for messages in [0u32, 5, 21] {
        for lie in [
            messages.wrapping_sub(1),
            messages + SLOTS as u32 + 1,
            messages + (1 << 31),
            messages.wrapping_sub(SLOTS as u32),
        ] {
            let mut ring = ring();
            warm_up(&mut ring, messages);
            assert!(ring.tx.room().is_ok());
            for n in 0..SLOTS as u32 {
                ring.tx.push(n, &[]).unwrap();
            }
            let _ = ring.tx.publish();
            ring.receiver_page.control()[0].store(lie, Ordering::Release);
            let fault = Fault::Acked { acked: lie, sent: messages + SLOTS as u32 };
            assert_eq!(ring.tx.push(1, &[]).unwrap_err(), SendError::Poisoned(fault), "{messages} {lie}");
            ring.receiver_page.control()[0].store(messages + 3, Ordering::Release);
            assert_eq!(ring.tx.push(1, &[]).unwrap_err(), SendError::Poisoned(fault));
            assert_eq!(ring.tx.prepare_sleep().unwrap_err(), fault);
        }
    }
}

#[test]
fn what_is_not_published_yet_cannot_be_given_back() {
    let mut ring = ring();
    for n in 0..SLOTS as u32 {
        ring.tx.push(n, &[]).unwrap();
    }
    ring.receiver_page.control()[0].store(1, Ordering::Release);
    assert_eq!(ring.tx.push(9, &[]).unwrap_err(), SendError::Poisoned(Fault::Acked { acked: 1, sent: 0 }));
}

#[test]
fn two_threads_pass_messages_whole_and_in_order() {
    let messages: u32 = if cfg!(miri) { 200 } else { 2_000_000 };
    let Ring { mut tx, mut rx, .. } = ring();
    let sender = std::thread::spawn(move || {
        let mut next = 0;
        while next < messages {
            // Batches of every size up to the whole ring.
            for _ in 0..(next % 9 + 1).min(messages - next) {
                let bytes = next.to_le_bytes().repeat(next as usize % 10 + 1);
                match tx.push(next, &bytes) {
                    Ok(()) => next += 1,
                    Err(SendError::Full) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            let _ = tx.publish();
            std::thread::yield_now();
        }
    });
    let mut next = 0u32;
    while next < messages {
        match take(&mut rx).unwrap() {
            Some((id, bytes)) => {
                assert_eq!(id, next);
                assert_eq!(bytes, next.to_le_bytes().repeat(next as usize % 10 + 1));
                next += 1;
            }
            None => std::thread::yield_now(),
        }
        if rx.ack_is_due() {
            let _ = rx.ack();
        }
    }
    sender.join().unwrap();
}
