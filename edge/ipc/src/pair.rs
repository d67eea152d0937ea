//! gRPC over one connected Unix stream pair that the supervisor made: no
//! listening socket, no address, one peer for the pair's whole life.

use futures::{StreamExt, stream};
use hyper_util::rt::TokioIo;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Mutex;
use std::time::Duration;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, server::Router};

/// The largest message of the control plane; bulk data goes by handle.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

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
    let once = Mutex::new(Some(stream(end)?));
    let connector = tower::service_fn(move |_| {
        let taken = once.lock().ok().and_then(|mut slot| slot.take());
        async move { taken.map(TokioIo::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)) }
    });
    endpoint.connect_with_connector(connector).await.map_err(io::Error::other)
}

/// Serves `router` to the peer on the other end until the task is dropped.
///
/// # Errors
/// When the descriptor is not a connected stream socket, or the transport fails.
pub async fn serve(end: OwnedFd, router: Router) -> io::Result<()> {
    let only = stream(end)?;
    let incoming = stream::once(async { Ok::<_, io::Error>(only) }).chain(stream::pending());
    router.serve_with_incoming(incoming).await.map_err(io::Error::other)
}
