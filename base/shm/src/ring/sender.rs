//! The side that writes messages.

use super::{Commit, FIRST_LINE_BYTES, LINE_BYTES, Layout, PAYLOAD};
use crate::copy::WORD;
use crate::page::{INDEX, WAKE_AT};
use crate::sync::{AtomicU64, Ordering};
use crate::{Fault, OwnBytes, OwnPage, PeerPage, SendError, Wake, copy, doorbell};

/// The sending side of a ring: owns the page with the slots.
///
/// `O` is its own page, `P` the receiver's. Only one sender may exist for a page.
#[derive(Debug)]
pub struct Sender<const SLOTS: usize, const BYTES: usize, O, P> {
    own: O,
    peer: P,
    /// Messages written, published or not.
    sent: u32,
    /// Messages published.
    published: u32,
    /// What the receiver was last seen to have given back.
    acked: u32,
    /// Length of the first message that is written and not published.
    held_length: u16,
    fault: Option<Fault>,
}

impl<const SLOTS: usize, const BYTES: usize, O: OwnPage, P: PeerPage> Sender<SLOTS, BYTES, O, P> {
    /// Takes over a page of zeros and the page of a receiver that has taken nothing.
    ///
    /// # Panics
    /// When the own page has fewer words than [`Layout::DATA_WORDS`].
    #[must_use]
    pub fn new(own: O, peer: P) -> Self {
        assert!(own.data().len() >= Layout::<SLOTS, BYTES>::DATA_WORDS, "the sender's page is too small");
        Sender { own, peer, sent: 0, published: 0, acked: 0, held_length: 0, fault: None }
    }

    /// Writes a message; the receiver sees it after [`Sender::publish`].
    ///
    /// # Errors
    /// [`SendError::Full`] when `SLOTS` messages wait for the receiver,
    /// [`SendError::TooLong`] for more than `BYTES` bytes, [`SendError::Poisoned`].
    #[inline]
    pub fn push(&mut self, msg_id: u32, payload: &[u8]) -> Result<(), SendError> {
        self.check_room(payload.len())?;
        let slot = self.slot(self.sent);
        // The commit word's line comes last: a polling receiver has it fetched again and again.
        let (first, rest) = payload.split_at(payload.len().min(FIRST_LINE_BYTES));
        if !rest.is_empty() {
            copy::store(&slot[LINE_BYTES / WORD..], rest);
        }
        slot[1].store(u64::from(msg_id), Ordering::Relaxed);
        copy::store(&slot[PAYLOAD..], first);
        self.stage(payload.len() as u16);
        Ok(())
    }

    /// As [`Sender::push`], for a message of `length` bytes that `fill` writes where it is sent from.
    ///
    /// Streams gain a copy by this. To a receiver that polls for this one message `push` is
    /// faster: it writes the line that is polled last. What `fill` leaves as it was is
    /// whatever this ring has carried before.
    ///
    /// # Errors
    /// Those of `push`; `fill` isn't called then.
    #[inline]
    pub fn push_with(
        &mut self,
        msg_id: u32,
        length: usize,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<(), SendError>
    where
        O: OwnBytes,
    {
        self.check_room(length)?;
        let start = (Layout::<SLOTS, BYTES>::start(self.sent) + PAYLOAD) * WORD;
        fill(self.own.bytes_mut(start..start + length));
        self.slot(self.sent)[1].store(u64::from(msg_id), Ordering::Relaxed);
        self.stage(length as u16);
        Ok(())
    }

    /// Makes all that was pushed visible with one store.
    #[inline]
    pub fn publish(&mut self) -> Wake {
        let run = self.sent.wrapping_sub(self.published);
        if run == 0 {
            return Wake::NotNeeded;
        }
        let sequence = self.published.wrapping_add(1);
        let commit = Commit { sequence, length: self.held_length, run: run as u16 };
        // The Release of the batch; the receiver acquires it when it reads the commit word.
        self.slot(self.published)[0].store(commit.pack(), Ordering::Release);
        let old = core::mem::replace(&mut self.published, self.sent);
        let index = &self.own.control()[INDEX];
        doorbell::publish(index, old, self.sent, self.peer.control(WAKE_AT))
    }

    /// [`Sender::push`] and [`Sender::publish`].
    ///
    /// # Errors
    /// Those of `push`.
    #[inline]
    pub fn send(&mut self, msg_id: u32, payload: &[u8]) -> Result<Wake, SendError> {
        self.push(msg_id, payload)?;
        Ok(self.publish())
    }

    /// How many messages could be pushed now, as far as was seen.
    ///
    /// # Errors
    /// [`Fault`] when the receiver broke the ring.
    pub fn room(&mut self) -> Result<usize, Fault> {
        match self.refresh() {
            Err(SendError::Poisoned(fault)) => Err(fault),
            _ => Ok(SLOTS - self.sent.wrapping_sub(self.acked) as usize),
        }
    }

    /// Before sleeping until there is room: what to wait on, or `None` if there is room.
    ///
    /// The sleep is on the peer's first control word, while it has this value.
    ///
    /// # Errors
    /// [`Fault`] when the receiver broke the ring.
    pub fn prepare_sleep(&mut self) -> Result<Option<u32>, Fault> {
        let wake_at = &self.own.control()[WAKE_AT];
        let found = doorbell::arm(wake_at, self.acked, self.peer.control(INDEX));
        let seen = self.acked;
        self.accept(found)?;
        let is_full = self.sent.wrapping_sub(self.acked) as usize == SLOTS;
        Ok((found == seen && is_full).then_some(seen))
    }

    /// The page that this side writes.
    pub fn own(&self) -> &O {
        &self.own
    }

    /// The page that the receiver writes.
    pub fn peer(&self) -> &P {
        &self.peer
    }

    /// Whether a message of that length may be written now.
    #[inline]
    fn check_room(&mut self, length: usize) -> Result<(), SendError> {
        if length > BYTES {
            return Err(SendError::TooLong { length, length_max: BYTES });
        }
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        if self.sent.wrapping_sub(self.acked) as usize == SLOTS {
            self.refresh()?;
        }
        Ok(())
    }

    /// Takes the message that was written in; the commit word of the first in a batch waits for
    /// [`Sender::publish`].
    #[inline]
    fn stage(&mut self, length: u16) {
        if self.sent == self.published {
            self.held_length = length;
        } else {
            let commit = Commit { sequence: self.sent.wrapping_add(1), length, run: 0 };
            self.slot(self.sent)[0].store(commit.pack(), Ordering::Relaxed);
        }
        self.sent = self.sent.wrapping_add(1);
    }

    #[inline]
    fn slot(&self, number: u32) -> &[AtomicU64] {
        let start = Layout::<SLOTS, BYTES>::start(number);
        &self.own.data()[start..start + Layout::<SLOTS, BYTES>::SLOT_WORDS]
    }

    /// Looks for slots that came back.
    #[cold]
    fn refresh(&mut self) -> Result<(), SendError> {
        // Acquires what the receiver released with `acked`: it reads those slots no more.
        self.accept(self.peer.control(INDEX).load(Ordering::Acquire))?;
        let is_full = self.sent.wrapping_sub(self.acked) as usize == SLOTS;
        if is_full { Err(SendError::Full) } else { Ok(()) }
    }

    /// Takes an index from the receiver: never behind the last one, never ahead of what was published.
    fn accept(&mut self, acked: u32) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let outstanding = self.published.wrapping_sub(self.acked);
        if acked.wrapping_sub(self.acked) > outstanding {
            let fault = Fault::Acked { acked, sent: self.published };
            self.fault = Some(fault);
            return Err(fault);
        }
        self.acked = acked;
        Ok(())
    }
}
