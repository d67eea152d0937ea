//! Inbox and outbox: byte rings whose memory grows as they need it.

use super::{OwnEpochs, PeerEpochs};
use ioi_shm::byte_ring::{Record, RecvError};
use ioi_shm::{
    OwnMemory, OwnSection, PeerMemory, PeerSection, Reader, RejectError, SendError, SystemError, Writer,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The side that writes a box.
#[derive(Debug)]
pub struct BoxWriter {
    pub(super) memory: Arc<OwnMemory>,
    pub(super) ring: Writer<OwnSection, PeerSection>,
    /// Where its data begin in the region.
    pub(super) start: u64,
    pub(super) epochs: Arc<OwnEpochs>,
    pub(super) epoch: u32,
}

impl BoxWriter {
    /// Writes a record, makes it visible and raises the box's epoch. Never waits.
    ///
    /// A ring that was too small takes nothing more until it is empty, and grows then; where
    /// there is no memory for that it stays as it is.
    ///
    /// # Errors
    /// [`SendError`], but never [`SendError::Grow`].
    pub fn send(&mut self, msg_id: u32, payload: &[u8]) -> Result<(), SendError> {
        loop {
            match self.ring.send(msg_id, payload) {
                Err(SendError::Grow { capacity }) => self.grow(capacity),
                other => {
                    // Sleepers on a box sleep on its epoch, and are woken by that.
                    let _ = other?;
                    self.epochs.raise(self.epoch);
                    return Ok(());
                }
            }
        }
    }

    /// The box's capacity now, in bytes.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.ring.capacity()
    }

    fn grow(&mut self, capacity: u32) {
        let range = self.start + u64::from(self.ring.capacity())..self.start + u64::from(capacity);
        // Allocated first, then published.
        match self.memory.allocate(range) {
            Ok(()) => self.ring.grow(capacity),
            Err(_) => self.ring.decline_growth(),
        }
    }
}

/// The side that reads a box.
#[derive(Debug)]
pub struct BoxReader {
    pub(super) memory: Arc<PeerMemory>,
    pub(super) ring: Reader<OwnSection, PeerSection>,
    pub(super) start: u64,
    pub(super) epochs: Arc<PeerEpochs>,
    pub(super) epoch: u32,
    /// So much of the box is known to be there.
    pub(super) present: u32,
}

impl BoxReader {
    /// Copies the next record into `into`, if there is one. Never waits.
    ///
    /// # Errors
    /// [`BoxError::Recv`]; [`BoxError::Rejected`] when the writer has published memory
    /// that isn't there.
    pub fn try_recv<'b>(&mut self, into: &'b mut [u8]) -> Result<Option<Record<'b>>, BoxError> {
        if !self.look()? {
            return Ok(None);
        }
        let record = self.ring.try_recv(into).map_err(BoxError::Recv)?;
        if record.is_some() && self.ring.ack_is_due() {
            // The writer of a box doesn't sleep for room: it says that it is full.
            let _ = self.ring.ack();
        }
        Ok(record)
    }

    /// Whether there is a record. Memory that the writer has published is looked for before it is read.
    fn look(&mut self) -> Result<bool, BoxError> {
        loop {
            match self.ring.look() {
                Err(RecvError::Grow { capacity }) => self.check_present(capacity)?,
                other => return other.map_err(BoxError::Recv),
            }
        }
    }

    fn check_present(&mut self, capacity: u32) -> Result<(), BoxError> {
        let range = self.start + u64::from(self.present)..self.start + u64::from(capacity);
        self.memory.check_present(range).map_err(BoxError::Rejected)?;
        self.present = capacity;
        self.ring.grow(capacity);
        Ok(())
    }

    /// Sleeps until there may be a record, at most `timeout`; false when the time was up.
    ///
    /// # Errors
    /// [`BoxError::System`].
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, BoxError> {
        let seen = self.epochs.current(self.epoch);
        match self.ring.prepare_sleep().map_err(|fault| BoxError::Recv(fault.into()))? {
            None => Ok(true),
            Some(_) => self.epochs.wait(self.epoch, seen, timeout).map_err(BoxError::System),
        }
    }
}

/// A box that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoxError {
    /// The buffer is too short, or the writer broke the ring.
    Recv(RecvError),
    /// The writer has published memory that isn't there.
    Rejected(RejectError),
    /// A system call failed.
    System(SystemError),
}

impl fmt::Display for BoxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recv(error) => error.fmt(f),
            Self::Rejected(error) => {
                write!(f, "the box's writer has published memory that is not there: {error}")
            }
            Self::System(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BoxError {}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_shm::byte_ring::{CAPACITY_MAX, CAPACITY_MIN};
    use ioi_shm::sync::Ordering;
    use ioi_shm::{OwnPage, WordSize};

    const DATA: u64 = 4096;
    const BYTES: u64 = DATA + CAPACITY_MAX as u64;

    /// The writer's memory with its page, and the box that reads it.
    fn lying() -> (OwnMemory, OwnSection, BoxReader) {
        let writer = OwnMemory::create(BYTES, DATA + u64::from(CAPACITY_MIN)).unwrap();
        let page = writer.page(0, DATA..BYTES).unwrap();
        page.control()[1].store(CAPACITY_MIN, Ordering::Relaxed);
        let file = writer.reader_descriptor().unwrap();
        let memory = Arc::new(PeerMemory::accept(file, BYTES, DATA + u64::from(CAPACITY_MIN)).unwrap());
        let own = OwnMemory::create(4096, 4096).unwrap().page(0, 0..0).unwrap();
        let epochs = Arc::new(PeerEpochs(words(&memory)));
        let ring = Reader::new(own, memory.page(0, DATA..BYTES).unwrap(), 7);
        let reader = BoxReader { memory, ring, start: DATA, epochs, epoch: 0, present: CAPACITY_MIN };
        (writer, page, reader)
    }

    fn words<T: WordSize>(memory: &PeerMemory) -> ioi_shm::PeerWords<T> {
        memory.words(1024..1152).unwrap()
    }

    #[test]
    fn memory_that_a_writer_published_and_never_allocated_is_refused_and_not_touched() {
        for capacity in [2 * CAPACITY_MIN, CAPACITY_MAX] {
            let (writer, page, mut reader) = lying();
            page.control()[1].store(capacity, Ordering::Relaxed);
            page.control()[0].store(capacity, Ordering::Release);
            for _ in 0..2 {
                let mut into = vec![0; CAPACITY_MAX as usize];
                let error = reader.try_recv(&mut into).unwrap_err();
                let Some(BoxError::Rejected(RejectError::Sparse { bytes_present, .. })) = Some(&error) else {
                    panic!("{error}")
                };
                assert_eq!(*bytes_present, DATA + u64::from(CAPACITY_MIN));
            }
            let rest = DATA + u64::from(CAPACITY_MIN)..DATA + u64::from(capacity);
            assert!(reader.memory.check_present(rest.clone()).is_err(), "reading has allocated nothing");
            // Once it is there, an empty record of what was published is read.
            writer.allocate(rest).unwrap();
            assert!(reader.try_recv(&mut [0; 8]).unwrap().is_some_and(|record| record.payload.is_empty()));
        }
    }
}
