//! The seven moments at which the victim stays until it is killed.

use crate::link::{Link, Mark, SLOT_BYTES, SLOTS};
use crate::traffic::{GIVEN_BACK, Traffic, fill, message_bytes};
use ioi_shm::byte_ring::RecvError;
use ioi_shm::ring::Layout;
use ioi_shm::sync::Ordering;
use ioi_shm::{Handle, OwnPage, PeerPage, SendError};

/// Which side of an exchange the victim is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It sends and lends.
    Sender,
    /// It receives and borrows.
    Receiver,
}

/// A moment between two steps of the data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A slot is chosen, and its id written; or a receiver has asked to be woken.
    Reserved,
    /// Half of the bytes are written, or copied out.
    HalfWritten,
    /// All of it is written, or copied out, and nothing says so yet.
    NotPublished,
    /// It is published, or given back, and nobody was woken.
    NotRung,
    /// A lease is being filled while others are out, or a loan is held.
    LeaseHeld,
    /// A return is taken and not booked, or booked and not sent.
    MidRelease,
    /// The byte ring grows.
    MidGrowth,
}

/// All of them.
pub const WINDOWS: [Window; 7] = [
    Window::Reserved,
    Window::HalfWritten,
    Window::NotPublished,
    Window::NotRung,
    Window::LeaseHeld,
    Window::MidRelease,
    Window::MidGrowth,
];

impl Window {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::HalfWritten => "half written",
            Self::NotPublished => "not published",
            Self::NotRung => "not rung",
            Self::LeaseHeld => "lease held",
            Self::MidRelease => "mid-release",
            Self::MidGrowth => "mid-growth",
        }
    }
}

/// Brings the victim into its window, if what it needs is there; else more traffic is needed.
pub(crate) fn enter(traffic: &mut Traffic, window: Window, role: Role, variant: u64) -> bool {
    match role {
        Role::Sender => enter_sending(traffic, window, variant),
        Role::Receiver => enter_receiving(traffic, window, variant),
    }
}

fn enter_sending(traffic: &mut Traffic, window: Window, variant: u64) -> bool {
    match window {
        Window::Reserved => has_room(traffic) && write_by_hand(traffic, 0),
        Window::HalfWritten => has_room(traffic) && write_by_hand(traffic, 32) && half_a_record(traffic),
        // The record first: it is counted, so more traffic may follow if there is no room for it.
        Window::NotPublished => has_room(traffic) && traffic.push_record() && push(traffic),
        Window::NotRung if variant.is_multiple_of(2) => has_room(traffic) && commit_by_hand(traffic),
        Window::NotRung => {
            let is_pushed = has_room(traffic) && push(traffic);
            if is_pushed {
                let _ = traffic.link.sender.publish();
                traffic.messages.0 += 1;
                traffic.link.mark(Mark::Messages, traffic.messages.0);
            }
            is_pushed
        }
        Window::LeaseHeld => {
            traffic.lend();
            !traffic.lent.is_empty() && traffic.lease().is_some()
        }
        Window::MidRelease => release_half(traffic, variant),
        Window::MidGrowth => grow_half(traffic, variant),
    }
}

fn has_room(traffic: &mut Traffic) -> bool {
    traffic.link.sender.room().expect("the peer is honest") > 0
}

fn push(traffic: &mut Traffic) -> bool {
    let mut bytes = [0; SLOT_BYTES];
    let bytes = &mut bytes[..message_bytes(traffic.messages.0)];
    fill(traffic.messages.0, bytes);
    traffic.link.sender.push(traffic.messages.0, bytes).is_ok()
}

/// The next slot's words.
fn slot(link: &Link, number: u32) -> &[ioi_shm::sync::AtomicU64] {
    let words = Layout::<SLOTS, SLOT_BYTES>::SLOT_WORDS;
    &link.sender.own().data()[number as usize % SLOTS * words..][..words]
}

/// What `Sender::push` has done after the id and so many bytes.
fn write_by_hand(traffic: &Traffic, bytes: usize) -> bool {
    let number = traffic.messages.0;
    let slot = slot(&traffic.link, number);
    slot[1].store(number.into(), Ordering::Relaxed);
    let mut payload = [0; SLOT_BYTES];
    fill(number, &mut payload);
    for (word, chunk) in slot[2..].iter().zip(payload[..bytes].as_chunks::<8>().0) {
        word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
    }
    true
}

/// What `Sender::publish` has done after its first store: the message is there, the index is not.
fn commit_by_hand(traffic: &mut Traffic) -> bool {
    let number = traffic.messages.0;
    write_by_hand(traffic, SLOT_BYTES);
    let commit = u64::from(number + 1) | (message_bytes(number) as u64) << 32 | 1 << 48;
    slot(&traffic.link, number)[0].store(commit, Ordering::Release);
    traffic.messages.0 += 1;
    traffic.link.mark(Mark::Messages, traffic.messages.0);
    true
}

/// Where the next record goes: its header without its bytes.
fn half_a_record(traffic: &Traffic) -> bool {
    let (own, capacity) = (traffic.link.writer.own(), traffic.link.writer.capacity());
    let written = own.control()[0].load(Ordering::Relaxed);
    let word = (written & (capacity - 1)) as usize / 8;
    // Bytes that are published and not given back are no business of a half-written record.
    let read = traffic.link.writer.peer().control(0).load(Ordering::Acquire);
    if written.wrapping_sub(read) < capacity {
        own.data()[word].store(0xFFFF_FFFF, Ordering::Relaxed);
    }
    true
}

/// A return has come: it is taken from the port, and booked or not.
fn release_half(traffic: &mut Traffic, variant: u64) -> bool {
    traffic.lend();
    match traffic.receive_handle() {
        Some((GIVEN_BACK, handle)) => {
            if variant.is_multiple_of(2) {
                traffic.take_back(&handle);
            }
            true
        }
        _ => false,
    }
}

/// The ring is empty and asks to grow: the memory is there, then the capacity, then a record.
fn grow_half(traffic: &mut Traffic, variant: u64) -> bool {
    let length = traffic.link.writer.capacity() as usize;
    match traffic.link.writer.push(traffic.records.0, &vec![0; length]) {
        Err(SendError::Grow { capacity }) => {
            traffic.link.allocate(capacity);
            if !variant.is_multiple_of(3) {
                traffic.link.writer.grow(capacity);
            }
            if variant % 3 == 2 {
                traffic.push_record();
            }
            true
        }
        _ => false,
    }
}

fn enter_receiving(traffic: &mut Traffic, window: Window, variant: u64) -> bool {
    match window {
        Window::Reserved => {
            traffic.receive_messages();
            traffic.link.receiver.prepare_sleep().expect("the peer is honest").is_some()
        }
        Window::HalfWritten => {
            let data = traffic.link.receiver.peer().data();
            let mut half = [0; SLOT_BYTES / 2];
            data.copy_to(2, &mut half);
            traffic.messages.1 > 0
        }
        Window::NotPublished => {
            let mut into = [0; SLOT_BYTES];
            traffic.link.receiver.try_recv(&mut into).expect("the peer is honest").is_some()
        }
        Window::NotRung => {
            let mut into = [0; SLOT_BYTES];
            let taken = traffic.link.receiver.try_recv(&mut into).expect("the peer is honest").is_some();
            let _ = traffic.link.receiver.ack();
            taken
        }
        Window::LeaseHeld => take(traffic).is_some(),
        Window::MidRelease => {
            let Some(handle) = take(traffic) else { return false };
            let loan = traffic.held.pop().expect("it was taken");
            traffic.link.borrower.give_back(loan).expect("it is held");
            if variant.is_multiple_of(2) {
                // Written, and not published.
                traffic.link.port.sender.push(GIVEN_BACK, &handle.to_bytes()).is_ok()
            } else {
                true
            }
        }
        Window::MidGrowth => {
            if !traffic.link.reader.look().is_err_and(|error| matches!(error, RecvError::Grow { .. })) {
                return false;
            }
            // The one that is there, and none behind it.
            traffic.growths = 1;
            // The first look follows the growth, the second takes the record behind it.
            assert!(traffic.receive_record(), "the memory is there");
            variant.is_multiple_of(2) || traffic.receive_record()
        }
    }
}

fn take(traffic: &mut Traffic) -> Option<Handle> {
    let (msg_id, handle) = traffic.receive_handle()?;
    assert_eq!(msg_id, crate::traffic::LENT, "the survivor holds nothing of the victim's");
    traffic.borrow(&handle);
    Some(handle)
}
