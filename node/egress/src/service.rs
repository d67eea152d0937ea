//! One request: confirmed by the guardian, sent, its answer written into a stream.

use ioi_egress::{Bounds, Client, FetchError, Report, Request as Outgoing, Target};
use ioi_ipc::payload::Content;
use ioi_ipc::proto::egress::{SecureEgressReply, SecureEgressRequest, egress_server::Egress};
use ioi_ipc::proto::guardian::{ReleaseCredentialRequest, credentials_client::CredentialsClient};
use ioi_ipc::proto::supervisor::{TakeStreamRequest, egress_host_client::EgressHostClient};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::{Request, Response, Status, async_trait, transport::Channel};
use ioi_port::Transfers;
use ioi_types::{Digest, ErrorCode};
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use zeroize::Zeroizing;

pub(crate) struct EgressService {
    pub(crate) client: Client,
    pub(crate) guardian: CredentialsClient<Channel>,
    pub(crate) host: EgressHostClient<Channel>,
    pub(crate) transfers: Transfers,
}

impl EgressService {
    /// The credential that the guardian binds to this request; `None` for a request without one.
    async fn released(&self, request: &SecureEgressRequest) -> Result<Option<Zeroizing<Vec<u8>>>, Status> {
        let asked = ReleaseCredentialRequest {
            request_id: request.request_id.clone(),
            method: request.method.clone(),
            url: request.url.clone(),
        };
        let secret = Zeroizing::new(self.guardian.clone().release(asked).await?.into_inner().secret);
        Ok((!secret.is_empty()).then_some(secret))
    }

    /// The writing end of the stream that the answer goes into.
    async fn stream(&self, stream: u64) -> Result<UnixStream, Status> {
        let failed = |error: io::Error| refuse(ErrorCode::TransferUnknown, error.to_string());
        let awaited = self.transfers.expect().map_err(failed)?;
        let transfer_id = awaited.id().0.to_vec();
        self.host.clone().take_stream(TakeStreamRequest { stream, transfer_id }).await?;
        let end = StdUnixStream::from(awaited.arrival().await.map_err(failed)?);
        end.set_nonblocking(true).map_err(failed)?;
        UnixStream::from_std(end).map_err(failed)
    }
}

#[async_trait]
impl Egress for EgressService {
    async fn secure_egress(
        &self,
        request: Request<SecureEgressRequest>,
    ) -> Result<Response<SecureEgressReply>, Status> {
        let mut request = request.into_inner();
        let Content::Inline(body) = request.body.take().unwrap_or_default().content("the request's body")?
        else {
            let message = "the request's body is a handle, and egress maps no shared memory";
            return Err(refuse(ErrorCode::ArgumentInvalid, message));
        };
        let target = Target::parse(&request.url).map_err(|error| failed(&error))?;
        let mut stream = self.stream(request.stream).await?;
        let secret = self.released(&request).await?;
        let authorized = secret.is_some();
        let request_digest = Digest::blake3(*blake3::hash(&body).as_bytes()).to_string();
        let request_bytes = body.len() as u64;
        let headers = request.headers.into_iter().map(|header| (header.name, header.value)).collect();
        let outgoing = Outgoing { method: request.method, target, headers, body, secret };
        let report = self.client.fetch(outgoing, &Bounds::default(), &mut stream).await;
        let report = report.map_err(|error| failed(&error))?;
        // An error means that its reader is gone, which the orchestrator meets there.
        let _ = stream.shutdown().await;
        let reply = SecureEgressReply { request_digest, request_bytes, authorized, ..answered(&report) };
        Ok(Response::new(reply))
    }
}

fn answered(report: &Report) -> SecureEgressReply {
    SecureEgressReply {
        status: report.status.into(),
        content_type: report.content_type.clone(),
        peer_address: report.peer.to_string(),
        certificate_digest: report
            .certificate
            .map(|shown| Digest::sha256(shown.digest).to_string())
            .unwrap_or_default(),
        certificate_bytes: report.certificate.map_or(0, |shown| shown.bytes),
        bytes: report.bytes,
        digest: Digest::blake3(report.digest).to_string(),
        ..SecureEgressReply::default()
    }
}

fn failed(error: &FetchError) -> Status {
    let code = match error {
        FetchError::Leaked(_) => ErrorCode::CredentialReflected,
        FetchError::Address { .. } => ErrorCode::AddressRefused,
        FetchError::Url { .. } | FetchError::Request(_) => ErrorCode::ArgumentInvalid,
        FetchError::Late { .. } => ErrorCode::DeadlineExceeded,
        _ => ErrorCode::EgressFailed,
    };
    refuse(code, error.to_string())
}
