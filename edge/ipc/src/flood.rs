//! A socket that counts the frames of HTTP/2 which cost us work and the peer nothing.
//!
//! The library beneath bounds the memory that such frames take, not how many of
//! them there are: a peer may send pings, settings and cancelled calls for as
//! long as it likes. Here each kind has a rate. A peer that exceeds it is at
//! fault, and its connection ends.
//!
//! A frame's header is 9 bytes: length (24 bits), kind, flags, stream. Only
//! headers are looked at; payloads are skipped.

use crate::bounds::{Bounds, Rate};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What every connection of HTTP/2 begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const END_STREAM: u8 = 1;

/// Why the connection was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The first bytes are not those of HTTP/2.
    Preface,
    /// More frames of a kind than its rate allows.
    Frames(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preface => f.write_str("the peer does not speak HTTP/2"),
            Self::Frames(kind) => write!(f, "the peer floods this process with {kind}"),
        }
    }
}

impl std::error::Error for Fault {}

/// A bucket that fills at its rate; each frame takes one.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    left: f64,
    at: Instant,
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: rate.burst.into(), at: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * f64::from(self.rate.per_second)).min(self.rate.burst.into());
        self.at = now;
        self.left -= 1.0;
        self.left >= 0.0
    }
}

/// Where in the peer's bytes we are.
#[derive(Debug)]
enum Place {
    /// So many bytes of the preface came.
    Preface(usize),
    /// So many bytes of a header came.
    Header([u8; HEADER_BYTES], usize),
    /// So many bytes of a payload are left.
    Payload(usize),
}

/// Follows the frames.
#[derive(Debug)]
pub struct Meter {
    place: Place,
    resets: Bucket,
    empty: Bucket,
}

impl Meter {
    /// At the beginning of a connection.
    #[must_use]
    pub fn new(bounds: &Bounds, now: Instant) -> Self {
        Self {
            place: Place::Preface(0),
            resets: Bucket::new(bounds.resets, now),
            empty: Bucket::new(bounds.empty_frames, now),
        }
    }

    /// At the beginning of a server's side, which has no preface.
    #[must_use]
    pub fn of_server(bounds: &Bounds, now: Instant) -> Self {
        Self { place: Place::Header([0; HEADER_BYTES], 0), ..Self::new(bounds, now) }
    }

    /// Takes the next bytes of the peer, in whatever pieces they come.
    ///
    /// # Errors
    /// The first fault; nothing that comes after it is to be looked at.
    pub fn take(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Fault> {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Preface(came) => {
                    let count = bytes.len().min(PREFACE.len() - *came);
                    if bytes[..count] != PREFACE[*came..*came + count] {
                        return Err(Fault::Preface);
                    }
                    *came += count;
                    bytes = &bytes[count..];
                    if *came == PREFACE.len() {
                        self.place = Place::Header([0; HEADER_BYTES], 0);
                    }
                }
                Place::Header(header, came) => {
                    let count = bytes.len().min(HEADER_BYTES - *came);
                    header[*came..*came + count].copy_from_slice(&bytes[..count]);
                    *came += count;
                    bytes = &bytes[count..];
                    if *came == HEADER_BYTES {
                        let header = *header;
                        self.place = self.frame(header, now)?;
                    }
                }
                Place::Payload(left) => {
                    let count = bytes.len().min(*left);
                    *left -= count;
                    bytes = &bytes[count..];
                    if *left == 0 {
                        self.place = Place::Header([0; HEADER_BYTES], 0);
                    }
                }
            }
        }
        Ok(())
    }

    fn frame(&mut self, header: [u8; HEADER_BYTES], now: Instant) -> Result<Place, Fault> {
        let [high, middle, low, kind, flags, ..] = header;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        let allowed = match kind {
            // An empty end of a call's data is how many clients end it.
            DATA if length > 0 || flags & END_STREAM != 0 => true,
            HEADERS => true,
            RST_STREAM => self.resets.take(now),
            _ => self.empty.take(now),
        };
        if !allowed {
            return Err(Fault::Frames(name(kind)));
        }
        Ok(if length > 0 { Place::Payload(length) } else { Place::Header([0; HEADER_BYTES], 0) })
    }
}

const fn name(kind: u8) -> &'static str {
    match kind {
        DATA => "empty data",
        2 => "priorities",
        RST_STREAM => "cancelled calls",
        4 => "settings",
        6 => "pings",
        8 => "window updates",
        9 => "continued headers",
        _ => "frames of unknown kinds",
    }
}

/// The socket; its first fault is kept for whoever serves.
pub(crate) struct Guarded<S> {
    socket: S,
    meter: Meter,
    fault: Arc<OnceLock<Fault>>,
}

impl<S> Guarded<S> {
    pub(crate) fn new(socket: S, meter: Meter) -> (Self, Arc<OnceLock<Fault>>) {
        let fault = Arc::new(OnceLock::new());
        (Self { socket, meter, fault: Arc::clone(&fault) }, fault)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        let came = &buffer.filled()[before..];
        Poll::Ready(self.meter.take(came, Instant::now()).map_err(|fault| {
            let _ = self.fault.set(fault.clone());
            io::Error::new(io::ErrorKind::InvalidData, fault)
        }))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[length[1], length[2], length[3], kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn meter(now: Instant) -> Meter {
        let rate = Rate { burst: 3, per_second: 1 };
        Meter::new(&Bounds { resets: rate, empty_frames: rate, ..Bounds::NODE }, now)
    }

    #[test]
    fn frames_are_counted_wherever_reads_cut_them() {
        let now = Instant::now();
        let mut bytes = PREFACE.to_vec();
        // A payload that looks like pings is none.
        bytes.extend(frame(DATA, 0, &frame(6, 0, &[0; 8]).repeat(20)));
        bytes.extend(frame(6, 0, &[0; 8]).repeat(3));
        bytes.extend(frame(RST_STREAM, 0, &[0; 4]).repeat(3));
        for piece in [1, 2, 7, 9, 10, bytes.len()] {
            let mut meter = meter(now);
            for part in bytes.chunks(piece) {
                meter.take(part, now).unwrap();
            }
            assert_eq!(meter.take(&frame(6, 0, &[0; 8]), now), Err(Fault::Frames("pings")), "{piece}");
        }
    }

    #[test]
    fn each_kind_is_refused_by_name_and_time_gives_room_again() {
        let now = Instant::now();
        let kinds = [
            (DATA, "empty data"),
            (2, "priorities"),
            (RST_STREAM, "cancelled calls"),
            (4, "settings"),
            (6, "pings"),
            (8, "window updates"),
            (9, "continued headers"),
            (77, "frames of unknown kinds"),
        ];
        for (kind, name) in kinds {
            let mut meter = meter(now);
            meter.take(PREFACE, now).unwrap();
            for _ in 0..3 {
                meter.take(&frame(kind, 0, &[]), now).unwrap();
            }
            meter.take(&frame(kind, 0, &[]), now + Duration::from_secs(1)).unwrap();
            let refused = meter.take(&frame(kind, 0, &[]), now + Duration::from_secs(1));
            assert_eq!(refused, Err(Fault::Frames(name)));
        }
    }

    #[test]
    fn calls_and_their_data_are_never_counted() {
        let now = Instant::now();
        let mut meter = meter(now);
        meter.take(PREFACE, now).unwrap();
        for _ in 0..1000 {
            meter.take(&frame(HEADERS, 4, b"x"), now).unwrap();
            meter.take(&frame(DATA, 0, b"x"), now).unwrap();
            meter.take(&frame(DATA, END_STREAM, &[]), now).unwrap();
        }
    }

    #[test]
    fn what_is_not_http_2_is_refused_at_its_first_wrong_byte() {
        let now = Instant::now();
        for bytes in [&b"GET / HTTP/1.1\r\n"[..], b"\x16\x03\x01", b"PRI * HTTP/2.1"] {
            assert_eq!(meter(now).take(bytes, now), Err(Fault::Preface));
        }
        assert_eq!(meter(now).take(b"PRI * HTTP/2.0", now), Ok(()));
    }
}
