//! A lock-free ring of raw messages with one sender and one receiver.
//!
//! # The protocol
//! `SLOTS` slots of at most `BYTES` bytes lie in the sender's page;
//! the receiver's page only says how many it has given back. Message *n* lies in slot
//! *n* mod `SLOTS`, and the first word of its slot commits it: sequence *n* + 1, its
//! length, and in the first message of a batch how many belong to the batch. The
//! sender writes everything else first and that word last, with Release, so one store
//! publishes a batch; the receiver acquires that word and touches no other line of
//! the sender. 48 bytes of payload share the commit word's line.
//!
//! Both sides keep their own counts privately and believe nothing else: see
//! [`Fault`](crate::Fault) for what poisons a ring. The layout is in
//! `docs/design/data-plane.md`.

mod receiver;
mod sender;

pub use receiver::{Header, Receiver};
pub use sender::Sender;

use crate::copy::WORD;

/// Bytes in front of a payload.
const SLOT_HEADER_BYTES: usize = 16;
/// A cache line; slots start on one.
const LINE_BYTES: usize = 64;
/// Where a slot's payload begins, in words.
const PAYLOAD: usize = SLOT_HEADER_BYTES / WORD;
/// Bytes of payload that share the commit word's line.
const FIRST_LINE_BYTES: usize = LINE_BYTES - SLOT_HEADER_BYTES;
/// The most slots: a batch's length is 16 bits, and half of them keep indices apart.
const SLOTS_MAX: usize = 1 << 15;

/// What a ring of `SLOTS` messages of at most `BYTES` bytes is made of.
#[derive(Debug)]
pub struct Layout<const SLOTS: usize, const BYTES: usize>;

impl<const SLOTS: usize, const BYTES: usize> Layout<SLOTS, BYTES> {
    /// Words of one slot.
    pub const SLOT_WORDS: usize = {
        assert!(SLOTS.is_power_of_two() && SLOTS <= SLOTS_MAX, "SLOTS is a power of two up to 2^15");
        assert!(BYTES > 0 && BYTES <= u16::MAX as usize, "BYTES is 1 to 65535");
        (SLOT_HEADER_BYTES + BYTES).next_multiple_of(LINE_BYTES) / WORD
    };
    /// Words of the sender's data.
    pub const DATA_WORDS: usize = Self::SLOT_WORDS * SLOTS;
    /// The receiver gives slots back in steps of so many, at the latest.
    pub(crate) const ACK_STEP: u32 = if SLOTS >= 4 { (SLOTS / 4) as u32 } else { 1 };

    /// The first word of message `number`'s slot.
    #[inline]
    const fn start(number: u32) -> usize {
        (number as usize & (SLOTS - 1)) * Self::SLOT_WORDS
    }
}

/// The first word of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Commit {
    sequence: u32,
    length: u16,
    run: u16,
}

impl Commit {
    #[inline]
    const fn pack(self) -> u64 {
        self.sequence as u64 | (self.length as u64) << 32 | (self.run as u64) << 48
    }

    #[inline]
    const fn unpack(word: u64) -> Commit {
        Commit { sequence: word as u32, length: (word >> 32) as u16, run: (word >> 48) as u16 }
    }
}
