//! What the guardian may ask for: its configuration.

use crate::shared::Shared;
use ioi_ipc::proto::supervisor::{self as wire, guardian_host_server::GuardianHost};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_types::ErrorCode;
use std::sync::Arc;

pub(crate) struct GuardianService {
    pub(crate) run: Arc<Shared>,
}

#[async_trait]
impl GuardianHost for GuardianService {
    async fn configure(
        &self,
        _: Request<wire::ConfigureRequest>,
    ) -> Result<Response<wire::GuardianConfiguration>, Status> {
        Ok(Response::new(self.run.guardian_configuration()))
    }

    async fn ready(
        &self,
        request: Request<wire::ReadyRequest>,
    ) -> Result<Response<wire::ReadyReply>, Status> {
        let published = self.run.publish_key(&request.into_inner().public_key);
        published.map_err(|error| {
            refuse(ErrorCode::AuditUnavailable, format!("guardian.pub can't be written: {error}"))
        })?;
        Ok(Response::new(wire::ReadyReply {}))
    }

    async fn vault_done(
        &self,
        _: Request<wire::VaultDoneRequest>,
    ) -> Result<Response<wire::VaultDoneReply>, Status> {
        Err(Status::failed_precondition("this guardian was not asked for anything of the vault"))
    }
}
