//! Shared memory that a plugin fills and hands on without a copy.

use crate::connection::Connection;
use crate::host::HostError;
use ioi_plugin::message::{BulkHandle, Request};
use ioi_plugin::services::{AllocAnswer, SEAL, SealAnswer, SealArguments, Shape};
use ioi_shm::PeerBuffer;
use ioi_types::{Digest, ErrorCode};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How long the host may take to seal a region.
const SEAL_MS: u32 = 10_000;

/// Writable shared memory, from [`Host::alloc`](crate::Host::alloc). Dropped unsealed, the host frees
/// it when the plugin ends.
pub struct Buffer {
    memory: PeerBuffer,
    region: u64,
    connection: Arc<Connection>,
}

impl Buffer {
    pub(crate) fn map(
        memory: OwnedFd,
        answer: AllocAnswer,
        wanted_bytes: u64,
        connection: Arc<Connection>,
    ) -> Result<Self, HostError> {
        if answer.bytes < wanted_bytes {
            return Err(HostError::shape(format_args!(
                "{wanted_bytes} bytes were asked for and {} came",
                answer.bytes
            )));
        }
        let memory = PeerBuffer::map(memory, answer.bytes);
        let memory = memory.map_err(|error| HostError::io("the region can't be mapped", error))?;
        Ok(Self { memory, region: answer.region, connection })
    }

    /// Gives the first `used` bytes up for reading by others: unmaps the
    /// memory, closes its descriptor and has the host make it immutable.
    ///
    /// # Errors
    /// `slice.range` when `used` is 0 or more than there is; those of the host:
    /// `region.busy`, `region.invalid`.
    pub fn seal(self, used: usize) -> Result<Slice, HostError> {
        let Self { memory, region, connection } = self;
        if !(1..=memory.len()).contains(&used) {
            let message = format!("{used} bytes of a buffer of {} can't be sealed", memory.len());
            return Err(HostError::new(ErrorCode::SliceRange, message));
        }
        // Sealing fails while anybody has it mapped for writing.
        drop(memory);
        let arguments = SealArguments { region, used: used as u64 }.to_bytes();
        let response = connection.start_alone(&Request::new(SEAL, arguments, SEAL_MS))?.wait()?;
        let answer = SealAnswer::from_bytes(&response.result).map_err(HostError::shape)?;
        if answer.bytes < used as u64 {
            return Err(HostError::shape(format_args!(
                "{used} bytes were to be sealed and {} were",
                answer.bytes
            )));
        }
        Ok(Slice::new(region, used as u64))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer {{ region: {}, bytes: {} }}", self.region, self.memory.len())
    }
}

/// Immutable bytes in shared memory, for [`Reply::with_slice`](crate::Reply::with_slice).
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    handle: BulkHandle,
}

impl Slice {
    fn new(region: u64, length: u64) -> Self {
        Self { handle: BulkHandle { region, length, ..BulkHandle::default() } }
    }

    /// The region's number.
    #[must_use]
    pub const fn region(&self) -> u64 {
        self.handle.region
    }

    /// Its length in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.handle.length
    }

    /// Says what the bytes hash to. The receiver computes its own and compares.
    #[must_use]
    pub fn with_digest(mut self, digest: Digest) -> Self {
        self.handle.digest = Some(digest.to_string());
        self
    }

    /// Says what kind of bytes they are: a number that both sides agreed on.
    #[must_use]
    pub const fn with_type(mut self, type_id: u32) -> Self {
        self.handle.type_id = type_id;
        self
    }

    pub(crate) fn into_handle(self) -> BulkHandle {
        self.handle
    }
}
