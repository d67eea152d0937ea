//! One connection: what comes in is held against the bounds, what goes out against its deadline.

use crate::bounds::Bounds;
use crate::deadline;
use crate::flood::{Fault, Guarded, Meter};
use crate::methods::{ceiling, method};
use crate::services::{Served, Services};
use crate::status::{missing_part, number, refuse};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, header};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use ioi_types::ErrorCode;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Sleep, sleep, timeout};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Bytes, Service};
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::service::Routes;

/// Serves one peer until it is gone; an error is the peer's fault.
pub(crate) async fn serve<S>(socket: S, services: Services, bounds: Bounds) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (socket, fault) = Guarded::new(socket, Meter::new(&bounds, Instant::now()));
    let peer = Arc::new(Peer {
        services: services.finished().await,
        bounds,
        bytes: AtomicUsize::new(0),
        unread: Notify::new(),
    });
    let calls = Arc::clone(&peer);
    let handler = service_fn(move |request| Arc::clone(&calls).exchange(request));
    let connection = library(&bounds).serve_connection(TokioIo::new(socket), handler);
    tokio::select! {
        // How a connection ends otherwise says nothing that its calls don't.
        _ = connection => match fault.get() {
            Some(fault) => Err(at_fault(fault)),
            None => Ok(()),
        },
        () = peer.unread.notified() => {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read its answers"))
        }
    }
}

pub(crate) fn at_fault(fault: &Fault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault.clone())
}

fn library(bounds: &Bounds) -> http2::Builder<TokioExecutor> {
    let (interval, within) = bounds.keep_alive;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(bounds.header_list_bytes)
        .header_table_size(bounds.header_table_bytes)
        .max_concurrent_streams(bounds.streams)
        .initial_stream_window_size(bounds.stream_window_bytes)
        .initial_connection_window_size(bounds.connection_window_bytes)
        .max_frame_size(bounds.frame_bytes)
        .max_send_buf_size(bounds.send_buffer_bytes)
        .max_pending_accept_reset_streams(bounds.resets_pending)
        .max_local_error_reset_streams(bounds.resets_pending)
        .keep_alive_interval(interval)
        .keep_alive_timeout(within);
    builder
}

/// One connection's peer.
struct Peer {
    services: Served,
    bounds: Bounds,
    /// Request bytes of all calls under way.
    bytes: AtomicUsize,
    /// Rung when an answer stays unread after its deadline.
    unread: Notify,
}

impl Peer {
    async fn exchange(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
        let (mut routes, time) = match self.admit(&request) {
            Ok(admitted) => admitted,
            Err(status) => return Ok(status.into_http()),
        };
        let call = Arc::new(Call::new(&self, time));
        let counted = Arc::clone(&call);
        let request = request.map(|body| Body::new(Counted { body, call: counted }));
        let answer = routes.call(request);
        let answer = match time {
            Some(time) => timeout(time, answer).await.unwrap_or_else(|_| Ok(late(time).into_http())),
            None => answer.await,
        };
        let timer = time.map(|time| (Box::pin(sleep(call.left(time))), time));
        let mut answer = answer?;
        number(answer.headers_mut());
        Ok(answer.map(|body| Body::new(Timed { body: Some(body), timer, _call: call })))
    }

    /// What must hold before anything of a call is read.
    fn admit(&self, request: &Request<Incoming>) -> Result<(Routes, Option<Duration>), Status> {
        self.services.admits(request.headers())?;
        let path = request.uri().path();
        // Every method of ours is in the table, so that what is not there has a name for it.
        let is_ours = path.starts_with("/ioi.");
        let routes = self.services.route(path).filter(|_| !is_ours || method(path).is_some());
        let routes = routes.ok_or_else(|| {
            let shown: String = path.chars().take(128).collect();
            refuse(ErrorCode::ServiceUnknown, format!("this channel serves no `{shown}`"))
        })?;
        binary_headers(request.headers())?;
        let time = deadline::of(request.headers(), ceiling(path, self.bounds.deadline))?;
        match method(path).and_then(|method| method.part) {
            Some(part) => Err(missing_part(part)),
            None => Ok((routes, time)),
        }
    }
}

fn late(time: Duration) -> Status {
    refuse(ErrorCode::DeadlineExceeded, format!("the call was not finished within {} ms", time.as_millis()))
}

/// Binary metadata is base64, or the call is refused; nobody looks at it later.
fn binary_headers(headers: &HeaderMap) -> Result<(), Status> {
    if !headers.keys().any(|name| name.as_str().ends_with("-bin")) {
        return Ok(());
    }
    for entry in MetadataMap::from_headers(headers.clone()).iter() {
        if let KeyAndValueRef::Binary(name, value) = entry
            && value.to_bytes().is_err()
        {
            return Err(refuse(ErrorCode::ArgumentInvalid, format!("the header `{name}` is not base64")));
        }
    }
    Ok(())
}

/// One call under way: what it holds is given back when its answer has gone.
struct Call {
    peer: Arc<Peer>,
    bytes: AtomicUsize,
    began: tokio::time::Instant,
    watch: Option<AbortHandle>,
}

impl Call {
    fn new(peer: &Arc<Peer>, time: Option<Duration>) -> Self {
        let watch = time.map(|time| {
            let (peer, until) = (Arc::clone(peer), time.saturating_add(peer.bounds.grace));
            let watch = tokio::spawn(async move {
                sleep(until).await;
                peer.unread.notify_one();
            });
            watch.abort_handle()
        });
        let began = tokio::time::Instant::now();
        Self { peer: Arc::clone(peer), bytes: AtomicUsize::new(0), began, watch }
    }

    fn left(&self, time: Duration) -> Duration {
        time.saturating_sub(self.began.elapsed())
    }

    /// Charges request bytes to the peer.
    fn charge(&self, bytes: usize) -> Result<(), Status> {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let before = self.peer.bytes.fetch_add(bytes, Ordering::Relaxed);
        let most = self.peer.bounds.request_bytes;
        if before.saturating_add(bytes) > most {
            let message = format!("the requests under way on this channel have more than {most} bytes");
            return Err(refuse(ErrorCode::QuotaMemory, message));
        }
        Ok(())
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.peer.bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
        if let Some(watch) = &self.watch {
            watch.abort();
        }
    }
}

/// A request's body, charged as it comes.
struct Counted {
    body: Incoming,
    call: Arc<Call>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let broken =
            |error: hyper::Error| refuse(ErrorCode::Cancelled, format!("the call broke off: {error}"));
        Poll::Ready(match ready!(Pin::new(&mut self.body).poll_frame(context)) {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                Some(self.call.charge(bytes).map(|()| frame))
            }
            Some(Err(error)) => Some(Err(broken(error))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body, cut off with the deadline's own trailers.
struct Timed {
    body: Option<Body>,
    timer: Option<(Pin<Box<Sleep>>, Duration)>,
    _call: Arc<Call>,
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Poll::Ready(mut frame) = Pin::new(body).poll_frame(context) {
            if let Some(trailers) = frame.as_mut().and_then(|frame| frame.as_mut().ok()?.trailers_mut()) {
                number(trailers);
            }
            return Poll::Ready(frame);
        }
        let Some((timer, time)) = &mut this.timer else { return Poll::Pending };
        ready!(timer.as_mut().poll(context));
        // Whoever writes the answer is told by this that nobody reads on.
        this.body = None;
        Poll::Ready(Some(Ok(Frame::trailers(trailers(late(*time))))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

fn trailers(status: Status) -> HeaderMap {
    let mut headers = status.into_http::<Body>().into_parts().0.headers;
    headers.remove(header::CONTENT_TYPE);
    headers
}
