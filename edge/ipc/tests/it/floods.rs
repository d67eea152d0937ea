//! Peers that send without end: the connection ends, memory stays, others notice nothing.

use super::calls::{EXECUTE, HEALTH_CHECK, framed, health};
use super::process::Server;
use super::raw::{self, End, call, frame, header, opening};
use bytes::Bytes;
use http::Request;
use ioi_ipc::bounds::MESSAGE_BYTES_MAX;
use ioi_ipc::pair;
use ioi_ipc::proto::control::{HealthCheckRequest, workload_client::WorkloadClient};
use ioi_ipc::status::code;
use ioi_ipc::tonic::Status;
use ioi_types::ErrorCode;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

/// Frames of one flood; far more than any rate lets through.
const FRAMES: u32 = 40_000;

struct Flood {
    name: &'static str,
    opening: Vec<u8>,
    piece: fn(u32) -> Vec<u8>,
    times: u32,
}

fn flood(name: &'static str, begins: &[u8], piece: fn(u32) -> Vec<u8>) -> Flood {
    let opening = [&opening(&[]), begins].concat();
    Flood { name, opening, piece, times: FRAMES }
}

fn request(flags: u8, stream: u32) -> Vec<u8> {
    frame(raw::HEADERS, flags, stream, &call(EXECUTE))
}

fn floods() -> Vec<Flood> {
    let open_call = request(raw::END_HEADERS, 1);
    let unfinished = request(0, 1);
    let once = |name, opening: Vec<u8>| Flood { name, opening, piece: |_| Vec::new(), times: 1 };
    // One header of 4000 bytes goes into the table; each byte of the next block stands for all of it.
    let bomb = [call(EXECUTE), header(0x40, "a", &[b'x'; 4000]), vec![0xbe; 10_000]].concat();
    vec![
        flood("rapid reset", &[], |number| {
            let stream = number * 2 + 1;
            [request(raw::END_HEADERS, stream), frame(raw::RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
        }),
        flood("calls that are never finished", &[], |number| request(raw::END_HEADERS, number * 2 + 1)),
        flood("continued headers, empty", &unfinished, |_| frame(raw::CONTINUATION, 0, 1, &[])),
        flood("continued headers, a megabyte and more", &unfinished, |_| {
            frame(raw::CONTINUATION, 0, 1, &header(0, "a", &[b'x'; 1000]))
        }),
        flood("empty data", &open_call, |_| frame(raw::DATA, 0, 1, &[])),
        flood("padding instead of data", &open_call, |_| frame(raw::DATA, 8, 1, &[3, 0, 0, 0])),
        flood("settings", &[], |_| frame(raw::SETTINGS, 0, 0, &[])),
        flood("settings that change", &[], |number| {
            let window = (number % 1000).to_be_bytes();
            frame(raw::SETTINGS, 0, 0, &[&[0, 4], &window[..]].concat())
        }),
        flood("pings", &[], |_| frame(raw::PING, 0, 0, &[0; 8])),
        flood("priorities", &[], |_| frame(raw::PRIORITY, 0, 1, &[0, 0, 0, 3, 7])),
        flood("window updates", &[], |_| frame(raw::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        flood("frames of unknown kinds", &[], |_| frame(0xbb, 0, 0, b"what")),
        once("a table of headers that unfolds", [opening(&[]), frame(raw::HEADERS, 5, 1, &bomb)].concat()),
        once("a frame of 16 MiB", [&opening(&[])[..], &[255, 255, 255, raw::DATA, 0, 0, 0, 0, 1]].concat()),
        once("a call of an even number", [opening(&[]), request(5, 2)].concat()),
        once("data of no call", [opening(&[]), frame(raw::DATA, 0, 7, b"x")].concat()),
        once(
            "a window beyond its range",
            [opening(&[]), frame(raw::WINDOW_UPDATE, 0, 0, &[0x7f, 255, 255, 255])].concat(),
        ),
        once("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        once("a greeting of TLS", [&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &[7; 506]].concat()),
        once("anything", vec![0xa5; 4096]),
    ]
}

/// Asks for health over one connection after another until it is told to stop; every answer must be good.
async fn other_user(server: Arc<Server>, stop: Arc<AtomicBool>, answers: Arc<AtomicU32>) {
    while !stop.load(Ordering::Relaxed) {
        assert_eq!(health(server.connect().await).await, Ok(()), "another user is harmed");
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// Harm is a wrong answer, none within the test's patience, or memory; how much later answers come is not shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_flood_ends_its_own_connection_and_harms_nobody() {
    let server = Arc::new(Server::start());
    for row in floods() {
        assert_eq!(health(server.connect().await).await, Ok(()));
        let before = server.memory("VmRSS");
        let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let other = tokio::spawn(other_user(Arc::clone(&server), Arc::clone(&stop), Arc::clone(&answers)));
        let end = raw::send(server.connect().await, &row.opening, row.piece, row.times).await;
        stop.store(true, Ordering::Relaxed);
        other.await.unwrap();
        let at = row.name;
        assert_eq!(end, End::Closed, "{at:?}");
        let grown = server.memory("VmRSS").saturating_sub(before);
        assert!(grown < 8 * 1024, "{at:?}: {grown} KiB");
        assert_eq!(health(server.connect().await).await, Ok(()), "{at:?}");
        assert!(answers.load(Ordering::Relaxed) > 0, "{at:?}: nobody else was served");
    }
    let most = server.memory("VmHWM");
    assert!(most < 64 * 1024, "{most} KiB at its highest");
    server.rests().await;
}

/// The same frames, fewer than their rate, harm nobody, so that a client which pings and cancels is served.
#[tokio::test]
async fn what_a_client_sends_in_moderation_is_taken() {
    let server = Server::start();
    let mut stream = server.connect().await;
    stream.write_all(&opening(&[])).await.unwrap();
    for number in 0..10_u32 {
        let call = number * 2 + 1;
        let cancelled = frame(raw::RST_STREAM, 0, call, &[0, 0, 0, 8]);
        let window = frame(raw::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]);
        let frames = [request(raw::END_HEADERS, call), cancelled, window].concat();
        let ping = number.to_be_bytes().repeat(2);
        stream.write_all(&[frames, frame(raw::PING, 0, 0, &ping)].concat()).await.unwrap();
        // The answer shows that everything before it was taken.
        let (_, _, answered) = raw::next(&mut stream, raw::PING).await.expect("the connection was closed");
        assert_eq!(answered, ping);
    }
}

/// Many requests, each within the bound of one message and none finished, together far beyond that of the channel.
#[tokio::test]
async fn the_requests_of_one_channel_have_a_bound_together() {
    let server = Server::start();
    assert_eq!(health(server.connect().await).await, Ok(()));
    let before = server.memory("VmRSS");
    let (client, connection) = h2::client::handshake(server.connect().await).await.unwrap();
    tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let most = Bytes::from([&[0, 0, 0x40, 0, 0][..], &vec![7; MESSAGE_BYTES_MAX - 1]].concat());
    let mut calls = Vec::new();
    // 88 MiB. Of more calls so many may be refused while their bytes still come that the connection is closed.
    for _ in 0..22 {
        let request = Request::post(format!("http://pair.invalid{EXECUTE}")).body(()).unwrap();
        let (response, mut sender) = client.send_request(request, false).unwrap();
        sender.send_data(most.clone(), false).unwrap();
        calls.push((response, sender));
    }
    let mut refused = 0;
    for (response, _sender) in &mut calls {
        let answered = tokio::time::timeout(Duration::from_millis(300), response).await;
        let Ok(Ok(head)) = answered else { continue };
        let status = Status::from_header_map(head.headers()).unwrap();
        assert_eq!(code(&status), ErrorCode::QuotaMemory, "{status}");
        refused += 1;
    }
    let grown = server.memory("VmHWM").saturating_sub(before);
    assert!(refused > 10, "{refused} of 22 were refused");
    assert!(grown < 48 * 1024, "{grown} KiB");
    // Those that were given up have given their bytes back, to the same channel.
    drop(calls);
    let small = Bytes::from(framed(&[0x12, 0]));
    let taken = async {
        loop {
            let request = Request::post(format!("http://pair.invalid{EXECUTE}")).body(()).unwrap();
            let (response, mut sender) =
                client.clone().ready().await.unwrap().send_request(request, false).unwrap();
            sender.send_data(small.clone(), true).unwrap();
            let head = response.await.unwrap();
            let status = Status::from_header_map(head.headers()).unwrap();
            if code(&status) != ErrorCode::QuotaMemory {
                return status;
            }
        }
    };
    let taken = tokio::time::timeout(Duration::from_secs(5), taken).await.expect("nothing is given back");
    // Job id 0, which is as far as a request comes that was read.
    assert_eq!(code(&taken), ErrorCode::ProtocolId);
    assert_eq!(health(server.connect().await).await, Ok(()));
}

/// Calls of which only a part comes, and then nobody: however many, they leave nothing behind.
#[tokio::test]
async fn half_a_request_from_a_client_that_vanishes_is_forgotten() {
    let server = Server::start();
    let vanish = async |times| {
        for number in 0..times {
            if number % 20 == 0 {
                // Those before have been met, so that the same number comes at once in every round.
                assert_eq!(health(server.connect().await).await, Ok(()));
            }
            let mut stream = server.connect().await;
            let headers = frame(raw::HEADERS, raw::END_HEADERS, 1, &call(HEALTH_CHECK));
            let begun = frame(raw::DATA, 0, 1, &[0, 0, 0x40, 0, 0, 1, 2, 3]);
            stream.write_all(&[opening(&[]), headers, begun].concat()).await.unwrap();
            // The server's settings, and its answer to ours: it has met us before we vanish.
            for _ in 0..2 {
                raw::next(&mut stream, raw::SETTINGS).await.expect("the connection was closed");
            }
            drop(stream);
        }
        assert_eq!(health(server.connect().await).await, Ok(()));
        server.rests().await;
        server.memory("VmRSS")
    };
    // What is left behind by each grows with every round; what the allocator keeps for the next doesn't.
    vanish(600).await;
    let mut before = vanish(600).await;
    let mut grown = Vec::new();
    for _ in 0..5 {
        let after = vanish(600).await;
        grown.push(after.saturating_sub(before));
        before = after;
    }
    grown.sort_unstable();
    // A call that leaves even 1 KiB behind leaves 600 of them in every round.
    assert!(grown[grown.len() / 2] < 600, "{grown:?} KiB in rounds of 600");
}

/// A server that floods its client with frames which cost it nothing loses the connection.
#[tokio::test]
async fn a_client_ends_its_connection_with_a_server_that_floods() {
    for (name, flooding) in [
        ("pings", frame(raw::PING, 0, 0, &[0; 8])),
        ("settings", frame(raw::SETTINGS, 0, 0, &[])),
        ("frames of unknown kinds", frame(0xbb, 0, 0, b"what")),
    ] {
        let (near, far) = UnixStream::pair().unwrap();
        let opening = frame(raw::SETTINGS, 0, 0, &[]);
        let server =
            tokio::spawn(async move { raw::send(far, &opening, |_| flooding.clone(), FRAMES).await });
        let channel = pair::client(near.into_std().unwrap().into()).await.unwrap();
        let status = WorkloadClient::new(channel).health_check(HealthCheckRequest {}).await.unwrap_err();
        assert_eq!(server.await.unwrap(), End::Closed, "{name}");
        let mut causes = Vec::new();
        let mut error: Option<&dyn Error> = Some(&status);
        while let Some(cause) = error {
            causes.push(cause.to_string());
            error = cause.source();
        }
        assert!(causes.iter().any(|cause| cause.contains(&format!("with {name}"))), "{name}: {causes:?}");
    }
}
