//! The side that reads messages, and believes nothing that it finds.

use super::{Commit, Layout, PAYLOAD};
use crate::page::{INDEX, WAKE_AT};
use crate::sync::Ordering;
use crate::{Fault, OwnPage, PeerPage, Wake, Words, doorbell};

/// What came with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Who sent it: what this side was told when the channel was made, never read from memory.
    pub sender: u32,
    /// Whatever the sender says.
    pub msg_id: u32,
    /// Bytes of payload.
    pub length: usize,
}

/// The receiving side of a ring: owns the page with the count of what it has given back.
///
/// `O` is its own page, `P` the sender's. Only one receiver may exist for a page.
#[derive(Debug)]
pub struct Receiver<const SLOTS: usize, const BYTES: usize, O, P> {
    own: O,
    peer: P,
    sender: u32,
    /// The number of the next message.
    next: u32,
    /// Messages of the batch at hand that are not taken yet.
    left: u32,
    /// Messages given back.
    acked: u32,
    /// Every slot was written once, so none can be zero any more.
    has_lapped: bool,
    fault: Option<Fault>,
}

impl<const SLOTS: usize, const BYTES: usize, O: OwnPage, P: PeerPage> Receiver<SLOTS, BYTES, O, P> {
    /// Takes over a page of zeros and the page of a sender; every message is stamped with `sender`.
    ///
    /// # Panics
    /// When the peer's page has fewer words than [`Layout::DATA_WORDS`].
    #[must_use]
    pub fn new(own: O, peer: P, sender: u32) -> Self {
        assert!(peer.data().count() >= Layout::<SLOTS, BYTES>::DATA_WORDS, "the sender's page is too small");
        Receiver { own, peer, sender, next: 0, left: 0, acked: 0, has_lapped: false, fault: None }
    }

    /// Copies the next message out, if there is one.
    ///
    /// Its slot stays the receiver's until [`Receiver::ack`].
    ///
    /// # Errors
    /// [`Fault`] when the sender broke the ring, now or before.
    #[inline]
    pub fn try_recv(&mut self, into: &mut [u8; BYTES]) -> Result<Option<Header>, Fault> {
        let Some(commit) = self.peek()? else { return Ok(None) };
        let length = usize::from(commit.length);
        let slot = self.slot();
        let msg_id = slot.load(1, Ordering::Relaxed) as u32;
        slot.copy_to(PAYLOAD, &mut into[..length]);
        let left = if self.left == 0 { u32::from(commit.run) } else { self.left };
        self.left = left - 1;
        self.next = self.next.wrapping_add(1);
        self.has_lapped |= self.next as usize == SLOTS;
        Ok(Some(Header { sender: self.sender, msg_id, length }))
    }

    /// Whether so many slots wait to be given back that the sender may soon lack them.
    #[inline]
    #[must_use]
    pub fn ack_is_due(&self) -> bool {
        self.next.wrapping_sub(self.acked) >= Layout::<SLOTS, BYTES>::ACK_STEP
    }

    /// Gives back every slot that was taken, with one store.
    #[inline]
    pub fn ack(&mut self) -> Wake {
        if self.next == self.acked {
            return Wake::NotNeeded;
        }
        let old = core::mem::replace(&mut self.acked, self.next);
        // The Release of the slots; the sender acquires it before it writes them again.
        doorbell::publish(&self.own.control()[INDEX], old, self.next, self.peer.control(WAKE_AT))
    }

    /// Before sleeping until a message comes: what to wait on, or `None` if one is there.
    ///
    /// The sleep is on the peer's first control word, while it has this value.
    ///
    /// # Errors
    /// [`Fault`] when the sender broke the ring, or says that it has published something else
    /// than its slots show.
    pub fn prepare_sleep(&mut self) -> Result<Option<u32>, Fault> {
        if self.peek()?.is_some() {
            return Ok(None);
        }
        let wake_at = &self.own.control()[WAKE_AT];
        let published = doorbell::arm(wake_at, self.next, self.peer.control(INDEX));
        // A sender stores its commit word before its index, so the index may lag behind
        // what was taken, by a batch at most; the next message still passes `next`.
        if self.next.wrapping_sub(published) <= SLOTS as u32 {
            return Ok(Some(published));
        }
        // For the same reason a message that the index counts is there.
        match self.peek()? {
            Some(_) if published.wrapping_sub(self.next) <= self.run_max() => Ok(None),
            _ => Err(self.poison(Fault::Published { published, taken: self.next })),
        }
    }

    /// The page that this side writes.
    pub fn own(&self) -> &O {
        &self.own
    }

    /// The page that the sender writes.
    pub fn peer(&self) -> &P {
        &self.peer
    }

    /// The next message's commit word, if it is there, after everything about it was checked.
    #[inline]
    fn peek(&mut self) -> Result<Option<Commit>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        // Acquires the Release of `Sender::publish` for the first of a batch; the
        // others were released with it.
        let word = self.slot().load(0, Ordering::Acquire);
        let commit = Commit::unpack(word);
        if commit.sequence != self.next.wrapping_add(1) {
            return self.nothing_yet(word);
        }
        self.check(commit)?;
        Ok(Some(commit))
    }

    #[inline]
    fn check(&mut self, commit: Commit) -> Result<(), Fault> {
        if usize::from(commit.length) > BYTES {
            let (length, length_max) = (u32::from(commit.length), BYTES as u32);
            return Err(self.poison(Fault::Length { length, length_max }));
        }
        let is_first = self.left == 0;
        let run_max = if is_first { self.run_max() } else { 0 };
        if u32::from(commit.run) > run_max || (is_first && commit.run == 0) {
            return Err(self.poison(Fault::Run { run: commit.run, run_max: run_max as u16 }));
        }
        Ok(())
    }

    /// Messages that the sender can have published beyond those taken.
    #[inline]
    fn run_max(&self) -> u32 {
        SLOTS as u32 - self.next.wrapping_sub(self.acked)
    }

    /// The slot still shows what it showed one lap ago; anything else is a lie.
    #[inline]
    fn nothing_yet(&mut self, word: u64) -> Result<Option<Commit>, Fault> {
        let expected = self.next.wrapping_add(1);
        let found = word as u32;
        let is_old = if self.has_lapped { found == expected.wrapping_sub(SLOTS as u32) } else { word == 0 };
        if is_old && self.left == 0 {
            return Ok(None);
        }
        Err(self.poison(Fault::Sequence { expected, found }))
    }

    #[inline]
    fn slot(&self) -> Words<'_> {
        let start = Layout::<SLOTS, BYTES>::start(self.next);
        self.peer.data().range(start..start + Layout::<SLOTS, BYTES>::SLOT_WORDS)
    }

    #[cold]
    fn poison(&mut self, fault: Fault) -> Fault {
        self.fault = Some(fault);
        fault
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::LocalPage;

    type Small = Layout<4, 8>;

    /// A sender's page after it has committed `run` messages and not yet stored its index.
    fn committed(run: u16) -> (LocalPage, Receiver<4, 8, LocalPage, LocalPage>) {
        let page = LocalPage::new(Small::DATA_WORDS);
        for number in 0..run {
            let commit =
                Commit { sequence: u32::from(number) + 1, length: 0, run: if number == 0 { run } else { 0 } };
            OwnPage::data(&page)[Small::start(number.into())].store(commit.pack(), Ordering::Relaxed);
        }
        (page.clone(), Receiver::new(LocalPage::new(0), page, 7))
    }

    #[test]
    fn a_receiver_that_is_ahead_of_the_index_sleeps_until_the_next_message() {
        let (page, mut receiver) = committed(3);
        for _ in 0..3 {
            assert!(receiver.try_recv(&mut [0; 8]).unwrap().is_some());
        }
        // The sender was stopped between its two stores: the sleep is on what stands there.
        assert_eq!(receiver.prepare_sleep(), Ok(Some(0)));
        OwnPage::control(&page)[INDEX].store(3, Ordering::Relaxed);
        assert_eq!(receiver.prepare_sleep(), Ok(Some(3)));
    }

    #[test]
    fn an_index_that_is_behind_by_more_than_a_lap_poisons() {
        let (page, mut receiver) = committed(1);
        assert!(receiver.try_recv(&mut [0; 8]).unwrap().is_some());
        OwnPage::control(&page)[INDEX].store(1_u32.wrapping_sub(5), Ordering::Relaxed);
        let fault = Fault::Published { published: 1_u32.wrapping_sub(5), taken: 1 };
        assert_eq!(receiver.prepare_sleep(), Err(fault));
        assert_eq!(receiver.try_recv(&mut [0; 8]), Err(fault));
    }
}
