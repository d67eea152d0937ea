//! Regions that reach the workload, and those that it fills itself.

use ioi_ipc::Transfers;
use ioi_ipc::proto::supervisor::{
    AllocRequest, FetchRequest, SealRequest, TakeStreamRequest, workload_host_client::WorkloadHostClient,
};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Status, transport::Channel};
use ioi_shm::{PeerBuffer, Sealed, View};
use ioi_types::{ErrorCode, limits};
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use tokio::net::UnixStream;

/// Asks the supervisor for regions and maps what comes.
#[derive(Clone)]
pub(crate) struct Memory {
    pub(crate) host: WorkloadHostClient<Channel>,
    pub(crate) transfers: Transfers,
}

fn transfer_failed(error: io::Error) -> Status {
    refuse(ErrorCode::TransferUnknown, format!("the region's descriptor did not come: {error}"))
}

impl Memory {
    /// Fetches a sealed region; every seal is checked before anything is mapped.
    pub(crate) async fn fetch(&self, region: u64) -> Result<View, Status> {
        let awaited = self.transfers.expect().map_err(transfer_failed)?;
        let transfer_id = awaited.id().0.to_vec();
        self.host.clone().fetch(FetchRequest { region, transfer_id }).await?;
        let descriptor = awaited.arrival().await.map_err(transfer_failed)?;
        let invalid = |error: &dyn std::fmt::Display| refuse(ErrorCode::RegionInvalid, error.to_string());
        let sealed = Sealed::accept(descriptor, limits::REGION_BYTES_MAX).map_err(|error| invalid(&error))?;
        sealed.map().map_err(|error| invalid(&error))
    }

    /// Puts `bytes` into a region of its own, has it sealed and maps it read-only.
    pub(crate) async fn seal(&self, bytes: &[u8]) -> Result<(u64, View), Status> {
        let awaited = self.transfers.expect().map_err(transfer_failed)?;
        let length = bytes.len() as u64;
        let request = AllocRequest { bytes: length, transfer_id: awaited.id().0.to_vec() };
        let region = self.host.clone().alloc(request).await?.into_inner().region;
        let descriptor = awaited.arrival().await.map_err(transfer_failed)?;
        let mut buffer = PeerBuffer::map(descriptor, length)
            .map_err(|error| refuse(ErrorCode::RegionInvalid, error.to_string()))?;
        buffer.copy_from_slice(bytes);
        drop(buffer);
        self.host.clone().seal(SealRequest { region, used: length }).await?;
        Ok((region, self.fetch(region).await?))
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
