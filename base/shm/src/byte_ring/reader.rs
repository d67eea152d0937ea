//! The side that reads records, and believes nothing that it finds.

use super::{CAPACITY_MAX, CAPACITY_MIN, RECORD_HEADER_BYTES, next_word};
use super::{is_capacity, load_around, record_bytes, record_bytes_max, word_of};
use crate::copy::WORD;
use crate::page::{CAPACITY, INDEX, WAKE_AT};
use crate::sync::Ordering;
use crate::{Fault, OwnPage, PeerPage, Wake, doorbell};
use core::fmt;

/// One record, copied out.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'buffer> {
    /// Who sent it: what this side was told when the channel was made, never read from memory.
    pub sender: u32,
    /// Whatever the writer says.
    pub msg_id: u32,
    /// Its bytes.
    pub payload: &'buffer [u8],
}

/// The reading side of a byte ring: owns the page with the count of what it has given back.
///
/// `O` is its own page, `P` the writer's. Only one reader may exist for a page.
#[derive(Debug)]
pub struct Reader<O, P> {
    own: O,
    peer: P,
    sender: u32,
    /// Bytes taken.
    next: u32,
    /// Bytes given back.
    read: u32,
    /// What the writer was last seen to have published.
    written: u32,
    capacity: u32,
    capacity_max: u32,
    /// The memory is there up to this capacity, as the caller has found.
    confirmed: u32,
    /// The capacity that was last asked about.
    wanted: u32,
    fault: Option<Fault>,
}

impl<O: OwnPage, P: PeerPage> Reader<O, P> {
    /// Takes over a page of zeros and the page of a writer, of whose data the first
    /// [`CAPACITY_MIN`] bytes are there; every record is stamped with `sender`.
    ///
    /// # Panics
    /// When the writer's data are shorter than [`CAPACITY_MIN`].
    #[must_use]
    pub fn new(own: O, peer: P, sender: u32) -> Self {
        let bytes = (peer.data().count() * WORD).min(CAPACITY_MAX as usize) as u32;
        assert!(bytes >= CAPACITY_MIN, "a byte ring needs at least {CAPACITY_MIN} bytes");
        let (capacity, capacity_max) = (CAPACITY_MIN, 1 << bytes.ilog2());
        let (confirmed, wanted) = (CAPACITY_MIN, 0);
        let (next, read, written) = (0, 0, 0);
        Reader {
            own,
            peer,
            sender,
            next,
            read,
            written,
            capacity,
            capacity_max,
            confirmed,
            wanted,
            fault: None,
        }
    }

    /// Copies the next record into `into`, if there is one.
    ///
    /// Its bytes stay the reader's until [`Reader::ack`].
    ///
    /// # Errors
    /// [`RecvError::TooShort`] when `into` has no room for it, and it can be asked for
    /// again; [`RecvError::Grow`] when the writer says that the ring has grown, before anything
    /// of that memory is touched; [`RecvError::Poisoned`] when the writer broke the ring.
    #[inline]
    pub fn try_recv<'b>(&mut self, into: &'b mut [u8]) -> Result<Option<Record<'b>>, RecvError> {
        if !self.look()? {
            return Ok(None);
        }
        let words = self.peer.data().range(0..self.capacity as usize / WORD);
        let start = word_of(self.next, self.capacity);
        // Read once: what is checked is what is used.
        let header = words.load(start, Ordering::Relaxed);
        let (length, msg_id) = (header as u32, (header >> 32) as u32);
        let length_max = (self.written.wrapping_sub(self.next) - RECORD_HEADER_BYTES)
            .min(record_bytes_max(self.capacity_max));
        if length > length_max {
            return Err(self.poison(Fault::Length { length, length_max }).into());
        }
        let Some(payload) = into.get_mut(..length as usize) else {
            return Err(RecvError::TooShort { length: length as usize });
        };
        load_around(words, next_word(start, words.count()), payload);
        self.next = self.next.wrapping_add(record_bytes(length));
        Ok(Some(Record { sender: self.sender, msg_id, payload }))
    }

    /// Takes a new capacity; the memory up to it was found to be there.
    ///
    /// # Panics
    /// When `capacity` isn't what [`RecvError::Grow`] asked for last.
    pub fn grow(&mut self, capacity: u32) {
        assert!(capacity == self.wanted && is_capacity(capacity, self.capacity_max), "nobody asked for that");
        (self.confirmed, self.wanted) = (self.confirmed.max(capacity), 0);
    }

    /// Whether so much waits to be given back that the writer may soon lack it.
    #[must_use]
    #[inline]
    pub fn ack_is_due(&self) -> bool {
        self.next.wrapping_sub(self.read) >= self.capacity / 4 || self.next == self.written
    }

    /// Gives back every record that was taken, with one store.
    #[inline]
    pub fn ack(&mut self) -> Wake {
        if self.next == self.read {
            return Wake::NotNeeded;
        }
        let old = core::mem::replace(&mut self.read, self.next);
        // The Release of the bytes; the writer acquires it before it writes them again.
        doorbell::publish(&self.own.control()[INDEX], old, self.next, self.peer.control(WAKE_AT))
    }

    /// Before sleeping until a record comes: what to wait on, or `None` if one is there.
    ///
    /// # Errors
    /// [`Fault`] when the writer broke the ring.
    pub fn prepare_sleep(&mut self) -> Result<Option<u32>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.next != self.written {
            return Ok(None);
        }
        let written = doorbell::arm(&self.own.control()[WAKE_AT], self.next, self.peer.control(INDEX));
        match self.accept(written) {
            Err(RecvError::Poisoned(fault)) => Err(fault),
            _ => Ok((written == self.next).then_some(written)),
        }
    }

    /// The capacity under which the records at hand were written, in bytes.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The page that this side writes.
    pub fn own(&self) -> &O {
        &self.own
    }

    /// The page that the writer writes.
    pub fn peer(&self) -> &P {
        &self.peer
    }

    /// Whether there is a record, looking at the writer's page only when none was left.
    ///
    /// # Errors
    /// [`RecvError::Grow`] and [`RecvError::Poisoned`], as [`Reader::try_recv`].
    #[inline]
    pub fn look(&mut self) -> Result<bool, RecvError> {
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        if self.next == self.written {
            // Acquires the Release of `Writer::publish`.
            self.accept(self.peer.control(INDEX).load(Ordering::Acquire))?;
        }
        Ok(self.next != self.written)
    }

    /// Takes the writer's index, and with it the capacity. Everything before was taken.
    fn accept(&mut self, written: u32) -> Result<(), RecvError> {
        if written == self.written {
            return Ok(());
        }
        let capacity = self.peer.control(CAPACITY).load(Ordering::Relaxed);
        // A new capacity is for an empty ring; until everything is given back it can't have changed.
        let may_grow = self.read == self.next;
        let is_new = capacity != self.capacity;
        if is_new && !(may_grow && capacity > self.capacity && is_capacity(capacity, self.capacity_max)) {
            return Err(self.poison(Fault::Capacity { capacity }).into());
        }
        let outstanding = written.wrapping_sub(self.read);
        let fresh = written.wrapping_sub(self.next);
        if outstanding > capacity || !outstanding.is_multiple_of(WORD as u32) || fresh > outstanding {
            return Err(self.poison(Fault::Published { published: written, taken: self.next }).into());
        }
        if capacity > self.confirmed {
            self.wanted = capacity;
            return Err(RecvError::Grow { capacity });
        }
        (self.written, self.capacity) = (written, capacity);
        Ok(())
    }

    #[cold]
    fn poison(&mut self, fault: Fault) -> Fault {
        self.fault = Some(fault);
        fault
    }
}

/// A record that was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecvError {
    /// The buffer has no room for it.
    TooShort {
        /// The record's length in bytes.
        length: usize,
    },
    /// The writer says that the ring has grown to this capacity: find out whether the memory
    /// is there and call [`Reader::grow`], or end the ring. Where a hole is read, memory is
    /// allocated at the reader's expense.
    Grow {
        /// The capacity in bytes.
        capacity: u32,
    },
    /// The writer broke the ring.
    Poisoned(Fault),
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { length } => {
                write!(f, "the next record has {length} bytes, more than the buffer")
            }
            Self::Grow { capacity } => {
                write!(f, "whether the memory of {capacity} bytes is there has to be found out first")
            }
            Self::Poisoned(fault) => write!(f, "the peer broke the ring: {fault}"),
        }
    }
}

impl core::error::Error for RecvError {}

impl From<Fault> for RecvError {
    fn from(fault: Fault) -> Self {
        Self::Poisoned(fault)
    }
}
