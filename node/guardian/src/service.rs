//! What the guardian answers to the orchestrator of its run.

use crate::journal::{Journal, JournalError};
use crate::release::Releases;
use ioi_crypto::SecretKey;
use ioi_crypto::statement::Kind;
use ioi_ipc::proto::guardian as wire;
use ioi_ipc::proto::guardian::guardian_server::Guardian;
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait};
use ioi_types::{BootId, ErrorCode, limits};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

pub(crate) struct GuardianService {
    pub(crate) boot: BootId,
    pub(crate) key: SecretKey,
    pub(crate) journal: Arc<Mutex<Journal>>,
    pub(crate) releases: Arc<Releases>,
}

impl GuardianService {
    /// Does something with the journal in a thread of its own: syncing to a slow disk takes seconds, and this
    /// process must be heard of meanwhile. One at a time, in the order of asking; what was begun is
    /// done to its end, also where nobody waits for it any more.
    async fn with_journal<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Status> {
        let mut journal = Arc::clone(&self.journal).lock_owned().await;
        let done = spawn_blocking(move || work(&mut journal)).await;
        let failed = |_| refuse(ErrorCode::Internal, "the thread that writes the journal failed");
        Ok(done.map_err(failed)??)
    }
}

impl From<JournalError> for Status {
    fn from(error: JournalError) -> Self {
        let code = match &error {
            JournalError::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => ErrorCode::DiskFull,
            _ => ErrorCode::GuardianRefused,
        };
        refuse(code, error.to_string())
    }
}

fn leaf_hashes(bytes: &[u8]) -> Result<Vec<[u8; 32]>, Status> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() > limits::APPEND_LEAVES_MAX {
        let message = format!("{} bytes are not 1 to {} leaf hashes", bytes.len(), limits::APPEND_LEAVES_MAX);
        return Err(refuse(ErrorCode::GuardianRefused, message));
    }
    Ok(hashes.to_vec())
}

#[async_trait]
impl Guardian for GuardianService {
    async fn hello(&self, _: Request<wire::HelloRequest>) -> Result<Response<wire::HelloReply>, Status> {
        let public = self.key.public();
        Ok(Response::new(wire::HelloReply {
            boot_id: self.boot.0.to_vec(),
            public_key: public.to_bytes().to_vec(),
            key_id: public.id().to_string(),
            unlock: "none".into(),
        }))
    }

    async fn append(
        &self,
        request: Request<wire::AppendRequest>,
    ) -> Result<Response<wire::AppendReply>, Status> {
        let request = request.into_inner();
        let leaves = leaf_hashes(&request.leaf_hashes)?;
        let (first, sync) = (request.first, request.sync);
        let appended = self.with_journal(move |journal| journal.append(first, &leaves, sync)).await?;
        Ok(Response::new(wire::AppendReply { size: appended.size, root: appended.root.to_vec() }))
    }

    async fn sign_head(
        &self,
        _: Request<wire::SignHeadRequest>,
    ) -> Result<Response<wire::SignHeadReply>, Status> {
        let statement = self.with_journal(Journal::head).await?;
        let bytes = statement.encode();
        let signature = self.key.sign(Kind::AuditHead.name(), &bytes);
        let signature = signature.map_err(|error| refuse(ErrorCode::GuardianRefused, error.to_string()))?;
        Ok(Response::new(wire::SignHeadReply { statement: bytes, signature: signature.as_bytes().to_vec() }))
    }
    async fn authorize(
        &self,
        request: Request<wire::AuthorizeRequest>,
    ) -> Result<Response<wire::AuthorizeReply>, Status> {
        self.releases.authorize(request.into_inner()).map(Response::new)
    }
}
