//! Calls by a plain HTTP/2 client, which sends whatever it is given.

use bytes::Bytes;
use http::{HeaderMap, Request};
use ioi_ipc::status::code;
use ioi_ipc::tonic::{Code, Status};
use ioi_types::ErrorCode;
use std::time::Duration;
use tokio::net::UnixStream;

pub(crate) const EXECUTE: &str = "/ioi.control.v1.Workload/ExecuteJob";
pub(crate) const HEALTH_CHECK: &str = "/ioi.control.v1.Workload/HealthCheck";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
/// Nothing takes longer, or it hangs.
const WITHIN: Duration = Duration::from_secs(10);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) http: u16,
    pub(crate) status: Option<Status>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// gRPC's code, ours, and the sentence.
    pub(crate) fn refusal(&self) -> (Code, ErrorCode, &str) {
        let status = self.status.as_ref().expect("no status came");
        (status.code(), code(status), status.message())
    }
}

/// A message in its frame.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

/// A field of protobuf that has a length, at any number below 16.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut left) = (vec![number << 3 | 2], bytes.len());
    while left >= 0x80 {
        out.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
    out.extend_from_slice(bytes);
    out
}

/// A connection to call over.
pub(crate) struct Client(h2::client::SendRequest<Bytes>);

impl Client {
    pub(crate) async fn new(stream: UnixStream) -> Self {
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }

    /// One call; an error is that of the transport.
    pub(crate) async fn call(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, h2::Error> {
        tokio::time::timeout(WITHIN, self.exchange(path, headers, body)).await.expect("it hangs")
    }

    async fn exchange(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, h2::Error> {
        let mut request = Request::post(format!("http://pair.invalid{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client = self.0.clone().ready().await?;
        let (response, mut sender) = { client }.send_request(request.body(()).unwrap(), false)?;
        // A server that has refused already takes no more; its answer says why.
        let _ = sender.send_data(Bytes::from(body), true);
        let (head, mut incoming) = response.await?.into_parts();
        let mut body = Vec::new();
        while let Some(data) = incoming.data().await {
            let data = data?;
            incoming.flow_control().release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        let trailers: HeaderMap = incoming.trailers().await?.unwrap_or_default();
        let status = Status::from_header_map(&trailers).or_else(|| Status::from_header_map(&head.headers));
        Ok(Answer { http: head.status.as_u16(), status, body })
    }
}

/// One call over a connection of its own.
pub(crate) async fn call(
    stream: UnixStream,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Answer, h2::Error> {
    Client::new(stream).await.call(path, headers, body).await
}

/// Whether the standard health service says that all is well.
pub(crate) async fn health(stream: UnixStream) -> Result<(), String> {
    let answer = call(stream, HEALTH, &[], framed(&[])).await.map_err(|error| error.to_string())?;
    let (code, _, message) = answer.refusal();
    // SERVING is 1.
    let is_serving = answer.body == framed(&[0x08, 1]);
    if code == Code::Ok && is_serving { Ok(()) } else { Err(format!("{code:?} {message} {:?}", answer.body)) }
}
