//! From the stream's bytes to the tokens and the whole answer.

use ioi_completion::{Reader, cited};
use ioi_ipc::proto::control::{ComposeEvent, Composed, compose_event::Event};
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_types::{Digest, ErrorCode};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// Reads the answer to its end and tells of it piece by piece.
pub(crate) async fn compose(
    mut stream: UnixStream,
    passages: u32,
    to: mpsc::Sender<Result<ComposeEvent, Status>>,
) {
    let (mut reader, mut hasher, mut bytes) = (Reader::default(), blake3::Hasher::new(), 0_u64);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) => {
                let failed = refuse(ErrorCode::EgressFailed, format!("the answer's stream broke: {error}"));
                // Nobody who waits means that nobody needs to know; so below.
                return drop(to.send(Err(failed)).await);
            }
        };
        bytes += count as u64;
        hasher.update(&buffer[..count]);
        let token = reader.take(&buffer[..count]);
        if !token.is_empty() && to.send(Ok(event(Event::Token(token.to_owned())))).await.is_err() {
            return;
        }
    }
    let read = reader.finish();
    let composed = Composed {
        cited: cited(&read.text, passages),
        text: read.text,
        bytes,
        digest: Digest::blake3(*hasher.finalize().as_bytes()).to_string(),
        trouble: read.trouble.unwrap_or_default(),
    };
    let _ = to.send(Ok(event(Event::Composed(composed)))).await;
}

fn event(event: Event) -> ComposeEvent {
    ComposeEvent { event: Some(event) }
}
