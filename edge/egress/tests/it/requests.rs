//! What is sent, what is passed on, and who may be dialled.

use crate::server::*;
use ioi_egress::{Bounds, Client, FetchError};
use std::time::Duration;

const SECRET: &str = "sk-test-0123456789abcdef";

async fn one(pieces: Vec<Vec<u8>>) -> Server {
    Server::start(pieces, Duration::ZERO).await
}

#[tokio::test]
async fn the_server_hears_our_head_the_listed_headers_the_credential_and_the_body() {
    let server = one(vec![answer("200 OK", "content-type: text/plain\r\n", b"fine")]).await;
    let address = server.address;
    let (report, passed) = fetch(&server, Some(SECRET), &Bounds::default()).await;
    let report = report.unwrap();
    assert_eq!((report.status, report.content_type.as_str(), report.bytes), (200, "text/plain", 4));
    assert_eq!((report.peer, report.certificate), (address, None));
    assert_eq!(report.digest, *blake3::hash(b"fine").as_bytes());
    assert_eq!(passed, b"fine");
    let expected = format!(
        "POST /x HTTP/1.1\r\nhost: {address}\r\nuser-agent: ioi/{}\r\ncontent-type: application/json\r\n\
         authorization: Bearer {SECRET}\r\ncontent-length: 7\r\n\r\n{{\"a\":1}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(server.heard().await, expected);
}

#[tokio::test]
async fn a_chunked_answer_passes_whole_and_as_it_comes() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let server =
        one(vec![head, chunk(b"one, "), chunk(b"two, "), chunk(b"three"), b"0\r\n\r\n".to_vec()]).await;
    let (report, passed) = fetch(&server, Some(SECRET), &Bounds::default()).await;
    assert_eq!(passed, b"one, two, three");
    assert_eq!(report.unwrap().digest, *blake3::hash(b"one, two, three").as_bytes());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let headers = "location: http://127.0.0.1:1/elsewhere\r\n";
    let server = one(vec![answer("307 Temporary Redirect", headers, b"")]).await;
    let (report, _) = fetch(&server, Some(SECRET), &Bounds::default()).await;
    assert_eq!(report.unwrap().status, 307);
}

#[tokio::test]
async fn an_answer_that_holds_the_credential_is_dropped_wherever_it_is_cut() {
    for cut in 1..SECRET.len() {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let (first, second) = SECRET.split_at(cut);
        let pieces = vec![head, chunk(b"before "), chunk(first.as_bytes()), chunk(second.as_bytes())];
        let server = one(pieces).await;
        let (report, passed) = fetch(&server, Some(SECRET), &Bounds::default()).await;
        assert!(matches!(report, Err(FetchError::Leaked(_))), "{report:?}");
        let passed = String::from_utf8(passed).unwrap();
        assert!("before ".starts_with(passed.as_str()), "`{passed}` was passed on");
    }
}

#[tokio::test]
async fn only_listed_headers_are_taken() {
    for name in
        ["host", "authorization", "content-length", "transfer-encoding", "connection", "cookie", "x-a"]
    {
        let client = Client::with(Vec::new(), names(&[])).unwrap();
        let mut request = request("http://127.0.0.1:1/", None);
        request.headers.push((name.into(), "x".into()));
        let refused = client.fetch(request, &Bounds::default(), &mut Vec::new()).await;
        assert!(matches!(refused, Err(FetchError::Request(_))), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn a_credential_cannot_end_its_header() {
    let client = Client::with(Vec::new(), names(&[])).unwrap();
    let request = request("http://127.0.0.1:1/", Some("abcdefgh\r\nx-evil: 1"));
    let refused = client.fetch(request, &Bounds::default(), &mut Vec::new()).await;
    assert!(matches!(refused, Err(FetchError::Request(_))), "{refused:?}");
}

#[tokio::test]
async fn a_name_with_any_address_that_is_not_public_is_not_dialled() {
    let server = one(vec![answer("200 OK", "", b"inside")]).await;
    let port = server.address.port();
    for addresses in [["127.0.0.1", "1.1.1.1"], ["1.1.1.1", "127.0.0.1"], ["::ffff:127.0.0.1", "1.1.1.1"]] {
        let client = Client::with(Vec::new(), names(&addresses)).unwrap();
        let request = request(&format!("http://evil.example:{port}/"), Some(SECRET));
        let refused = client.fetch(request, &Bounds::default(), &mut Vec::new()).await;
        assert!(matches!(refused, Err(FetchError::Address { .. })), "{addresses:?}: {refused:?}");
    }
    // The same server is reached by its own address, so the refusals above were the rule's.
    assert!(fetch(&server, None, &Bounds::default()).await.0.is_ok());
}

#[tokio::test]
async fn localhost_is_this_machine_and_nothing_else() {
    let server = one(vec![answer("200 OK", "", b"inside")]).await;
    let url = format!("http://localhost:{}/", server.address.port());
    let elsewhere = Client::with(Vec::new(), names(&["1.1.1.1"])).unwrap();
    let refused = elsewhere.fetch(request(&url, None), &Bounds::default(), &mut Vec::new()).await;
    assert!(matches!(refused, Err(FetchError::Address { .. })), "{refused:?}");
    let here = Client::with(Vec::new(), names(&["127.0.0.1"])).unwrap();
    assert!(here.fetch(request(&url, None), &Bounds::default(), &mut Vec::new()).await.is_ok());
}
