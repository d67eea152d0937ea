//! Who may come in: the run's own user, with the key, and only so many at once.

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
use std::io;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

/// Connections at once; a further one is closed.
const CONNECTIONS_MAX: usize = 16;
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
        let services = Services::new().with(PublicServer::new(service)).proven_by(proof(&key));
        let listener = tokio::spawn(serve(listening, services)).abort_handle();
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

async fn serve(listener: UnixListener, services: Services) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // What is dropped here is closed without a word.
        if let (true, Ok(turn)) = (is_user(&stream), Arc::clone(&room).try_acquire_owned()) {
            let services = services.clone();
            tokio::spawn(async move {
                let _turn = turn;
                if let Ok(stream) = stream.into_std() {
                    let _ = pair::serve_within(stream.into(), services, Bounds::NODE).await;
                }
            });
        }
    }
}

/// Whether the kernel says that the caller has our uid.
fn is_user(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own)
}

/// Holds the key against what a call shows, in the same time whatever it shows.
fn proof(key: &Key) -> impl Fn(&HeaderMap) -> Result<(), Status> + Send + Sync + 'static {
    let expected = key.bearer();
    move |headers| {
        let mut shown = headers.get_all(header::AUTHORIZATION).iter();
        let is_proven = match (shown.next(), shown.next()) {
            (Some(only), None) => bool::from(only.as_bytes().ct_eq(expected.as_bytes())),
            _ => false,
        };
        let message = "the call does not show the key that lies beside the socket";
        if is_proven { Ok(()) } else { Err(refuse(ErrorCode::AuthenticationFailed, message)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;
    use ioi_ipc::status::code;
    use ioi_ipc::tonic::Code;

    #[test]
    fn only_the_whole_key_shown_once_is_a_proof() {
        let base = tempfile::tempdir().unwrap();
        let home = Home { config: base.path().into(), data: base.path().into(), user: None };
        let place = Place::make(&home).unwrap();
        let (_first, key) = place.listen(LogId([1; 16])).unwrap();
        let (_second, other) = place.listen(LogId([2; 16])).unwrap();
        let right = key.bearer();
        let check = proof(&key);
        let shown = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            check(&headers)
        };
        assert!(shown(&[&right]).is_ok());
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
}
