//! From the stream's bytes to the tokens and the whole answer.

use crate::service::{Events, token};
use ioi_completion::{Reader, cited};
use ioi_ipc::proto::control::ComposeResult;
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_types::{Digest, ErrorCode};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

/// Reads the answer to its end and tells of it piece by piece.
pub(crate) async fn compose(
    mut stream: UnixStream,
    passages: u32,
    events: &Events,
) -> Result<ComposeResult, Status> {
    let (mut reader, mut hasher, mut bytes) = (Reader::default(), blake3::Hasher::new(), 0_u64);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = stream.read(&mut buffer).await.map_err(|error| {
            refuse(ErrorCode::EgressFailed, format!("the answer's stream broke: {error}"))
        })?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        hasher.update(&buffer[..count]);
        let piece = reader.take(&buffer[..count]);
        if !piece.is_empty() {
            // Nobody who waits means that nobody needs to know; the job is ending.
            let _ = events.send(Ok(token(piece))).await;
        }
    }
    let read = reader.finish();
    Ok(ComposeResult {
        cited: cited(&read.text, passages),
        text: read.text,
        bytes,
        digest: Digest::blake3(*hasher.finalize().as_bytes()).to_string(),
        trouble: read.trouble.unwrap_or_default(),
    })
}
