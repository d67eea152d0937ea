//! Servers that are slow, endless, broken or speak something else.

use crate::server::*;
use ioi_egress::{Bounds, FetchError};
use std::time::Duration;

fn short() -> Bounds {
    let bound = Duration::from_millis(200);
    Bounds { connect: bound, head: bound, idle: bound, ..Bounds::default() }
}

const FOREVER: Duration = Duration::from_secs(3600);

async fn refused(pieces: Vec<Vec<u8>>, stay: Duration, bounds: &Bounds) -> FetchError {
    let server = Server::start(pieces, stay).await;
    fetch(&server, Some("sk-0123456789"), bounds).await.0.unwrap_err()
}

#[tokio::test]
async fn a_server_that_is_silent_at_any_point_is_given_up() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n".to_vec();
    for pieces in
        [vec![], vec![b"HTTP/1.1 200 OK\r\nx: ".to_vec()], vec![head.clone()], vec![head, b"part".to_vec()]]
    {
        let error = refused(pieces, FOREVER, &short()).await;
        assert!(matches!(error, FetchError::Late { .. }), "{error}");
    }
}

#[tokio::test]
async fn an_answer_without_end_stops_at_the_time_for_everything() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let pieces = std::iter::once(head).chain(std::iter::repeat_n(chunk(b"x"), 10_000)).collect();
    let bounds = Bounds { total: Duration::from_millis(300), ..short() };
    let error = refused(pieces, FOREVER, &bounds).await;
    assert!(matches!(error, FetchError::Late { what: "did not end its answer", .. }), "{error}");
}

#[tokio::test]
async fn one_byte_more_than_allowed_is_too_long() {
    let bounds = Bounds { answer_bytes_max: 10, ..short() };
    let server = Server::start(vec![answer("200 OK", "", &[b'x'; 10])], Duration::ZERO).await;
    assert_eq!(fetch(&server, None, &bounds).await.0.unwrap().bytes, 10);
    let error = refused(vec![answer("200 OK", "", &[b'x'; 11])], Duration::ZERO, &bounds).await;
    assert!(matches!(error, FetchError::TooLong(10)), "{error}");
}

#[tokio::test]
async fn headers_without_end_are_not_collected() {
    let endless = [b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 1 << 20]].concat();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(101)).into_bytes();
    for head in [endless, many] {
        let error = refused(vec![head], FOREVER, &Bounds::default()).await;
        assert!(matches!(error, FetchError::Broken { .. }), "{error}");
    }
}

#[tokio::test]
async fn what_is_cut_short_or_is_no_http_is_broken() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart".to_vec();
    let two_lengths = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nparts".to_vec();
    let bad_chunk = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nx\r\n".to_vec();
    for bytes in [cut, two_lengths, bad_chunk, b"SSH-2.0-OpenSSH_9\r\n\r\n".to_vec(), Vec::new()] {
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let error = refused(vec![bytes], Duration::ZERO, &short()).await;
        assert!(matches!(error, FetchError::Broken { .. }), "{shown}: {error}");
    }
}

#[tokio::test]
async fn a_compressed_answer_that_nobody_asked_for_is_dropped() {
    let answer = answer("200 OK", "content-encoding: gzip\r\n", &[0x1f, 0x8b]);
    let error = refused(vec![answer], Duration::ZERO, &short()).await;
    assert!(matches!(error, FetchError::Encoded), "{error}");
}
