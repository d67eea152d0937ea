//! Calls that take too long, and answers that nobody reads.

use super::calls::{EXECUTE, call, field, framed, health};
use super::process::Server;
use super::raw::{self, frame, header, opening};
use super::service::{Echo, services};
use ioi_ipc::bounds::Bounds;
use ioi_ipc::pair;
use ioi_ipc::tonic::Code;
use ioi_types::ErrorCode;
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

/// A job that waits for ever.
pub(crate) fn waits(id: u8) -> Vec<u8> {
    framed(&[&[0x08, id][..], &field(3, &[])].concat())
}

/// A job that tells without end.
pub(crate) fn endless(id: u8) -> Vec<u8> {
    framed(&[&[0x08, id][..], &field(6, &[])].concat())
}

/// A server in this process, within bounds of its own.
fn within(bounds: Bounds, echo: &Echo) -> (UnixStream, JoinHandle<io::Result<()>>) {
    let (ours, theirs) = pair::pair().unwrap();
    let serving = tokio::spawn(pair::serve_within(theirs, services(echo), bounds));
    let ours = StdUnixStream::from(ours);
    ours.set_nonblocking(true).unwrap();
    (UnixStream::from_std(ours).unwrap(), serving)
}

#[tokio::test]
async fn a_call_ends_with_its_deadline_before_its_answer_begins_or_in_the_middle() {
    let server = Server::start();
    for (id, job, kind) in [(1, waits(1), "silent"), (2, endless(2), "endless")] {
        let headers = [("grpc-timeout", "100m")];
        let answer = call(server.connect().await, EXECUTE, &headers, job).await.unwrap();
        let (code, ours, words) = answer.refusal();
        assert_eq!((code, ours), (Code::DeadlineExceeded, ErrorCode::DeadlineExceeded), "{kind} {id}");
        assert!(words.contains("100 ms"), "{words}");
    }
    // Its work has ended with it.
    let answer = call(server.connect().await, super::calls::HEALTH_CHECK, &[], framed(&[])).await.unwrap();
    assert_eq!(answer.body, framed(&[0x10, 2]), "two jobs were begun, and none is left");
}

#[tokio::test]
async fn a_call_without_a_deadline_has_that_of_the_server() {
    let bounds = Bounds { deadline: Duration::from_millis(100), ..Bounds::NODE };
    let (stream, _serving) = within(bounds, &Echo::default());
    // Half a request: the server waits for the rest.
    let half = vec![0, 0, 0, 0, 100, 1];
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = http::Request::post("http://pair.invalid/ioi.control.v1.Workload/LoadModel");
    let (response, mut sender) =
        client.ready().await.unwrap().send_request(request.body(()).unwrap(), false).unwrap();
    sender.send_data(half.into(), false).unwrap();
    let head = tokio::time::timeout(Duration::from_secs(10), response).await.expect("it hangs").unwrap();
    let status = ioi_ipc::tonic::Status::from_header_map(head.headers()).unwrap();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

/// I80: a peer whose window stays at 0 holds its call's memory no longer than its deadline and the grace.
#[tokio::test]
async fn a_peer_that_never_reads_its_answer_loses_its_connection() {
    let bounds = Bounds { grace: Duration::from_millis(100), ..Bounds::NODE };
    let echo = Echo::default();
    let (mut stream, serving) = within(bounds, &echo);
    let window_0 = opening(&[0, 4, 0, 0, 0, 0]);
    let headers = [raw::call(EXECUTE), header(0, "grpc-timeout", b"100m")].concat();
    let headers = frame(raw::HEADERS, raw::END_HEADERS, 1, &headers);
    let body = frame(raw::DATA, raw::END_STREAM, 1, &endless(1));
    stream.write_all(&[window_0, headers, body].concat()).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), serving).await.expect("it waits for ever");
    let error = ended.unwrap().unwrap_err();
    assert!(error.to_string().contains("does not read"), "{error}");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}

/// A peer that is there and answers no ping is as good as gone.
#[tokio::test]
async fn a_peer_that_answers_no_ping_loses_its_connection() {
    let keep_alive = (Duration::from_millis(50), Duration::from_millis(50));
    let (mut stream, serving) = within(Bounds { keep_alive, ..Bounds::NODE }, &Echo::default());
    stream.write_all(&opening(&[])).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), serving).await.expect("it waits for ever");
    assert!(ended.unwrap().is_ok());
    assert!(raw::next(&mut stream, raw::PING).await.is_some(), "no ping came");
    // One that answers is served on.
    let keep_alive = (Duration::from_millis(50), Duration::from_secs(30));
    let (mut stream, serving) = within(Bounds { keep_alive, ..Bounds::NODE }, &Echo::default());
    stream.write_all(&opening(&[])).await.unwrap();
    for _ in 0..4 {
        let (_, _, payload) = raw::next(&mut stream, raw::PING).await.expect("closed on one that answers");
        stream.write_all(&frame(raw::PING, 1, 0, &payload)).await.unwrap();
    }
    assert!(!serving.is_finished());
}

/// A fault of the peer is told to whoever serves it.
#[tokio::test]
async fn a_flood_is_named_to_whoever_serves() {
    let (mut stream, serving) = within(Bounds::NODE, &Echo::default());
    let pings = frame(raw::PING, 0, 0, &[0; 8]).repeat(10_000);
    let _ = stream.write_all(&[opening(&[]), pings].concat()).await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    let error = serving.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("pings"), "{error}");
    let server = Server::start();
    assert_eq!(health(server.connect().await).await, Ok(()));
}
