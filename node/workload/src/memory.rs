//! Regions that reach the workload, and those that it fills itself.

use crate::arenas::{Arena, Arenas};
use crate::service::blocking;
use ioi_crypto::hash::blake3;
use ioi_ipc::payload::Content;
use ioi_ipc::proto::common::{Payload, SharedMemoryHandle};
use ioi_ipc::proto::supervisor::{
    AllocRequest, FetchReply, FetchRequest, SealRequest, TakeStreamRequest,
    workload_host_client::WorkloadHostClient,
};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Status, transport::Channel};
use ioi_port::Transfers;
use ioi_shm::{Handle, PeerBuffer, Sealed, View};
use ioi_types::{Digest, ErrorCode, limits};
use std::io;
use std::ops::Deref;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use tokio::net::UnixStream;

/// The bytes of one payload, which nobody can change any more.
pub(crate) enum Bulk {
    /// They came with the request.
    Inline(Vec<u8>),
    /// They were copied out of an arena, and hashed as they landed.
    Copied { bytes: Vec<u8>, digest: Digest },
    /// They lie in a sealed region, from an offset on.
    Mapped { view: View, offset: u64, length: u64 },
}

impl Deref for Bulk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Inline(bytes) | Self::Copied { bytes, .. } => bytes,
            // The part was found to lie in the view when this was made.
            Self::Mapped { view, offset, length } => view.slice(*offset, *length).unwrap_or_default(),
        }
    }
}

impl Bulk {
    /// Over all of the bytes.
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Self::Copied { digest, .. } => *digest,
            Self::Inline(_) | Self::Mapped { .. } => blake3(self),
        }
    }

    /// A part of the bytes, where there is one.
    pub(crate) fn part(&self, offset: u64, length: u64) -> Option<&[u8]> {
        let from = usize::try_from(offset).ok()?;
        self.get(from..from.checked_add(usize::try_from(length).ok()?)?)
    }
}

/// Asks the supervisor for regions and maps what comes.
#[derive(Clone)]
pub(crate) struct Memory {
    host: WorkloadHostClient<Channel>,
    transfers: Transfers,
    arenas: Arenas,
}

/// What came for a region's number.
enum Fetched {
    Sealed(View),
    Arena(Arc<Arena>),
}

fn transfer_failed(error: io::Error) -> Status {
    refuse(ErrorCode::TransferUnknown, format!("the region's descriptor did not come: {error}"))
}

fn invalid(error: &dyn std::fmt::Display) -> Status {
    refuse(ErrorCode::RegionInvalid, error.to_string())
}

impl Memory {
    pub(crate) fn new(host: WorkloadHostClient<Channel>, transfers: Transfers) -> Self {
        Self { host, transfers, arenas: Arenas::default() }
    }

    /// How many arenas are mapped.
    pub(crate) fn arenas(&self) -> usize {
        self.arenas.count()
    }

    /// Gives up what is mapped of arenas.
    pub(crate) fn leave(&self, regions: &[u64]) {
        self.arenas.leave(regions);
    }

    /// The bytes of a payload: those of a sealed region where they lie, those of an arena copied
    /// out. `what` names them in errors.
    pub(crate) async fn bulk(&self, payload: Payload, what: &str) -> Result<Bulk, Status> {
        let handle = match payload.content(what)? {
            Content::Inline(bytes) => return Ok(Bulk::Inline(bytes)),
            Content::Handle(handle) => handle,
        };
        let SharedMemoryHandle { region, generation, type_id, offset, length } = handle;
        if type_id != 0 {
            let message = format!("{what} is of type {type_id}, and plain bytes are wanted");
            return Err(refuse(ErrorCode::ArgumentInvalid, message));
        }
        let fetched = match self.arenas.get(region) {
            Some(arena) => Fetched::Arena(arena),
            None => self.fetch(region).await?,
        };
        let view = match fetched {
            Fetched::Arena(arena) => {
                let (lease, what) = (Handle { region, generation, type_id, offset, length }, what.to_owned());
                return blocking(move || arena.copy_out(&lease, &what)).await?;
            }
            Fetched::Sealed(view) => view,
        };
        if generation != 1 {
            let message = format!("region {region} is sealed, so it has no generation {generation}");
            return Err(refuse(ErrorCode::RegionUnknown, message));
        }
        if view.slice(offset, length).is_err() {
            let message = format!("{what} is {length} bytes at {offset}; region {region} has {}", view.len());
            return Err(refuse(ErrorCode::SliceRange, message));
        }
        Ok(Bulk::Mapped { view, offset, length })
    }

    /// Fetches a region; every seal is checked before anything is mapped.
    async fn fetch(&self, region: u64) -> Result<Fetched, Status> {
        let awaited = self.transfers.expect().map_err(transfer_failed)?;
        let transfer_id = awaited.id().0.to_vec();
        let FetchReply { bytes, arena } =
            self.host.clone().fetch(FetchRequest { region, transfer_id }).await?.into_inner();
        let descriptor = awaited.arrival().await.map_err(transfer_failed)?;
        if arena {
            let arena = Arena::accept(descriptor, region, bytes).map_err(|error| invalid(&error))?;
            return Ok(Fetched::Arena(self.arenas.add(region, arena)));
        }
        let sealed = Sealed::accept(descriptor, limits::REGION_BYTES_MAX).map_err(|error| invalid(&error))?;
        sealed.map().map(Fetched::Sealed).map_err(|error| invalid(&error))
    }

    /// Puts `bytes` into a region of its own, has it sealed and maps it read-only.
    pub(crate) async fn seal(&self, bytes: &[u8]) -> Result<(u64, View), Status> {
        let awaited = self.transfers.expect().map_err(transfer_failed)?;
        let length = bytes.len() as u64;
        let request = AllocRequest { bytes: length, transfer_id: awaited.id().0.to_vec() };
        let region = self.host.clone().alloc(request).await?.into_inner().region;
        let descriptor = awaited.arrival().await.map_err(transfer_failed)?;
        let mut buffer = PeerBuffer::map(descriptor, length).map_err(|error| invalid(&error))?;
        buffer.copy_from_slice(bytes);
        drop(buffer);
        self.host.clone().seal(SealRequest { region, used: length }).await?;
        match self.fetch(region).await? {
            Fetched::Sealed(view) => Ok((region, view)),
            Fetched::Arena(_) => Err(invalid(&"an arena came instead of the region that was sealed")),
        }
    }

    /// Takes the reading end of a stream.
    pub(crate) async fn stream(&self, stream: u64) -> Result<UnixStream, Status> {
        let awaited = self.transfers.expect().map_err(transfer_failed)?;
        let transfer_id = awaited.id().0.to_vec();
        self.host.clone().take_stream(TakeStreamRequest { stream, transfer_id }).await?;
        let end = StdUnixStream::from(awaited.arrival().await.map_err(transfer_failed)?);
        end.set_nonblocking(true).map_err(transfer_failed)?;
        UnixStream::from_std(end).map_err(transfer_failed)
    }
}
