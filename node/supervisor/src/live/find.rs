//! The runs of this user, found by their sockets and asked with their keys.

use super::place::{Key, Place};
use crate::home::{Home, HomeError};
use ioi_ipc::pair;
use ioi_ipc::proto::public::public_client::PublicClient;
use ioi_ipc::tonic::codegen::InterceptedService;
use ioi_ipc::tonic::metadata::{Ascii, MetadataValue};
use ioi_ipc::tonic::service::Interceptor;
use ioi_ipc::tonic::transport::Channel;
use ioi_ipc::tonic::{Request, Status};
use ioi_types::LogId;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::net::UnixStream;

/// A run that lives takes a connection at once; one that is stopped may have no room for it.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// Speaks with one run.
pub type Client = PublicClient<InterceptedService<Channel, Shows>>;

/// Shows the key with every call.
#[derive(Clone)]
pub struct Shows(MetadataValue<Ascii>);

impl Interceptor for Shows {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// A run that takes connections.
pub struct LiveRun {
    /// Its log, which names it.
    pub log: LogId,
    /// The process that listens, as the kernel says; `None` where it lives in a namespace that we don't see.
    pub pid: Option<i32>,
    /// To ask it.
    pub client: Client,
}

/// What is there.
#[derive(Default)]
pub struct Found {
    /// In the order of their logs.
    pub runs: Vec<LiveRun>,
    /// Runs that are there and can't be asked, with the reason.
    pub silent: Vec<(LogId, String)>,
    /// Runs that were killed and whose names have been removed now.
    pub removed: usize,
}

/// Looks for the runs of this user; what killed ones have left is removed.
///
/// # Errors
/// When the folder is there and can't be used.
pub async fn find(home: &Home) -> Result<Found, HomeError> {
    let mut found = Found::default();
    let Some(place) = Place::open(home)? else { return Ok(found) };
    let failed = |source| HomeError::Folder { path: home.live(), source };
    for log in place.runs().map_err(failed)? {
        match reach(&place, log).await {
            Ok(run) => found.runs.push(run),
            // Nobody listens, and nobody ever will under this name.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                place.remove(log);
                found.removed += 1;
            }
            // It has ended since it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => found.silent.push((log, error.to_string())),
        }
    }
    Ok(found)
}

/// The process that listens for a run now; `None` where nobody does, or it can't be seen from here.
///
/// # Errors
/// When the folder can't be used, or there is no room for another connection.
pub async fn listener(home: &Home, log: LogId) -> io::Result<Option<i32>> {
    let Some(place) = Place::open(home).map_err(io::Error::other)? else { return Ok(None) };
    match connect(&place, log).await {
        Ok((_, pid)) => Ok(pid),
        Err(error) if matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn connect(place: &Place, log: LogId) -> io::Result<(UnixStream, Option<i32>)> {
    let connecting = tokio::time::timeout(CONNECT_WITHIN, UnixStream::connect(place.socket_path(log)));
    let stream = connecting.await.map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
    let pid = stream.peer_cred()?.pid().filter(|pid| *pid > 0);
    Ok((stream, pid))
}

async fn reach(place: &Place, log: LogId) -> io::Result<LiveRun> {
    let (stream, pid) = connect(place, log).await?;
    let shows = shows(&place.read_key(log)?)?;
    let channel = pair::client(stream.into_std()?.into()).await?;
    Ok(LiveRun { log, pid, client: PublicClient::with_interceptor(channel, shows) })
}

fn shows(key: &Key) -> io::Result<Shows> {
    let mut value: MetadataValue<Ascii> = key.bearer().parse().map_err(io::Error::other)?;
    value.set_sensitive(true);
    Ok(Shows(value))
}
