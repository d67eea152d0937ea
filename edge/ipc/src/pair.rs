//! gRPC over one connected Unix stream pair that the supervisor made: no
//! listening socket, no address, one peer for the pair's whole life.

use crate::bounds::Bounds;
use crate::flood::{Guarded, Meter};
use crate::server::{self, at_fault};
use crate::services::Services;
use hyper_util::rt::TokioIo;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

pub use crate::bounds::MESSAGE_BYTES_MAX;

/// The authority is never resolved: the connector ignores it.
const NOBODY: &str = "http://pair.invalid";

/// Two connected ends.
///
/// # Errors
/// Those of `socketpair`.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (one, other) = StdUnixStream::pair()?;
    Ok((one.into(), other.into()))
}

fn stream(end: OwnedFd) -> io::Result<UnixStream> {
    let end = StdUnixStream::from(end);
    end.set_nonblocking(true)?;
    UnixStream::from_std(end)
}

/// A client on one end. When the peer is gone every call fails; there is no reconnecting.
///
/// # Errors
/// When the descriptor is not a connected stream socket.
pub async fn client(end: OwnedFd) -> io::Result<Channel> {
    connect(end, Endpoint::from_static(NOBODY)).await
}

/// As [`client`], for a peer that must answer every call within `deadline`: one
/// that is stopped or stuck is as good as gone.
///
/// # Errors
/// As [`client`].
pub async fn client_within(end: OwnedFd, deadline: Duration) -> io::Result<Channel> {
    connect(end, Endpoint::from_static(NOBODY).timeout(deadline)).await
}

async fn connect(end: OwnedFd, endpoint: Endpoint) -> io::Result<Channel> {
    // A server that floods is at fault; every call from then on fails with that as its cause.
    let meter = Meter::of_server(&Bounds::SERVER, Instant::now());
    let (guarded, fault) = Guarded::new(stream(end)?, meter);
    let once = Mutex::new(Some(guarded));
    let connector = tower::service_fn(move |_| {
        let taken = once.lock().ok().and_then(|mut slot| slot.take());
        let gone = fault.get().map_or_else(|| io::ErrorKind::NotConnected.into(), at_fault);
        async move { taken.map(TokioIo::new).ok_or(gone) }
    });
    let endpoint = endpoint.http2_max_header_list_size(Bounds::NODE.header_list_bytes);
    endpoint.connect_with_connector(connector).await.map_err(io::Error::other)
}

/// Serves the peer on the other end, within [`Bounds::NODE`], until the task is dropped; that the peer has gone
/// is seen where processes are watched.
///
/// # Errors
/// When the descriptor is not a connected stream socket, and when the peer breaks the bounds so that its
/// connection was ended.
pub async fn serve(end: OwnedFd, services: Services) -> io::Result<()> {
    serve_within(end, services, Bounds::NODE).await?;
    std::future::pending().await
}

/// As [`serve`], within other bounds; answers when the peer has gone.
///
/// # Errors
/// As [`serve`].
pub async fn serve_within(end: OwnedFd, services: Services, bounds: Bounds) -> io::Result<()> {
    server::serve(stream(end)?, services, bounds).await
}
