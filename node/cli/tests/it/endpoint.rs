//! A model's endpoint of the tests' own: says what a test wants, keeps what it heard.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Serves every request with the same pieces, each a moment after the one before.
pub(crate) struct Endpoint {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    pub(crate) fn new(pieces: Vec<Vec<u8>>) -> Self {
        Self::staying(pieces, Duration::ZERO)
    }

    /// Keeps the connection for `stay` after the last piece.
    pub(crate) fn staying(pieces: Vec<Vec<u8>>, stay: Duration) -> Self {
        Self::slow(pieces, Duration::from_millis(20), stay)
    }

    /// Makes a pause after each piece, and keeps the connection for `stay` after the last one.
    pub(crate) fn slow(pieces: Vec<Vec<u8>>, pause: Duration, stay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        // Ends with the test's process; it waits for nothing else.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let request = read_request(&mut stream);
                hears.lock().unwrap().push(request);
                for piece in &pieces {
                    if stream.write_all(piece).and_then(|()| stream.flush()).is_err() {
                        break;
                    }
                    std::thread::sleep(pause);
                }
                std::thread::sleep(stay);
            }
        });
        Self { address, heard }
    }

    /// An answer that is streamed as these tokens.
    pub(crate) fn streaming(tokens: &[&str]) -> Self {
        let mut pieces = vec![head("200 OK")];
        pieces.extend(tokens.iter().map(|token| event(token)));
        pieces.push(b"data: [DONE]\n\n".to_vec());
        Self::new(pieces)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// All requests so far, head and body.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// A head without a length: the connection's end ends the body.
pub(crate) fn head(status: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").into_bytes()
}

pub(crate) fn event(token: &str) -> Vec<u8> {
    let data = serde_json::json!({"choices": [{"index": 0, "delta": {"content": token}}]});
    format!("data: {data}\n\n").into_bytes()
}

fn read_request(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (mut bytes, mut buffer) = (Vec::new(), [0; 8192]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => bytes.extend_from_slice(&buffer[..count]),
            _ => return text,
        }
    }
}
