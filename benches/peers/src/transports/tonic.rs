//! tonic: one bidirectional stream over a Unix socket pair, each side on a current-thread runtime.

use crate::cell::{BULK_BYTES, Cell};
use crate::channel::{Channel, Connect};
use crate::far::Reactor;
use crate::link::{Link, socket_pair};
use crate::payload::Answer;
use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use hyper_util::rt::TokioIo;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::sync::{Notify, mpsc};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status, Streaming};

#[allow(missing_docs, clippy::all)]
mod proto {
    tonic::include_proto!("ioi.peers");
}
use proto::Blob;
use proto::peer_client::PeerClient;
use proto::peer_server::{Peer, PeerServer};

/// Messages that may wait for the connection's task.
const QUEUE: usize = 64;
const MESSAGE_BYTES_MAX: usize = BULK_BYTES + 1024;
/// The largest that HTTP/2 knows.
const WINDOW_BYTES: u32 = (1 << 31) - 1;
const FRAME_BYTES: u32 = (1 << 24) - 1;

/// Either end, on its runtime.
pub struct Tonic {
    runtime: Runtime,
    side: Side,
}

enum Side {
    Near { out: mpsc::Sender<Blob>, inwards: Box<Streaming<Blob>> },
    Far(StdStream),
}

fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn filled(bytes: usize, fill: impl FnOnce(&mut [u8])) -> Blob {
    let mut data = BytesMut::zeroed(bytes);
    fill(&mut data);
    Blob { data: data.freeze() }
}

async fn open(stream: StdStream) -> Result<Side> {
    let mut stream = Some(UnixStream::from_std(stream)?);
    let connector = tower::service_fn(move |_| {
        let stream = stream.take().map(TokioIo::new);
        async move { stream.ok_or_else(|| std::io::Error::other("the pair is connected once")) }
    });
    let endpoint = Endpoint::from_static("http://peer").initial_stream_window_size(WINDOW_BYTES);
    let endpoint = endpoint.initial_connection_window_size(WINDOW_BYTES).max_frame_size(FRAME_BYTES);
    let client = PeerClient::new(endpoint.connect_with_connector(connector).await?);
    let mut client =
        client.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX);
    let (out, queue) = mpsc::channel(QUEUE);
    let inwards = client.talk(ReceiverStream::new(queue)).await?.into_inner();
    Ok(Side::Near { out, inwards: Box::new(inwards) })
}

/// The service: each message goes to the reactor.
struct Answerer {
    reactor: Arc<Mutex<Reactor>>,
    done: Arc<Notify>,
}

#[tonic::async_trait]
impl Peer for Answerer {
    type TalkStream = ReceiverStream<Result<Blob, Status>>;

    async fn talk(&self, request: Request<Streaming<Blob>>) -> Result<Response<Self::TalkStream>, Status> {
        let (out, queue) = mpsc::channel(QUEUE);
        let (reactor, done) = (self.reactor.clone(), self.done.clone());
        let mut inwards = request.into_inner();
        tokio::spawn(async move {
            while let Ok(Some(blob)) = inwards.message().await {
                let Some((answer, bytes)) = reacted(&reactor, &blob.data) else { break };
                if let Some(answer) = answer
                    && out.send(Ok(filled(bytes, |out| answer.write(out)))).await.is_err()
                {
                    break;
                }
            }
            done.notify_one();
        });
        Ok(Response::new(ReceiverStream::new(queue)))
    }
}

/// The answer, if there is one, and its size; nothing after the last message.
fn reacted(reactor: &Mutex<Reactor>, data: &Bytes) -> Option<(Option<Answer>, usize)> {
    let mut reactor = reactor.lock().ok()?;
    reactor.react(data);
    (!reactor.is_done()).then(|| (reactor.take_answer(), reactor.answer_bytes()))
}

async fn answer(stream: StdStream, reactor: Reactor) -> Result<()> {
    let done = Arc::new(Notify::new());
    let service = Answerer { reactor: Arc::new(Mutex::new(reactor)), done: done.clone() };
    let service = PeerServer::new(service);
    let service =
        service.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX);
    let server = Server::builder().initial_stream_window_size(WINDOW_BYTES);
    let mut server = server.initial_connection_window_size(WINDOW_BYTES).max_frame_size(FRAME_BYTES);
    let stream = UnixStream::from_std(stream)?;
    // A server whose listener has ended sends its clients away.
    let incoming = tokio_stream::once(Ok::<_, std::io::Error>(stream)).chain(tokio_stream::pending());
    tokio::select! {
        served = server.add_service(service).serve_with_incoming(incoming) => Ok(served?),
        () = done.notified() => Ok(()),
    }
}

impl Channel for Tonic {
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        let Side::Near { out, .. } = &self.side else { unreachable!("the far side answers by its service") };
        self.runtime.block_on(out.send(filled(bytes, fill))).context("the connection ended")
    }

    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let Side::Near { inwards, .. } = &mut self.side else { unreachable!("as above") };
        let blob = self.runtime.block_on(inwards.message())?.context("the stream ended")?;
        Ok(read(&blob.data))
    }

    fn serve(self, reactor: Reactor) -> Result<()> {
        let Side::Far(stream) = self.side else { unreachable!("the near side asks") };
        self.runtime.block_on(answer(stream, reactor))
    }

    fn drive(&mut self, time: Duration) -> Result<()> {
        let time = time.max(Duration::from_millis(1));
        self.runtime.block_on(async { tokio::time::sleep(time).await });
        Ok(())
    }
}

impl Connect for Tonic {
    const PRIVATE: bool = true;

    fn near(link: &mut Link, _: &Cell) -> Result<Self> {
        let (stream, theirs) = socket_pair()?;
        link.send_descriptors(&[theirs.as_fd()])?;
        let runtime = runtime()?;
        let side = runtime.block_on(open(stream))?;
        Ok(Self { runtime, side })
    }

    fn far(link: &mut Link, _: &Cell) -> Result<Self> {
        let [stream] = link.receive_descriptors()?;
        Ok(Self { runtime: runtime()?, side: Side::Far(stream.into()) })
    }
}
