//! The side that writes records.

use super::{
    CAPACITY_MAX, CAPACITY_MIN, is_capacity, next_word, record_bytes, record_bytes_max, store_around, word_of,
};
use crate::copy::WORD;
use crate::page::{CAPACITY, INDEX, WAKE_AT};
use crate::sync::Ordering;
use crate::{Fault, OwnPage, PeerPage, SendError, Wake, doorbell};

/// The writing side of a byte ring: owns the page with the data.
///
/// `O` is its own page, `P` the reader's. Only one writer may exist for a page.
#[derive(Debug)]
pub struct Writer<O, P> {
    own: O,
    peer: P,
    /// Bytes written, published or not.
    written: u32,
    /// Bytes published.
    published: u32,
    /// What the reader was last seen to have given back.
    read: u32,
    capacity: u32,
    capacity_max: u32,
    /// The capacity that a record found missing, or 0.
    wanted: u32,
    fault: Option<Fault>,
}

impl<O: OwnPage, P: PeerPage> Writer<O, P> {
    /// Takes over a page of zeros, of which the first [`CAPACITY_MIN`] bytes of data
    /// are allocated, and the page of a reader that has read nothing.
    ///
    /// It may grow to the largest capacity that the page's data have room for.
    ///
    /// # Panics
    /// When the data are shorter than [`CAPACITY_MIN`].
    #[must_use]
    pub fn new(own: O, peer: P) -> Self {
        let bytes = (own.data().len() * WORD).min(CAPACITY_MAX as usize) as u32;
        assert!(bytes >= CAPACITY_MIN, "a byte ring needs at least {CAPACITY_MIN} bytes");
        let capacity_max = 1 << bytes.ilog2();
        // Released by the first `publish`.
        own.control()[CAPACITY].store(CAPACITY_MIN, Ordering::Relaxed);
        let capacity = CAPACITY_MIN;
        Writer {
            own,
            peer,
            written: 0,
            published: 0,
            read: 0,
            capacity,
            capacity_max,
            wanted: 0,
            fault: None,
        }
    }

    /// Writes a record; the reader sees it after [`Writer::publish`].
    ///
    /// # Errors
    /// [`SendError::Full`] until the reader gives something back, or, where the ring is to grow,
    /// all of it: publish before you wait, for what isn't published can't be given back;
    /// [`SendError::Grow`] when it is empty then;
    /// [`SendError::TooLong`] for more than half of what the ring can grow to,
    /// [`SendError::Poisoned`].
    #[inline]
    pub fn push(&mut self, msg_id: u32, payload: &[u8]) -> Result<(), SendError> {
        let bytes = self.room_for(payload.len())?;
        let words = &self.own.data()[..self.capacity as usize / WORD];
        let start = word_of(self.written, self.capacity);
        let header = payload.len() as u64 | u64::from(msg_id) << 32;
        words[start].store(header, Ordering::Relaxed);
        store_around(words, next_word(start, words.len()), payload);
        self.written = self.written.wrapping_add(bytes);
        Ok(())
    }

    /// Makes all that was pushed visible with one store.
    #[inline]
    pub fn publish(&mut self) -> Wake {
        if self.written == self.published {
            return Wake::NotNeeded;
        }
        let old = core::mem::replace(&mut self.published, self.written);
        // The Release of records and capacity; the reader acquires it with the index.
        doorbell::publish(&self.own.control()[INDEX], old, self.written, self.peer.control(WAKE_AT))
    }

    /// [`Writer::push`] and [`Writer::publish`].
    ///
    /// # Errors
    /// Those of `push`.
    #[inline]
    pub fn send(&mut self, msg_id: u32, payload: &[u8]) -> Result<Wake, SendError> {
        self.push(msg_id, payload)?;
        Ok(self.publish())
    }

    /// Takes a new capacity; the memory up to it has been allocated.
    ///
    /// # Panics
    /// When `capacity` isn't what [`SendError::Grow`] asked for last.
    pub fn grow(&mut self, capacity: u32) {
        assert!(capacity == self.wanted && is_capacity(capacity, self.capacity_max), "nobody asked for that");
        assert!(self.read == self.written, "a ring grows only while it is empty");
        self.own.control()[CAPACITY].store(capacity, Ordering::Relaxed);
        (self.capacity, self.wanted) = (capacity, 0);
    }

    /// There is no more memory: the ring stays as large as it is.
    pub fn decline_growth(&mut self) {
        (self.capacity_max, self.wanted) = (self.capacity, 0);
    }

    /// Its capacity now, in bytes.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Before sleeping until there is room: what to wait on, or `None` if the reader moved on.
    ///
    /// # Errors
    /// [`Fault`] when the reader broke the ring.
    pub fn prepare_sleep(&mut self) -> Result<Option<u32>, Fault> {
        let seen = self.read;
        let wake_at = &self.own.control()[WAKE_AT];
        let found = doorbell::arm(wake_at, seen, self.peer.control(INDEX));
        self.accept(found)?;
        Ok((found == seen && self.read != self.written).then_some(seen))
    }

    /// The page that this side writes.
    pub fn own(&self) -> &O {
        &self.own
    }

    /// The page that the reader writes.
    pub fn peer(&self) -> &P {
        &self.peer
    }

    /// What a record of `length` bytes takes, once there is room for it.
    #[inline]
    fn room_for(&mut self, length: usize) -> Result<u32, SendError> {
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        let length_max = record_bytes_max(self.capacity_max);
        let too_long = SendError::TooLong { length, length_max: length_max as usize };
        let bytes = match u32::try_from(length) {
            Ok(length) if length <= length_max => record_bytes(length),
            _ => return Err(too_long),
        };
        let fits = |ring: &Self| bytes <= ring.capacity - ring.written.wrapping_sub(ring.read);
        if fits(self) && self.wanted == 0 {
            return Ok(bytes);
        }
        // Acquires what the reader released with `read`: it reads those bytes no more.
        self.accept(self.peer.control(INDEX).load(Ordering::Acquire))?;
        if !fits(self) && self.capacity < self.capacity_max {
            let wanted = bytes.max(self.capacity + 1).next_power_of_two();
            self.wanted = self.wanted.max(wanted).min(self.capacity_max);
        }
        match self.wanted {
            0 if fits(self) => Ok(bytes),
            0 => Err(SendError::Full),
            capacity if self.read == self.written => Err(SendError::Grow { capacity }),
            // Nothing more goes in, or a busy writer might never find the ring empty.
            _ => Err(SendError::Full),
        }
    }

    /// Takes an index from the reader: never behind the last one, never ahead of what was published.
    fn accept(&mut self, read: u32) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let outstanding = self.published.wrapping_sub(self.read);
        let given_back = read.wrapping_sub(self.read);
        if given_back > outstanding || !given_back.is_multiple_of(WORD as u32) {
            let fault = Fault::Acked { acked: read, sent: self.published };
            self.fault = Some(fault);
            return Err(fault);
        }
        self.read = read;
        Ok(())
    }
}
