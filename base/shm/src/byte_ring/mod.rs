//! A lock-free ring of records of any size up to a bound, whose capacity grows.
//!
//! # The protocol
//! A stream of bytes with one writer and one reader, in records of a length, an id
//! and a payload, padded to 8 bytes. The writer's page says how far the stream was
//! written and how large the ring is; the reader's page how far it was read. Records
//! are copied in and out, and wrap around at the end of the data.
//!
//! The capacity starts at 16 KiB and is doubled only while the ring is empty, so no
//! byte ever moves: a writer that lacks room takes nothing more until everything was
//! given back. Then it has the memory allocated, stores the capacity, writes, and
//! stores the new index with Release. A reader that finds the index moved on after it
//! had taken everything therefore sees the capacity those bytes were written under, and
//! the writer can't change it again before the reader has given them back. A writer that
//! lies may publish memory that isn't there, so the reader has its caller confirm each
//! new capacity before it touches a byte of it. The layout is in
//! `docs/design/data-plane.md`.

mod reader;
mod writer;

pub use reader::{Reader, Record, RecvError};
pub use writer::Writer;

use crate::Words;
use crate::copy::{self, WORD};
use crate::sync::AtomicU64;

/// The capacity that a byte ring starts with: 16 KiB.
pub const CAPACITY_MIN: u32 = 16 << 10;
/// The largest capacity of a byte ring: 512 KiB.
pub const CAPACITY_MAX: u32 = 512 << 10;
/// Length and id in front of a record's payload.
const RECORD_HEADER_BYTES: u32 = 8;

/// The longest payload in a ring that may grow to `capacity_max` bytes: half of it.
///
/// Half, so that a record always fits however the capacity is aligned to it, and one
/// can be read while the next is written.
#[must_use]
pub const fn record_bytes_max(capacity_max: u32) -> u32 {
    capacity_max / 2
}

/// What a record takes in the stream.
const fn record_bytes(length: u32) -> u32 {
    RECORD_HEADER_BYTES + length.next_multiple_of(WORD as u32)
}

const fn is_capacity(capacity: u32, capacity_max: u32) -> bool {
    capacity.is_power_of_two() && capacity >= CAPACITY_MIN && capacity <= capacity_max
}

/// The word in which byte `index` of the stream lies.
const fn word_of(index: u32, capacity: u32) -> usize {
    (index & (capacity - 1)) as usize / WORD
}

/// The word after `word`, around the end. There are a power of two words: a division costs more
/// than copying a short record.
const fn next_word(word: usize, words: usize) -> usize {
    (word + 1) & (words - 1)
}

/// Stores `bytes` from word `start` on, around the end if need be.
#[inline]
fn store_around(words: &[AtomicU64], start: usize, bytes: &[u8]) {
    let room = (words.len() - start) * WORD;
    if bytes.len() <= room {
        return copy::store(&words[start..], bytes);
    }
    let (first, rest) = bytes.split_at(room);
    copy::store(&words[start..], first);
    copy::store(words, rest);
}

/// Loads as many bytes as `into` has from word `start` on, around the end if need be.
#[inline]
fn load_around(words: Words<'_>, start: usize, into: &mut [u8]) {
    let room = (words.count() - start) * WORD;
    if into.len() <= room {
        return words.copy_to(start, into);
    }
    let (first, rest) = into.split_at_mut(room);
    words.copy_to(start, first);
    words.copy_to(0, rest);
}
