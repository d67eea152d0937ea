//! Every interleaving of two threads with at most three forced switches, with the memory
//! model's freedom to reorder, on rings of two slots: `RUSTFLAGS="--cfg loom" cargo test -p ioi-shm --no-default-features --test loom`.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use ioi_shm::byte_ring::{CAPACITY_MIN, RecvError};
use ioi_shm::ring::Layout;
use ioi_shm::sync::{AtomicU32, Ordering};
use ioi_shm::{
    Arena, Epoch, Handle, Held, LocalPage, OwnPage, PeerPage, Quota, Reader, Receiver, SendError, Sender,
    Wake, Writer,
};
use loom::sync::Arc;
use loom::thread;

const SLOTS: usize = 2;
const BYTES: usize = 8;
const WORDS: usize = Layout::<SLOTS, BYTES>::DATA_WORDS;

type Tx = Sender<SLOTS, BYTES, LocalPage, LocalPage>;
type Rx = Receiver<SLOTS, BYTES, LocalPage, LocalPage>;

fn ring() -> (Tx, Rx) {
    let (sender, receiver) = (LocalPage::new(WORDS), LocalPage::new(0));
    (Sender::new(sender.clone(), receiver.clone()), Receiver::new(receiver, sender, 1))
}

/// Interleavings with at most so many forced switches; errors of two threads need few.
fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 100_000;
    builder.check(body);
}

fn send(tx: &mut Tx, n: u32) {
    while tx.send(n, &u64::from(n).to_le_bytes()) == Err(SendError::Full) {
        thread::yield_now();
    }
}

fn take(rx: &mut Rx) -> Option<u32> {
    let mut buffer = [0; BYTES];
    let header = rx.try_recv(&mut buffer).unwrap()?;
    assert_eq!(u64::from_le_bytes(buffer), u64::from(header.msg_id), "a torn message");
    let _ = rx.ack();
    Some(header.msg_id)
}

#[test]
fn messages_arrive_whole_and_in_order_over_more_than_a_lap() {
    model(|| {
        let (mut tx, mut rx) = ring();
        let sender = thread::spawn(move || (0..3).for_each(|n| send(&mut tx, n)));
        for wanted in 0..3 {
            let found = loop {
                match take(&mut rx) {
                    Some(found) => break found,
                    None => thread::yield_now(),
                }
            };
            assert_eq!(found, wanted);
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_batch_becomes_visible_as_a_whole() {
    model(|| {
        let (mut tx, mut rx) = ring();
        let sender = thread::spawn(move || {
            tx.push(0, &0u64.to_le_bytes()).unwrap();
            tx.push(1, &1u64.to_le_bytes()).unwrap();
            let _ = tx.publish();
        });
        if take(&mut rx).is_some() {
            assert_eq!(take(&mut rx), Some(1), "the second of a published batch is there");
        }
        sender.join().unwrap();
    });
}

/// A sleeper that would sleep for ever unless the other side says that it must be woken.
#[test]
fn no_wake_is_lost_between_a_message_and_a_sleeper() {
    model(|| {
        let (mut tx, mut rx) = ring();
        // Past the first message: a page of zeros would ask for a wake by itself.
        send(&mut tx, 4);
        assert_eq!(take(&mut rx), Some(4));
        let sender = thread::spawn(move || tx.send(5, &5u64.to_le_bytes()).unwrap());
        let slept = match take(&mut rx) {
            Some(_) => false,
            None => rx.prepare_sleep().unwrap().is_some(),
        };
        let wake = sender.join().unwrap();
        assert!(!slept || wake == Wake::Needed, "it sleeps and nobody wakes it");
    });
}

#[test]
fn no_wake_is_lost_between_room_and_a_sleeper() {
    model(|| {
        let (mut tx, mut rx) = ring();
        // Past the first message: a page of zeros would ask for a wake by itself.
        send(&mut tx, 9);
        assert_eq!(take(&mut rx), Some(9));
        let _ = rx.ack();
        tx.push(0, &0u64.to_le_bytes()).unwrap();
        tx.push(1, &1u64.to_le_bytes()).unwrap();
        let _ = tx.publish();
        let receiver = thread::spawn(move || {
            let mut buffer = [0; BYTES];
            rx.try_recv(&mut buffer).unwrap().unwrap();
            rx.ack()
        });
        let slept = tx.push(2, &[]) == Err(SendError::Full) && tx.prepare_sleep().unwrap().is_some();
        let wake = receiver.join().unwrap();
        assert!(!slept || wake == Wake::Needed, "it sleeps and nobody wakes it");
    });
}

#[test]
fn a_byte_ring_grows_under_a_reader_that_is_at_work() {
    model(|| {
        // Twice the least capacity, so that it can grow once; few words of it are touched.
        let words = CAPACITY_MIN as usize * 2 / 8;
        let (writer, reader) = (LocalPage::new(words), LocalPage::new(0));
        let mut rx = Reader::new(reader.clone(), writer.clone(), 1);
        let mut tx = Writer::new(writer, reader);
        let sender = thread::spawn(move || {
            let _ = tx.send(1, b"a").unwrap();
            // Asks for growth once the reader has given the first record back; before that it is full.
            let long = vec![0; CAPACITY_MIN as usize];
            match tx.push(9, &long) {
                Err(SendError::Grow { capacity }) => tx.grow(capacity),
                other => assert_eq!(other, Err(SendError::Full)),
            }
            loop {
                match tx.send(2, b"b") {
                    Ok(_) => break,
                    Err(SendError::Grow { capacity }) => tx.grow(capacity),
                    // It wants to grow, and the reader has not given everything back.
                    Err(SendError::Full) => thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
            }
        });
        let mut next = 1;
        while next <= 2 {
            let mut buffer = [0; 16];
            match rx.try_recv(&mut buffer) {
                Ok(Some(record)) => {
                    assert_eq!((record.msg_id, record.payload), (next, &[b'a' + next as u8 - 1][..]));
                    next += 1;
                    let _ = rx.ack();
                }
                Ok(None) => thread::yield_now(),
                Err(RecvError::Grow { capacity }) => rx.grow(capacity),
                Err(error) => panic!("{error}"),
            }
        }
        sender.join().unwrap();
    });
}

/// The bytes of a lease are read only while they are lent, and written only while they are not.
#[test]
fn a_lease_is_never_written_while_it_is_read() {
    const QUOTA: Quota = Quota { leases_max: 1, bytes_max: 4096 };
    model(|| {
        let (to_borrower, to_lender) =
            (LocalPage::new(Layout::<2, 32>::DATA_WORDS), LocalPage::new(Layout::<2, 32>::DATA_WORDS));
        let (b_page, l_page) = (LocalPage::new(0), LocalPage::new(0));
        let mut lend = Sender::<2, 32, _, _>::new(to_borrower.clone(), b_page.clone());
        let mut borrow = Receiver::<2, 32, _, _>::new(b_page, to_borrower, 1);
        let mut give = Sender::<2, 32, _, _>::new(to_lender.clone(), l_page.clone());
        let mut back = Receiver::<2, 32, _, _>::new(l_page, to_lender, 2);
        // Stands for the bytes of the lease: plain data, whose races loom reports.
        let bytes = Arc::new(loom::cell::UnsafeCell::new(0u32));
        let lent = Arc::clone(&bytes);
        let lender = thread::spawn(move || {
            let mut arena = Arena::new(1, 0..4096, 4096, QUOTA);
            for round in 1..=2 {
                let handle = arena.lease(64, 0).unwrap();
                // SAFETY: that nobody reads it now is what is being shown.
                lent.with_mut(|bytes| unsafe { *bytes = round });
                let _ = lend.send(0, &handle.to_bytes()).unwrap();
                let mut buffer = [0; 32];
                while back.try_recv(&mut buffer).unwrap().is_none() {
                    thread::yield_now();
                }
                let _ = back.ack();
                arena.release(&Handle::from_bytes(&buffer)).unwrap();
            }
        });
        let mut held = Held::new(1, 0..4096, QUOTA);
        for round in 1..=2 {
            let mut buffer = [0; 32];
            while borrow.try_recv(&mut buffer).unwrap().is_none() {
                thread::yield_now();
            }
            let _ = borrow.ack();
            let handle = Handle::from_bytes(&buffer);
            held.take(&handle).unwrap();
            // SAFETY: that nobody writes it now is what is being shown.
            assert_eq!(bytes.with(|bytes| unsafe { *bytes }), round);
            held.give_back(&handle).unwrap();
            let _ = give.send(0, &handle.to_bytes()).unwrap();
        }
        lender.join().unwrap();
    });
}

#[test]
fn whoever_sees_an_epoch_raised_sees_what_came_before() {
    model(|| {
        let page = LocalPage::new(1);
        let other = page.clone();
        let raiser = thread::spawn(move || {
            OwnPage::data(&other)[0].store(7, Ordering::Relaxed);
            assert_eq!(Epoch::new(&OwnPage::control(&other)[0]).raise(), 1);
        });
        let word: &AtomicU32 = &OwnPage::control(&page)[0];
        if Epoch::new(word).current() == 1 {
            assert_eq!(PeerPage::data(&page).load(0, Ordering::Relaxed), 7);
        }
        raiser.join().unwrap();
    });
}
