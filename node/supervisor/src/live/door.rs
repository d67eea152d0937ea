//! Who may come in: the run's own user, with the key, soon, and only so many at once.

use super::place::{Key, Place};
use super::service::PublicService;
use crate::home::HomeError;
use crate::shared::Shared;
use ioi_ipc::bounds::Bounds;
use ioi_ipc::proto::public::public_server::PublicServer;
use ioi_ipc::status::refuse;
use ioi_ipc::tonic::Status;
use ioi_ipc::tonic::codegen::http::{HeaderMap, header};
use ioi_ipc::{Services, pair};
use ioi_types::{ErrorCode, LogId};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;

/// Connections at once that have shown the key; a further one is closed.
const CONNECTIONS_MAX: usize = 16;
/// Connections that have not shown it yet. The oldest makes room for a further one, so that whoever
/// holds the key comes in however many others say nothing.
const UNPROVEN_MAX: usize = 64;
/// How long a connection may be there before a call has shown the key. `ioi ipc ls` connects with all
/// runs and then asks one after the other, of which some may be stopped.
const PROOF_WITHIN: Duration = Duration::from_secs(30);
/// How long after the run's end its last events may take to reach whoever reads them.
const LAST_EVENTS: Duration = Duration::from_millis(250);
/// After a failure to accept, as when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(50);

/// A run that can be watched. Its names go with this value.
pub(crate) struct Live {
    place: Place,
    log: LogId,
    listener: AbortHandle,
}

impl Live {
    /// Lets the user watch the run.
    ///
    /// # Errors
    /// When the home takes no folder or socket; nothing else depends on it.
    pub(crate) fn open(run: &Arc<Shared>) -> Result<Self, io::Error> {
        let place = Place::make(&run.settings.home).map_err(|error: HomeError| io::Error::other(error))?;
        let (listener, key) = place.listen(run.log)?;
        let listening = listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener));
        let listening = listening.inspect_err(|_| place.remove(run.log))?;
        let service = PublicService { run: Arc::clone(run) };
        let services = Services::new().with(PublicServer::new(service));
        let listener = tokio::spawn(serve(listening, services, key, PROOF_WITHIN)).abort_handle();
        Ok(Self { place, log: run.log, listener })
    }

    /// Nobody finds the run from now on; whoever watches it sees its last events first.
    pub(crate) async fn end(self, run: &Shared) {
        self.place.remove(self.log);
        run.journal.close();
        let _ = tokio::time::timeout(LAST_EVENTS, run.journal.unread()).await;
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.listener.abort();
        self.place.remove(self.log);
    }
}

async fn serve(listener: UnixListener, services: Services, key: Key, within: Duration) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut unproven: VecDeque<(AbortHandle, Arc<Proven>)> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // What is dropped here is closed without a word.
        if !is_user(&stream) {
            continue;
        }
        unproven.retain(|(task, proven)| !task.is_finished() && !proven.is());
        if unproven.len() == UNPROVEN_MAX {
            unproven.pop_front().iter().for_each(|(oldest, _)| oldest.abort());
        }
        let proven = Arc::new(Proven::default());
        let services = services.clone().proven_by(proof(&key, Arc::clone(&proven)));
        let task = tokio::spawn(meet(stream, services, Arc::clone(&proven), Arc::clone(&room), within));
        unproven.push_back((task.abort_handle(), proven));
    }
}

/// Serves one connection as long as it is there, has shown the key in time, and has a place.
async fn meet(
    stream: UnixStream,
    services: Services,
    proven: Arc<Proven>,
    room: Arc<Semaphore>,
    within: Duration,
) {
    let Ok(stream) = stream.into_std() else { return };
    let place = async {
        tokio::time::timeout(within, proven.wait()).await.ok()?;
        room.try_acquire_owned().ok()
    };
    let left = async {
        if let Some(_place) = place.await {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = pair::serve_within(stream.into(), services, Bounds::NODE) => {}
        () = left => {}
    }
}

/// Whether a call of a connection has shown the key.
#[derive(Default)]
struct Proven {
    is: AtomicBool,
    rung: Notify,
}

impl Proven {
    fn set(&self) {
        if !self.is.swap(true, Ordering::AcqRel) {
            self.rung.notify_one();
        }
    }

    fn is(&self) -> bool {
        self.is.load(Ordering::Acquire)
    }

    /// For one task: what was rung before is heard.
    async fn wait(&self) {
        self.rung.notified().await;
    }
}

/// Whether the kernel says that the caller has our uid.
fn is_user(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own)
}

/// Holds the key against what a call shows, in the same time whatever it shows.
fn proof(key: &Key, proven: Arc<Proven>) -> impl Fn(&HeaderMap) -> Result<(), Status> + Send + Sync + use<> {
    let expected = key.bearer();
    move |headers| {
        let mut shown = headers.get_all(header::AUTHORIZATION).iter();
        let is_proven = match (shown.next(), shown.next()) {
            (Some(only), None) => bool::from(only.as_bytes().ct_eq(expected.as_bytes())),
            _ => false,
        };
        let message = "the call does not show the key that lies beside the socket";
        if is_proven {
            proven.set();
            return Ok(());
        }
        Err(refuse(ErrorCode::AuthenticationFailed, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;
    use ioi_ipc::proto::public::{GetStatusRequest, public_client::PublicClient};
    use ioi_ipc::status::code;
    use ioi_ipc::tonic::transport::Channel;
    use ioi_ipc::tonic::{Code, Request};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn only_the_whole_key_shown_once_is_a_proof() {
        let base = tempfile::tempdir().unwrap();
        let home = Home { config: base.path().into(), data: base.path().into(), user: None };
        let place = Place::make(&home).unwrap();
        let (_first, key) = place.listen(LogId([1; 16])).unwrap();
        let (_second, other) = place.listen(LogId([2; 16])).unwrap();
        let right = key.bearer();
        let proven = Arc::new(Proven::default());
        let check = proof(&key, Arc::clone(&proven));
        let shown = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            check(&headers)
        };
        assert!(shown(&["Bearer"]).is_err() && !proven.is());
        assert!(shown(&[&right]).is_ok() && proven.is());
        let bare = right.trim_start_matches("Bearer ").to_owned();
        let (short, long) = (&right[..right.len() - 1], format!("{right}0"));
        let wrong: &[&[&str]] =
            &[&[], &[""], &[&other.bearer()], &[&bare], &[short], &[&long], &[&right, &right], &["", &right]];
        for values in wrong {
            let status = shown(values).unwrap_err();
            assert_eq!(
                (status.code(), code(&status)),
                (Code::Unauthenticated, ErrorCode::AuthenticationFailed)
            );
            assert!(!status.message().contains(&bare), "the key is said");
        }
    }

    /// A door that nobody is behind but health, which every channel has.
    struct Open {
        _base: tempfile::TempDir,
        place: Place,
        log: LogId,
        key: Key,
    }

    impl Open {
        fn new(within: Duration) -> Self {
            let base = tempfile::tempdir().unwrap();
            let home = Home { config: base.path().into(), data: base.path().into(), user: None };
            let (place, log) = (Place::make(&home).unwrap(), LogId([1; 16]));
            let (listener, key) = place.listen(log).unwrap();
            listener.set_nonblocking(true).unwrap();
            let listener = UnixListener::from_std(listener).unwrap();
            tokio::spawn(serve(listener, Services::new(), key.clone(), within));
            Self { _base: base, place, log, key }
        }

        async fn connect(&self) -> UnixStream {
            UnixStream::connect(self.place.socket_path(self.log)).await.unwrap()
        }

        /// Asks with the key for what is not there, and keeps the connection.
        async fn ask(&self) -> Result<(PublicClient<Channel>, ErrorCode), String> {
            let end = self.connect().await.into_std().unwrap().into();
            let mut client = PublicClient::new(pair::client(end).await.map_err(|error| error.to_string())?);
            let mut request = Request::new(GetStatusRequest {});
            request.metadata_mut().insert("authorization", self.key.bearer().parse().unwrap());
            let status = client.get_status(request).await.unwrap_err();
            Ok((client, code(&status)))
        }
    }

    async fn is_closed(mut stream: UnixStream) -> bool {
        let mut bytes = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes));
        end.await.is_ok()
    }

    #[tokio::test]
    async fn whoever_has_the_key_comes_in_past_any_number_of_silent_ones() {
        let open = Open::new(Duration::from_secs(3600));
        let mut silent = Vec::new();
        for _ in 0..UNPROVEN_MAX * 2 {
            silent.push(open.connect().await);
        }
        let (_client, code) = open.ask().await.unwrap();
        assert_eq!(code, ErrorCode::ServiceUnknown, "it was not asked what it serves");
        assert!(is_closed(silent.remove(0)).await, "the oldest has kept its place");
    }

    #[tokio::test]
    async fn a_connection_that_proves_nothing_is_closed_in_time_and_one_that_has_is_not() {
        let open = Open::new(Duration::from_millis(200));
        let (mut proven, _) = open.ask().await.unwrap();
        let silent = open.connect().await;
        let mut half = open.connect().await;
        half.write_all(b"PRI * HTTP/2.0").await.unwrap();
        let (silent, half) = tokio::join!(is_closed(silent), is_closed(half));
        assert!(silent && half, "it was waited for without end");
        let mut request = Request::new(GetStatusRequest {});
        request.metadata_mut().insert("authorization", open.key.bearer().parse().unwrap());
        assert_eq!(code(&proven.get_status(request).await.unwrap_err()), ErrorCode::ServiceUnknown);
    }

    #[tokio::test]
    async fn no_more_come_in_than_there_are_places_and_one_that_leaves_makes_room() {
        let open = Open::new(Duration::from_secs(3600));
        let mut inside = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            let (client, code) = open.ask().await.unwrap();
            assert_eq!(code, ErrorCode::ServiceUnknown);
            inside.push(client);
        }
        // Its call may still be answered before its connection is closed.
        if let Ok((mut beyond, _)) = open.ask().await {
            tokio::task::yield_now().await;
            let status = beyond.get_status(GetStatusRequest {}).await.unwrap_err();
            assert_eq!(
                code(&status),
                ErrorCode::Internal,
                "a connection beyond the bound was kept: {status}"
            );
        }
        inside.pop();
        let begun = std::time::Instant::now();
        while !matches!(open.ask().await, Ok((_, ErrorCode::ServiceUnknown))) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no place came back");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
