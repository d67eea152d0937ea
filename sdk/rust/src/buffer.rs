//! Shared memory that a plugin fills and hands on.

use crate::arenas::{Filling, Lent};
use crate::connection::Connection;
use crate::host::HostError;
use ioi_plugin::message::{BulkHandle, Request};
use ioi_plugin::services::{AllocAnswer, SEAL, SealAnswer, SealArguments, Shape};
use ioi_shm::{Handle, PeerBuffer};
use ioi_types::{Digest, ErrorCode};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// How long the host may take to seal a region.
const SEAL_MS: u32 = 10_000;

/// Writable shared memory, from [`Host::alloc`](crate::Host::alloc): a lease of one of the plugin's
/// arenas, or a region that is sealed before anybody reads it. Dropped, a lease is free again; a
/// region is, when the plugin ends.
pub struct Buffer {
    memory: Memory,
}

enum Memory {
    Lease(Filling),
    Region { memory: PeerBuffer, region: u64, connection: Arc<Connection> },
}

impl Buffer {
    pub(crate) const fn lease(filling: Filling) -> Self {
        Self { memory: Memory::Lease(filling) }
    }

    pub(crate) fn map(
        memory: OwnedFd,
        answer: AllocAnswer,
        wanted_bytes: u64,
        connection: Arc<Connection>,
    ) -> Result<Self, HostError> {
        let AllocAnswer { region, bytes } = at_least(answer, wanted_bytes)?;
        let memory = PeerBuffer::map(memory, bytes);
        let memory = memory.map_err(|error| HostError::io("the region can't be mapped", error))?;
        Ok(Self { memory: Memory::Region { memory, region, connection } })
    }

    /// Gives the first `used` bytes up for reading by others. A lease is the plugin's again when
    /// the host says that it was read; a region is unmapped, closed and made immutable by the host.
    ///
    /// # Errors
    /// `slice.range` when `used` is 0 or more than there is; of a region also those of the host:
    /// `region.busy`, `region.invalid`.
    pub fn hand_over(self, used: usize) -> Result<Slice, HostError> {
        if !(1..=self.len()).contains(&used) {
            let message = format!("{used} bytes of a buffer of {} can't be handed over", self.len());
            return Err(HostError::new(ErrorCode::SliceRange, message));
        }
        let length = used as u64;
        match self.memory {
            Memory::Lease(filling) => Ok(Slice::lent(filling.hand_over()?, length)),
            Memory::Region { memory, region, connection } => {
                // Sealing fails while anybody has it mapped for writing.
                drop(memory);
                seal(&connection, region, length)?;
                Ok(Slice::sealed(region, length))
            }
        }
    }
}

/// What came, if it is as much as was asked for.
pub(crate) fn at_least(answer: AllocAnswer, wanted_bytes: u64) -> Result<AllocAnswer, HostError> {
    if answer.bytes < wanted_bytes {
        let came = answer.bytes;
        return Err(HostError::shape(format_args!("{wanted_bytes} bytes were asked for and {came} came")));
    }
    Ok(answer)
}

fn seal(connection: &Arc<Connection>, region: u64, used: u64) -> Result<(), HostError> {
    let arguments = SealArguments { region, used }.to_bytes();
    let response = connection.start_alone(&Request::new(SEAL, arguments, SEAL_MS))?.wait()?;
    let SealAnswer { bytes } = SealAnswer::from_bytes(&response.result).map_err(HostError::shape)?;
    if bytes < used {
        let message = format!("{used} bytes were to be sealed and {bytes} were");
        return Err(HostError::shape(message));
    }
    Ok(())
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.memory {
            Memory::Lease(filling) => filling.bytes(),
            Memory::Region { memory, .. } => memory,
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Lease(filling) => filling.bytes_mut(),
            Memory::Region { memory, .. } => memory,
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("bytes", &self.len()).finish_non_exhaustive()
    }
}

/// Bytes in shared memory, for [`Reply::with_slice`](crate::Reply::with_slice). A lease that is
/// dropped instead is free again.
#[derive(Debug)]
pub struct Slice {
    handle: BulkHandle,
    lent: Option<Lent>,
}

impl Slice {
    /// A sealed region has one generation, the first.
    fn sealed(region: u64, length: u64) -> Self {
        Self { handle: BulkHandle { region, generation: 1, length, ..BulkHandle::default() }, lent: None }
    }

    fn lent(lent: Lent, length: u64) -> Self {
        let Handle { region, generation, offset, .. } = *lent.handle();
        let handle = BulkHandle { region, generation, offset, length, ..BulkHandle::default() };
        Self { handle, lent: Some(lent) }
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

    /// What goes over the wire, and what has to be told once it has gone.
    pub(crate) fn into_parts(self) -> (BulkHandle, Option<Lent>) {
        (self.handle, self.lent)
    }
}
