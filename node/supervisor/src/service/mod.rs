//! What the supervisor answers to each node process, one service a role.

mod egress;
mod guardian;
mod orchestrator;
mod workload;

pub(crate) use egress::EgressService;
pub(crate) use guardian::GuardianService;
pub(crate) use orchestrator::OrchestratorService;
pub(crate) use workload::WorkloadService;

use crate::Refused;
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_types::{ErrorCode, TransferId};

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        refuse(refused.code, refused.message)
    }
}

fn transfer_id(bytes: &[u8]) -> Result<TransferId, Status> {
    let id = bytes.try_into().map(TransferId);
    id.map_err(|_| {
        refuse(ErrorCode::ArgumentInvalid, format!("a transfer id has 16 bytes, not {}", bytes.len()))
    })
}
