//! The link against a plugin that asks and no longer wants the answer.

use super::*;
use ioi_plugin::PluginConfig;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Begins every call and ends it when there is leave.
struct Held {
    begun: AtomicUsize,
    ended: AtomicUsize,
    leave: Semaphore,
}

impl Services for Held {
    fn call(self: Arc<Self>, _: Request) -> BoxFuture<'static, Result<Response, CallError>> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.leave.acquire().await.unwrap().forget();
            self.ended.fetch_add(1, Ordering::SeqCst);
            Ok(Response::new(b"{}".to_vec()))
        })
    }
}

/// The plugin's end of the connection.
struct Peer {
    session: Session,
    socket: UnixStream,
    effects: Effects,
    started: Instant,
}

impl Peer {
    fn new(socket: std::os::unix::net::UnixStream) -> Self {
        socket.set_nonblocking(true).unwrap();
        let (started, mut effects) = (Instant::now(), Effects::new());
        let session = Session::plugin(PluginConfig::new("test", [1; 32]), now(started), &mut effects);
        Self { session, socket: UnixStream::from_std(socket).unwrap(), effects, started }
    }

    /// Writes what there is, reads once, and gives what came of it.
    async fn turn(&mut self) -> Vec<Effect> {
        let bytes = self.effects.take_bytes();
        self.socket.write_all(&bytes).await.unwrap();
        let mut buffer = vec![0; READ_BYTES];
        let length = self.socket.read(&mut buffer).await.unwrap();
        assert!(length > 0, "the host hung up");
        self.session.receive(now(self.started), &buffer[..length], &mut self.effects);
        std::mem::take(&mut self.effects.list)
    }

    /// Asks, cancels at once, and waits for how the host settles it.
    async fn ask_and_cancel(&mut self) {
        let now = now(self.started);
        let request = Request::new("fs::read", b"{}".to_vec(), 60_000);
        let id = self.session.call(now, &request, &mut self.effects).unwrap();
        self.session.cancel(now, id, &mut self.effects).unwrap();
        while self.session.calls_open() > 0 {
            self.turn().await;
        }
    }
}

async fn connected() -> (Peer, Arc<Held>, Link) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut peer = Peer::new(theirs);
    let held =
        Arc::new(Held { begun: AtomicUsize::new(0), ended: AtomicUsize::new(0), leave: Semaphore::new(0) });
    let (link, _) = tokio::join!(Link::start(ours.into(), Arc::clone(&held), 5_000), peer.turn());
    (peer, held, link.unwrap())
}

#[tokio::test]
async fn cancelled_calls_are_carried_out_and_their_number_is_bounded() {
    let (mut peer, held, _link) = connected().await;
    for _ in 0..WORKING_MAX {
        peer.ask_and_cancel().await;
    }
    assert_eq!(held.begun.load(Ordering::SeqCst), WORKING_MAX);

    let request = Request::new("fs::read", b"{}".to_vec(), 60_000);
    let id = peer.session.call(now(peer.started), &request, &mut peer.effects).unwrap();
    let effects = peer.turn().await;
    let [Effect::Failed { id: failed, error }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((*failed, error.code()), (id, Some(ErrorCode::QuotaCalls)));
    assert_eq!(held.begun.load(Ordering::SeqCst), WORKING_MAX, "one more was begun");

    held.leave.add_permits(WORKING_MAX + 1);
    while held.ended.load(Ordering::SeqCst) < WORKING_MAX {
        tokio::task::yield_now().await;
    }
    // The room comes back with the answers, which the link still has to take.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    peer.session.call(now(peer.started), &request, &mut peer.effects).unwrap();
    let effects = peer.turn().await;
    assert!(matches!(effects[..], [Effect::Response { .. }]), "{effects:?}");
}
