//! A server that says exactly what a test wants, byte by byte, and keeps what it heard.

use ioi_egress::{Bounds, Client, FetchError, Report, Request, Resolve, Target};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Answers one request with these pieces, a moment apart, then keeps the connection for `stay`.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    heard: JoinHandle<String>,
}

impl Server {
    pub(crate) async fn start(pieces: Vec<Vec<u8>>, stay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let heard = read_request(&mut stream).await;
            speak(&mut stream, &pieces).await;
            tokio::time::sleep(stay).await;
            heard
        });
        Self { address, heard }
    }

    pub(crate) async fn heard(self) -> String {
        self.heard.await.unwrap()
    }
}

/// Head and body of one request, by its content length.
pub(crate) async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        match stream.read(&mut buffer).await.unwrap() {
            0 => return text,
            count => text.push_str(std::str::from_utf8(&buffer[..count]).unwrap()),
        }
    }
}

pub(crate) async fn speak(stream: &mut (impl AsyncWrite + Unpin), pieces: &[Vec<u8>]) {
    for piece in pieces {
        // The client may have gone: what it made of that is what a test looks at.
        if stream.write_all(piece).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A whole answer with its length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A name's addresses, made up.
pub(crate) struct Names(pub(crate) Vec<IpAddr>);

impl Resolve for Names {
    fn resolve<'a>(
        &'a self,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

pub(crate) fn names(addresses: &[&str]) -> Names {
    Names(addresses.iter().map(|address| address.parse().unwrap()).collect())
}

pub(crate) fn request(url: &str, secret: Option<&str>) -> Request {
    Request {
        method: "POST".into(),
        target: Target::parse(url).unwrap(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: b"{\"a\":1}".to_vec(),
        secret: secret.map(|secret| secret.as_bytes().to_vec().into()),
    }
}

/// Asks a server for `/x` over plain HTTP at its own address.
pub(crate) async fn fetch(
    server: &Server,
    secret: Option<&str>,
    bounds: &Bounds,
) -> (Result<Report, FetchError>, Vec<u8>) {
    let client = Client::with(Vec::new(), names(&[])).unwrap();
    let mut passed = Vec::new();
    let url = format!("http://{}/x", server.address);
    let report = client.fetch(request(&url, secret), bounds, &mut passed).await;
    (report, passed)
}
