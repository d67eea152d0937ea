//! capnp-rpc: two-party RPC over a Unix socket pair, each side on a current-thread runtime.

use crate::cell::Cell;
use crate::channel::{Channel, Connect};
use crate::far::Reactor;
use crate::link::{Link, socket_pair};
use anyhow::{Context, Result};
use capnp::message::ReaderOptions;
use capnp_rpc::rpc_twoparty_capnp::Side as VatSide;
use capnp_rpc::{RpcSystem, twoparty};
use std::cell::RefCell;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod peer_capnp {
    include!(concat!(env!("OUT_DIR"), "/peer_capnp.rs"));
}
use peer_capnp::peer;

/// Either end, on its runtime.
pub struct CapnpRpc {
    runtime: Runtime,
    tasks: LocalSet,
    side: Side,
}

enum Side {
    Near { peer: peer::Client, asked: Option<Asked> },
    Far(StdStream),
}

type Asked = capnp::capability::RemotePromise<peer::ask_results::Owned>;

fn options() -> ReaderOptions {
    // Every message here is read in full, however large.
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(None);
    options
}

type Network = twoparty::VatNetwork<futures::io::BufReader<Compat<OwnedReadHalf>>>;

fn network(stream: StdStream, side: VatSide) -> Result<Box<Network>> {
    let (input, output) = UnixStream::from_std(stream)?.into_split();
    let input = futures::io::BufReader::new(input.compat());
    let output = futures::io::BufWriter::new(output.compat_write());
    Ok(Box::new(Network::new(input, output, side, options())))
}

/// The service: each message goes to the reactor.
struct Answerer {
    reactor: RefCell<Reactor>,
    done: Notify,
}

impl Answerer {
    fn react(&self, data: &[u8]) {
        let mut reactor = self.reactor.borrow_mut();
        reactor.react(data);
        if reactor.is_done() {
            self.done.notify_one();
        }
    }
}

/// What the generated code calls.
struct Service(Rc<Answerer>);

impl peer::Server for Service {
    async fn ask(
        self: capnp::capability::Rc<Self>,
        params: peer::AskParams,
        mut results: peer::AskResults,
    ) -> Result<(), capnp::Error> {
        self.0.react(params.get()?.get_data()?);
        let mut reactor = self.0.reactor.borrow_mut();
        if let Some(answer) = reactor.take_answer() {
            answer.write(results.get().init_data(reactor.answer_bytes() as u32));
        }
        Ok(())
    }

    async fn note(self: capnp::capability::Rc<Self>, params: peer::NoteParams) -> Result<(), capnp::Error> {
        self.0.react(params.get()?.get_data()?);
        Ok(())
    }
}

async fn answer(stream: StdStream, reactor: Reactor) -> Result<()> {
    let answerer = Rc::new(Answerer { reactor: RefCell::new(reactor), done: Notify::new() });
    let client: peer::Client = capnp_rpc::new_client(Service(answerer.clone()));
    let system = RpcSystem::new(network(stream, VatSide::Server)?, Some(client.client));
    tokio::select! {
        served = system => Ok(served?),
        () = answerer.done.notified() => Ok(()),
    }
}

impl CapnpRpc {
    fn new(side: impl FnOnce(&Runtime, &LocalSet) -> Result<Side>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tasks = LocalSet::new();
        let side = side(&runtime, &tasks)?;
        Ok(Self { runtime, tasks, side })
    }
}

impl Channel for CapnpRpc {
    fn send(&mut self, bytes: usize, fill: impl FnOnce(&mut [u8])) -> Result<()> {
        let Side::Near { peer, asked } = &mut self.side else { unreachable!("the far side answers calls") };
        let mut request = peer.ask_request();
        fill(request.get().init_data(bytes as u32));
        // The call is sent when its tasks run, at the latest by waiting for its answer.
        *asked = Some(self.tasks.block_on(&self.runtime, async { request.send() }));
        Ok(())
    }

    fn send_many(
        &mut self,
        bytes: usize,
        count: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) -> Result<()> {
        let Side::Near { peer, .. } = &self.side else { unreachable!("as above") };
        self.tasks.block_on(&self.runtime, async {
            for index in 0..count - 1 {
                let mut request = peer.note_request();
                fill(index, request.get().init_data(bytes as u32));
                request.send().await?;
            }
            Ok::<_, capnp::Error>(())
        })?;
        self.send(bytes, |out| fill(count - 1, out))
    }

    fn receive<T>(&mut self, read: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let Side::Near { asked, .. } = &mut self.side else { unreachable!("as above") };
        let promise = asked.take().context("nothing was asked")?.promise;
        let response = self.tasks.block_on(&self.runtime, promise)?;
        Ok(read(response.get()?.get_data()?))
    }

    fn serve(self, reactor: Reactor) -> Result<()> {
        let Side::Far(stream) = self.side else { unreachable!("the near side asks") };
        self.tasks.block_on(&self.runtime, answer(stream, reactor))
    }

    fn drive(&mut self, time: Duration) -> Result<()> {
        let time = time.max(Duration::from_millis(1));
        self.tasks.block_on(&self.runtime, async { tokio::time::sleep(time).await });
        Ok(())
    }
}

fn open(runtime: &Runtime, tasks: &LocalSet, stream: StdStream) -> Result<Side> {
    tasks.block_on(runtime, async {
        let mut system = RpcSystem::new(network(stream, VatSide::Client)?, None);
        let peer = system.bootstrap(VatSide::Server);
        tokio::task::spawn_local(system);
        Ok(Side::Near { peer, asked: None })
    })
}

impl Connect for CapnpRpc {
    const PRIVATE: bool = true;

    fn near(link: &mut Link, _: &Cell) -> Result<Self> {
        let (stream, theirs) = socket_pair()?;
        link.send_descriptors(&[theirs.as_fd()])?;
        Self::new(|runtime, tasks| open(runtime, tasks, stream))
    }

    fn far(link: &mut Link, _: &Cell) -> Result<Self> {
        let [stream] = link.receive_descriptors()?;
        Self::new(|_, _| Ok(Side::Far(stream.into())))
    }
}
