//! HTTP/2 by the byte, for what no library would send.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The preface, with our settings.
pub(crate) fn opening(settings: &[u8]) -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, settings)].concat()
}

/// A string as HPACK has it, without Huffman's code.
fn text(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if text.len() < 127 {
        out.push(u8::try_from(text.len()).unwrap());
    } else {
        out.push(127);
        let mut left = text.len() - 127;
        while left >= 128 {
            out.push((left % 128) as u8 | 128);
            left /= 128;
        }
        out.push(left as u8);
    }
    out.extend_from_slice(text);
    out
}

/// One header that goes into no table, or, with 0x40, into the table of both.
pub(crate) fn header(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], &text(name.as_bytes())[..], &text(value)].concat()
}

/// The headers of a call.
pub(crate) fn call(path: &str) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "pair.invalid"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    headers.iter().flat_map(|(name, value)| header(0, name, value.as_bytes())).collect()
}

/// Long, for a machine that does other things as well; a connection that is closed is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The server closed it.
    Closed,
    /// It took everything and is still there.
    Open,
}

/// Sends `piece` so many times, reading whatever comes, and sees how it ends.
pub(crate) async fn send(
    stream: UnixStream,
    opening: &[u8],
    mut piece: impl FnMut(u32) -> Vec<u8>,
    times: u32,
) -> End {
    let (mut reads, mut writes) = stream.into_split();
    let reader = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        // An error is a connection that was reset.
        while matches!(reads.read(&mut buffer).await, Ok(1..)) {}
    });
    let sent = async {
        writes.write_all(opening).await?;
        for number in 0..times {
            writes.write_all(&piece(number)).await?;
        }
        writes.flush().await
    };
    // A server that neither reads nor closes has stopped taking more, which bounds it as well.
    let _ = tokio::time::timeout(PATIENCE, sent).await;
    let closed = tokio::time::timeout(PATIENCE, reader).await;
    if closed.is_ok() { End::Closed } else { End::Open }
}

/// Reads frames until one is of that kind; `None` when the connection closes before.
pub(crate) async fn next(stream: &mut UnixStream, wanted: u8) -> Option<(u8, u32, Vec<u8>)> {
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.ok()?;
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.ok()?;
        if header[3] == wanted {
            let id = u32::from_be_bytes([header[5], header[6], header[7], header[8]]);
            return Some((header[4], id, payload));
        }
    }
}
