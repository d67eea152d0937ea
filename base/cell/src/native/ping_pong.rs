//! Two buffers: while one is looked at, the other is written, as [`claim`] says.

use super::epochs::OwnEpochs;
use crate::protocol::claim::{self, ACTIVE, CLAIM, Try, WRITING};
use crate::{
    ARENA_OFFSET, EPOCH_PING_PONG, PING_PONG_ALIGN_BYTES, PING_PONG_BYTES_OFFSET, PING_PONG_FIRST_OFFSET,
};
use ioi_shm::sync::{AtomicU32, Ordering};
use ioi_shm::{Handle, Lender, OwnWords, PeerMemory, PeerWords};
use std::fmt;
use std::sync::Arc;

const FIRST: usize = PING_PONG_FIRST_OFFSET as usize / 4;
const BYTES: usize = PING_PONG_BYTES_OFFSET as usize / 4;

/// How often a reader tries to claim the active buffer before it says that it can't.
const TRIES: usize = 64;

/// Where the second buffer begins, from the first.
const fn stride(bytes: u64) -> u64 {
    bytes.next_multiple_of(PING_PONG_ALIGN_BYTES as u64)
}

/// The side that writes the buffers.
#[derive(Debug)]
pub struct PingPongWriter {
    line: OwnWords,
    reader: PeerWords,
    epochs: Arc<OwnEpochs>,
    /// Both buffers, one lease that is never handed over.
    lease: Handle,
    bytes: u64,
    version: u32,
}

/// The reader holds the buffer that would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the other side holds the buffer")
    }
}

impl std::error::Error for Busy {}

/// The line that a writer of buffers writes, and the reader's, before there are any.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) line: OwnWords,
    pub(super) reader: PeerWords,
    pub(super) epochs: Arc<OwnEpochs>,
}

/// What both buffers take of an arena.
pub(super) fn lease_bytes(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(u64::from(PING_PONG_ALIGN_BYTES)).unwrap_or(u64::MAX).saturating_mul(2)
}

impl PingPongWriter {
    /// Two buffers of `bytes` bytes in `lease`, which has [`lease_bytes`] of them.
    pub(super) fn new(Lines { line, reader, epochs }: Lines, lease: Handle, bytes: u64) -> Self {
        let words = line.u32s();
        store_u64(&words[FIRST..], lease.offset);
        store_u64(&words[BYTES..], bytes);
        PingPongWriter { line, reader, epochs, lease, bytes, version: 0 }
    }

    /// Writes the buffer that isn't active and makes it the active one.
    ///
    /// # Errors
    /// [`Busy`] while the reader holds that buffer; nothing is written then.
    ///
    /// # Panics
    /// When `lender` isn't the one that the buffers were leased from.
    pub fn write(&mut self, lender: &mut Lender, fill: impl FnOnce(&mut [u8])) -> Result<u32, Busy> {
        let words = self.line.u32s();
        let buffer = (words[ACTIVE].load(Ordering::Relaxed) & 1) ^ u32::from(self.version > 0);
        if !claim::begin(words, self.reader.u32(CLAIM), buffer) {
            return Err(Busy);
        }
        let both = lender.fill(&self.lease).expect("the lease of the buffers is this lender's");
        let start = (stride(self.bytes) * u64::from(buffer)) as usize;
        fill(&mut both[start..start + self.bytes as usize]);
        self.version = (self.version + 1) & (u32::MAX >> 1);
        self.version = self.version.max(1);
        claim::publish(words, self.version, buffer);
        self.epochs.raise(EPOCH_PING_PONG);
        Ok(self.version)
    }
}

/// The side that looks.
#[derive(Debug)]
pub struct PingPongReader {
    pub(super) line: OwnWords,
    pub(super) writer: PeerWords,
    pub(super) memory: Arc<PeerMemory>,
}

/// A copy of the active buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Counts the buffers written, from 1.
    pub version: u32,
    /// How many bytes there are.
    pub bytes: usize,
}

/// A buffer that can't be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LookError {
    /// The writer was at it each time.
    Busy,
    /// The writer says that it lies outside the arena, or where nothing is.
    Outside {
        /// From the start of the region.
        offset: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The copy has no room for it.
    TooShort {
        /// The buffer's size in bytes.
        bytes: u64,
    },
}

impl fmt::Display for LookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("the other side is at the buffer all the time"),
            Self::Outside { offset, bytes } => {
                write!(f, "a buffer of {bytes} bytes at {offset} does not lie in the arena")
            }
            Self::TooShort { bytes } => write!(f, "the copy has no room for the buffer's {bytes} bytes"),
        }
    }
}

impl std::error::Error for LookError {}

/// The active buffer, claimed: the writer doesn't touch it before this is dropped.
#[derive(Debug)]
pub struct Claim<'reader> {
    reader: &'reader PingPongReader,
    active: u32,
}

impl Claim<'_> {
    /// Counts the buffers written, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.active >> 1
    }

    /// Copies the buffer into `into`, as often as one likes; says how many bytes it has.
    ///
    /// # Errors
    /// [`LookError::Outside`], [`LookError::TooShort`].
    pub fn copy_to(&self, into: &mut [u8]) -> Result<usize, LookError> {
        self.reader.copy(self.active & 1, into)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        claim::release(self.reader.line.u32s());
    }
}

impl PingPongReader {
    /// Copies the active buffer into `into`; `None` while none was written.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn read(&mut self, into: &mut [u8]) -> Result<Option<Picture>, LookError> {
        let Some(claim) = self.claim()? else { return Ok(None) };
        Ok(Some(Picture { version: claim.version(), bytes: claim.copy_to(into)? }))
    }

    /// Claims the active buffer, to look at it for longer; `None` while none was written. There is one
    /// claim at a time: it borrows the reader.
    ///
    /// # Errors
    /// [`LookError::Busy`].
    pub fn claim(&mut self) -> Result<Option<Claim<'_>>, LookError> {
        for _ in 0..TRIES {
            match claim::claim(self.line.u32s(), self.writer.u32(ACTIVE), self.writer.u32(WRITING)) {
                Try::Nothing => return Ok(None),
                Try::Claimed(active) => return Ok(Some(Claim { reader: self, active })),
                Try::Missed => std::hint::spin_loop(),
            }
        }
        Err(LookError::Busy)
    }

    /// Copies the claimed buffer. Where it lies is the writer's word, and checked each time.
    fn copy(&self, buffer: u32, into: &mut [u8]) -> Result<usize, LookError> {
        let (first, bytes) = (self.u64_at(FIRST), self.u64_at(BYTES));
        let outside = LookError::Outside { offset: first, bytes };
        let arena = u64::from(ARENA_OFFSET)..self.memory.bytes();
        let is_aligned = first.is_multiple_of(u64::from(PING_PONG_ALIGN_BYTES));
        if bytes == 0 || bytes > arena.end - arena.start || !is_aligned {
            return Err(outside);
        }
        // Both buffers lie in the arena, whichever is looked at.
        let end = first.checked_add(stride(bytes) * 2).ok_or(outside)?;
        if first < arena.start || end > arena.end {
            return Err(outside);
        }
        let start = first + stride(bytes) * u64::from(buffer);
        let range = start..start + bytes.next_multiple_of(8);
        if self.memory.check_present(range.clone()).is_err() {
            return Err(outside);
        }
        let length = usize::try_from(bytes).map_err(|_| outside)?;
        let into = into.get_mut(..length).ok_or(LookError::TooShort { bytes })?;
        self.memory.words(range).map_err(|_| outside)?.u64s().copy_to(0, into);
        Ok(length)
    }

    fn u64_at(&self, index: usize) -> u64 {
        let half = |at| u64::from(self.writer.u32(at).load(Ordering::Relaxed));
        half(index) | half(index + 1) << 32
    }
}

fn store_u64(words: &[AtomicU32], value: u64) {
    words[0].store(value as u32, Ordering::Relaxed);
    words[1].store((value >> 32) as u32, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_shm::OwnMemory;

    #[test]
    fn a_buffer_that_is_being_written_is_not_claimed_whatever_its_writer_says_is_active() {
        let (host, peer) = (OwnMemory::create(4096, 4096).unwrap(), OwnMemory::create(4096, 4096).unwrap());
        let memory = PeerMemory::accept(peer.reader_descriptor().unwrap(), 4096, 4096).unwrap();
        let writer = peer.words(0..128).unwrap();
        let (line, seen) = (host.words(0..128).unwrap(), memory.words(0..128).unwrap());
        let mut reader = PingPongReader { line, writer: seen, memory: Arc::new(memory) };
        // What a reader sees that was slow: the buffer it took for the active one is the next to come.
        for buffer in [0, 1] {
            writer.u32s()[ACTIVE].store(2 << 1 | buffer, Ordering::Release);
            writer.u32s()[WRITING].store(1 + buffer, Ordering::Release);
            assert_eq!(reader.claim().unwrap_err(), LookError::Busy);
            assert_eq!(reader.line.u32s()[CLAIM].load(Ordering::Relaxed), 0, "nothing is kept");
            writer.u32s()[WRITING].store(2 - buffer, Ordering::Release);
            assert_eq!(reader.claim().unwrap().unwrap().version(), 2, "the other one may be written");
        }
    }

    #[test]
    fn a_writer_that_lies_about_where_its_buffers_are_is_refused() {
        let arena = u64::from(ARENA_OFFSET);
        let bytes = arena + (64 << 10);
        let (host, peer) = (OwnMemory::create(4096, 4096).unwrap(), OwnMemory::create(bytes, bytes).unwrap());
        let memory = PeerMemory::accept(peer.reader_descriptor().unwrap(), bytes, bytes).unwrap();
        let writer = peer.words(0..128).unwrap();
        let (line, seen) = (host.words(0..128).unwrap(), memory.words(0..128).unwrap());
        let mut reader = PingPongReader { line, writer: seen, memory: Arc::new(memory) };
        let mut picture = vec![0; 64 << 10];
        for (first, bytes, is_good) in [
            (arena, 4096, true),
            (arena, 32 << 10, true),
            (arena, (32 << 10) + 1, false),
            (arena, 0, false),
            (arena, u64::MAX, false),
            (arena - 4096, 4096, false),
            (arena + 1, 16, false),
            (u64::MAX - 4095, 4096, false),
            (0, 4096, false),
        ] {
            store_u64(&writer.u32s()[FIRST..], first);
            store_u64(&writer.u32s()[BYTES..], bytes);
            writer.u32s()[ACTIVE].store(1 << 1 | 1, Ordering::Release);
            let wanted = if is_good {
                Ok(Some(Picture { version: 1, bytes: bytes as usize }))
            } else {
                Err(LookError::Outside { offset: first, bytes })
            };
            assert_eq!(reader.read(&mut picture), wanted, "{first} {bytes}");
        }
    }
}
