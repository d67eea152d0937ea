//! Messages and headers that are wrong: each is refused by name.

use super::calls::{EXECUTE, HEALTH_CHECK, call, field, framed, health};
use super::process::Server;
use ioi_ipc::bounds::{MESSAGE_BYTES_MAX, MESSAGE_DEPTH_MAX};
use ioi_ipc::tonic::Code;
use ioi_types::ErrorCode;

/// gRPC's code, ours, words of the sentence.
type Refusal = (Code, ErrorCode, &'static str);

struct Row {
    name: &'static str,
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    refusal: Refusal,
}

const INVALID: (Code, ErrorCode) = (Code::InvalidArgument, ErrorCode::ArgumentInvalid);
const PAYLOAD: (Code, ErrorCode) = (Code::InvalidArgument, ErrorCode::ProtocolPayload);

fn row(name: &'static str, message: &[u8], (code, ours): (Code, ErrorCode), words: &'static str) -> Row {
    let refusal = (code, ours, words);
    Row { name, path: EXECUTE, headers: Vec::new(), body: framed(message), refusal }
}

/// ExecuteJob with id 1 (of a fresh job table or not, nothing here begins) and an ingestion with this text.
fn ingest(id: u8, text: &[u8]) -> Vec<u8> {
    [&[0x08, id][..], &field(2, &field(1, text))].concat()
}

fn groups(depth: usize) -> Vec<u8> {
    // Field 15 as a group, opened and closed.
    [vec![0x7b; depth], vec![0x7c; depth]].concat()
}

fn rows() -> Vec<Row> {
    let handle = [0x08, 7, 0x10, 1, 0x28, 9];
    let (inline, by_handle) = (field(1, b"x"), field(2, &handle));
    let both = [inline.clone(), by_handle.clone()].concat();
    let both_turned = [by_handle, inline].concat();
    let bytes = |count| vec![0; count];
    let raw = |name, body, code, words| {
        let ours =
            if code == Code::OutOfRange { ErrorCode::ProtocolLength } else { ErrorCode::ProtocolPayload };
        Row { body, ..row(name, &[], (code, ours), words) }
    };
    let header = |name, header, value: &str, (code, ours), words| Row {
        path: HEALTH_CHECK,
        headers: vec![(header, value.to_owned())],
        ..row(name, &[], (code, ours), words)
    };
    vec![
        // I73
        raw("4 MiB + 1", framed(&bytes(MESSAGE_BYTES_MAX + 1)), Code::OutOfRange, "4194305 bytes"),
        raw(
            "4 GiB announced, nothing sent",
            vec![0, 255, 255, 255, 255],
            Code::OutOfRange,
            "4294967295 bytes",
        ),
        row("4 MiB inline", &ingest(2, &field(1, &bytes(MESSAGE_BYTES_MAX - 64))), INVALID, "at most 65536"),
        raw("shorter than announced", vec![0, 0, 0, 0, 9, 1, 2], Code::Internal, "EOF"),
        raw("no message", Vec::new(), Code::Internal, "Missing request message"),
        raw("compressed, as nothing is", vec![1, 0, 0, 0, 0], Code::Internal, "compressed"),
        raw("a flag that nobody knows", vec![9, 0, 0, 0, 0], Code::Internal, "flag"),
        // I74
        row("depth 101", &groups(MESSAGE_DEPTH_MAX + 1), PAYLOAD, "recursion limit"),
        row("a group that ends another", &[0x7b, 0x74], PAYLOAD, "a group ends another one"),
        // I75
        row("no job", &[0x08, 3], INVALID, "no job"),
        row("two jobs at once", &[0x08, 3, 0x12, 0, 0x3a, 0], PAYLOAD, "`job` stands there twice"),
        row(
            "two million documents of two bytes each",
            &field(2, &[0x1a, 0].repeat(MESSAGE_BYTES_MAX / 2 - 64)),
            INVALID,
            "`documents` has more than 1024 items",
        ),
        row("a job that nobody knows", &[&[0x08, 4][..], &field(15, b"x")].concat(), INVALID, "no job"),
        row("neither inline nor handle", &ingest(5, &[]), INVALID, "neither"),
        row("a third kind of payload", &ingest(6, &field(3, b"x")), INVALID, "neither"),
        row("both inline and handle", &ingest(7, &both), INVALID, "both"),
        row("both handle and inline", &ingest(8, &both_turned), INVALID, "both"),
        row(
            "a handle of length 0",
            &ingest(9, &field(2, &[0x08, 7, 0x10, 1])),
            (Code::InvalidArgument, ErrorCode::SliceRange),
            "0 bytes",
        ),
        // I76
        row("invalid UTF-8", &field(5, &field(1, &[0xff, 0xfe])), PAYLOAD, "UTF-8"),
        row("a number where a message belongs", &[0x10, 1], PAYLOAD, "wire type"),
        row("a length beyond the end", &[0x12, 100, 1], PAYLOAD, "goes beyond its end"),
        row(
            "a length of eleven bytes",
            &[0x12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            PAYLOAD,
            "more than ten bytes",
        ),
        // I78
        header("deadline 0", "grpc-timeout", "0S", INVALID, "`0S`"),
        header("a negative deadline", "grpc-timeout", "-5S", INVALID, "`-5S`"),
        header("an empty deadline", "grpc-timeout", "", INVALID, "``"),
        header("no deadline but a word", "grpc-timeout", "soon", INVALID, "`soon`"),
        header("a deadline of nine digits", "grpc-timeout", "123456789S", INVALID, "`123456789S`"),
        // I79
        header("binary metadata that is no base64", "secret-bin", "*not base64*", INVALID, "`secret-bin`"),
    ]
}

#[tokio::test]
async fn every_wrong_message_is_refused_by_name_and_harms_nobody() {
    let server = Server::start();
    assert_eq!(health(server.connect().await).await, Ok(()));
    let before = server.memory("VmRSS");
    for row in rows() {
        let headers: Vec<_> = row.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = call(server.connect().await, row.path, &headers, row.body).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", row.name));
        let (code, ours, words) = answer.refusal();
        let at = (row.name, words);
        assert_eq!((code, ours), (row.refusal.0, row.refusal.1), "{at:?}");
        assert!(words.contains(row.refusal.2), "{at:?}");
        assert!(answer.body.is_empty(), "{at:?} was answered");
        assert_eq!(health(server.connect().await).await, Ok(()), "{at:?}");
    }
    let grown = server.memory("VmHWM").saturating_sub(before);
    assert!(grown < 24 * 1024, "{grown} KiB for refused messages");
}

#[tokio::test]
async fn what_is_just_within_the_bounds_is_taken() {
    let server = Server::start();
    let inline = |id, bytes| framed(&ingest(id, &field(1, &vec![b'x'; bytes])));
    let taken = call(server.connect().await, EXECUTE, &[], inline(1, 65536)).await.unwrap();
    assert_eq!(taken.refusal().0, Code::Ok);
    assert!(String::from_utf8_lossy(&taken.body).contains("65536 bytes inline"));
    let one_more = call(server.connect().await, EXECUTE, &[], inline(2, 65537)).await.unwrap();
    assert_eq!(one_more.refusal().1, ErrorCode::ArgumentInvalid);
    // Unknown fields are ignored, to the depth that is decoded.
    let deep = [groups(MESSAGE_DEPTH_MAX - 1), ingest(3, &field(1, b"x"))].concat();
    let taken = call(server.connect().await, EXECUTE, &[], framed(&deep)).await.unwrap();
    assert_eq!(taken.refusal().0, Code::Ok, "{taken:?}");
    for deadline in ["1S", "99999999H", "4000m"] {
        let headers = [("grpc-timeout", deadline), ("some-bin", "AAEC")];
        let taken = call(server.connect().await, HEALTH_CHECK, &headers, framed(&[])).await.unwrap();
        assert_eq!(taken.refusal().0, Code::Ok, "{deadline}");
    }
}

/// I79: more than 16 KiB of headers are refused before anybody looks at them.
#[tokio::test]
async fn too_many_headers_are_refused_as_http_has_it() {
    let server = Server::start();
    let long = "x".repeat(4000);
    let headers: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| (name, long.as_str())).to_vec();
    let refused = call(server.connect().await, HEALTH_CHECK, &headers, framed(&[])).await.unwrap();
    assert_eq!(refused.http, 431);
    let taken = call(server.connect().await, HEALTH_CHECK, &headers[..3], framed(&[])).await.unwrap();
    assert_eq!((taken.http, taken.refusal().0), (200, Code::Ok));
}
