//! What the workload may ask for: its configuration, regions it was granted, regions of its own.

use super::transfer_id;
use crate::regions::{Fetched, Owner};
use crate::shared::Shared;
use crate::streams::End;
use ioi_ipc::proto::supervisor::{self as wire, workload_host_server::WorkloadHost};
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_types::RegionId;
use std::sync::Arc;

pub(crate) struct WorkloadService {
    pub(crate) run: Arc<Shared>,
}

#[async_trait]
impl WorkloadHost for WorkloadService {
    async fn configure(
        &self,
        _: Request<wire::ConfigureRequest>,
    ) -> Result<Response<wire::WorkloadConfiguration>, Status> {
        let threads =
            std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(1));
        Ok(Response::new(wire::WorkloadConfiguration { threads }))
    }

    async fn fetch(
        &self,
        request: Request<wire::FetchRequest>,
    ) -> Result<Response<wire::FetchReply>, Status> {
        let request = request.into_inner();
        let id = transfer_id(&request.transfer_id)?;
        let Fetched { reader, bytes, arena } = self.run.regions().fetch(RegionId(request.region))?;
        self.run.send_to_workload(id, reader).await?;
        Ok(Response::new(wire::FetchReply { bytes, arena }))
    }

    async fn alloc(
        &self,
        request: Request<wire::AllocRequest>,
    ) -> Result<Response<wire::AllocReply>, Status> {
        let request = request.into_inner();
        let id = transfer_id(&request.transfer_id)?;
        let (region, descriptor) = self.run.regions().alloc(Owner::Workload, request.bytes)?;
        self.run.send_to_workload(id, descriptor).await?;
        Ok(Response::new(wire::AllocReply { region: region.0, bytes: request.bytes }))
    }

    async fn seal(&self, request: Request<wire::SealRequest>) -> Result<Response<wire::SealReply>, Status> {
        let request = request.into_inner();
        let bytes = self.run.regions().seal(Owner::Workload, RegionId(request.region), request.used)?;
        Ok(Response::new(wire::SealReply { bytes }))
    }

    async fn take_stream(
        &self,
        request: Request<wire::TakeStreamRequest>,
    ) -> Result<Response<wire::TakeStreamReply>, Status> {
        let request = request.into_inner();
        let id = transfer_id(&request.transfer_id)?;
        let end = self.run.streams().take(request.stream, End::Reading)?;
        self.run.send_to_workload(id, end).await?;
        Ok(Response::new(wire::TakeStreamReply {}))
    }
}
