//! What the egress process may ask for: its end of a stream.

use super::transfer_id;
use crate::shared::Shared;
use crate::streams::End;
use ioi_ipc::proto::supervisor::{self as wire, egress_host_server::EgressHost};
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use std::sync::Arc;

pub(crate) struct EgressService {
    pub(crate) run: Arc<Shared>,
}

#[async_trait]
impl EgressHost for EgressService {
    async fn take_stream(
        &self,
        request: Request<wire::TakeStreamRequest>,
    ) -> Result<Response<wire::TakeStreamReply>, Status> {
        let request = request.into_inner();
        let id = transfer_id(&request.transfer_id)?;
        let end = self.run.streams().take(request.stream, End::Writing)?;
        self.run.send_to_egress(id, end).await?;
        Ok(Response::new(wire::TakeStreamReply {}))
    }
}
