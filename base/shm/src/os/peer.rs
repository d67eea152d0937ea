//! The writer's side of a region that somebody else made.

use super::SystemError;
use super::inspect::{Facts, RejectError};
use super::mapping::Mapping;
use rustix::fs::{SealFlags, fcntl_add_seals};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// Two threads must not both find the same memory unmapped.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Memory that a trusted broker made and this process fills; unmapped and closed when dropped.
///
/// To map it is to vouch for the broker, which promises
/// not to write or cut it before it is asked to seal it, and can't seal it before this is dropped. Once mapped, the memory takes no other
/// writer (`FUTURE_WRITE`), not even through a copy of the descriptor, so it can be
/// mapped this way once only.
pub struct PeerBuffer {
    mapping: Mapping,
}

impl PeerBuffer {
    /// Maps `bytes` bytes, the size that the broker named, for writing.
    ///
    /// # Errors
    /// [`RejectError`] unless it is an allocated memory file of that size, open for
    /// reading and writing, not sealed and not mapped like this before.
    pub fn map(file: OwnedFd, bytes: u64) -> Result<PeerBuffer, RejectError> {
        let mapping = map_as_only_writer(file.as_fd(), bytes, Facts::check_allocated)?;
        Ok(PeerBuffer { mapping })
    }
}

/// Maps memory of a broker for writing, once: afterwards it takes no other writer.
///
/// # Errors
/// [`RejectError`] unless it is a memory file of `bytes` bytes, open for reading and
/// writing, not sealed, not mapped like this before, and as `check` wants it.
pub(super) fn map_as_only_writer(
    file: BorrowedFd<'_>,
    bytes: u64,
    check: impl FnOnce(&Facts) -> Result<(), RejectError>,
) -> Result<Mapping, RejectError> {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let facts = Facts::of(file)?;
    if !facts.writable {
        return Err(RejectError::NotWritable);
    }
    if facts.seals.intersects(SealFlags::WRITE | SealFlags::FUTURE_WRITE) {
        return Err(RejectError::WriteSealed);
    }
    if facts.bytes == 0 {
        return Err(RejectError::Empty);
    }
    if facts.bytes != bytes {
        return Err(RejectError::WrongSize { bytes: facts.bytes, bytes_agreed: bytes });
    }
    check(&facts)?;
    let mapping = Mapping::for_writing(file, bytes)?;
    fcntl_add_seals(file, SealFlags::FUTURE_WRITE).map_err(SystemError::of("fcntl(F_ADD_SEALS)"))?;
    Ok(mapping)
}

impl Deref for PeerBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: as in `deref_mut`.
        unsafe { std::slice::from_raw_parts(self.mapping.start().as_ptr(), self.mapping.bytes()) }
    }
}

impl DerefMut for PeerBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: `map` made the only writable mapping of this process, since the next
        // call finds FUTURE_WRITE, and under that seal no descriptor writes either. The
        // broker, the only other holder, keeps its hands off until this is dropped.
        unsafe { std::slice::from_raw_parts_mut(self.mapping.start().as_ptr(), self.mapping.bytes()) }
    }
}

impl fmt::Debug for PeerBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerBuffer").field("bytes", &self.len()).finish()
    }
}
