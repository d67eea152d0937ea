//! One request, its bounds, its report.

use crate::dial::{Client, Dialled};
use crate::search::Search;
use crate::target::Target;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Response, client::conn::http1};
use hyper_util::rt::TokioIo;
use ioi_scrub::{LeakFilter, Leaked};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

/// The headers that a request may bring; all others are this crate's own business.
const HEADERS: [&str; 2] = ["accept", "content-type"];
/// Headers of an answer, and bytes that they may take together.
const ANSWER_HEADERS_MAX: usize = 100;
const ANSWER_HEADER_BYTES_MAX: usize = 64 * 1024;

/// Why there is no answer, or none that may be passed on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL is not one that is understood in one way only.
    #[error("the URL `{url}` {why}")]
    Url {
        /// Its beginning.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A header, method or secret that can't be sent.
    #[error("the request can't be sent: {0}")]
    Request(String),
    /// A name without an answer.
    #[error("`{name}` can't be resolved: {why}")]
    Resolve {
        /// The name.
        name: String,
        /// What the resolver says.
        why: String,
    },
    /// An address that is not dialled.
    #[error(
        "{authority} has the address {address}, which is not on the public internet; name the address itself \
         in the URL if it is meant"
    )]
    Address {
        /// Who was meant.
        authority: String,
        /// What the name stands for.
        address: IpAddr,
    },
    /// No connection.
    #[error("no connection to {authority}: {why}")]
    Connect {
        /// To whom.
        authority: String,
        /// Why not.
        why: String,
    },
    /// The system has no certificate authorities.
    #[error("no certificate authorities were found, so no server can be known; install `ca-certificates`")]
    NoRoots,
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// The server broke off, or spoke no HTTP.
    #[error("{authority} broke off: {why}")]
    Broken {
        /// Who.
        authority: String,
        /// How.
        why: String,
    },
    /// The server was silent for too long, or took too long altogether.
    #[error("{authority} {what} within {} s", .within.as_secs())]
    Late {
        /// Who.
        authority: String,
        /// What it did not do.
        what: &'static str,
        /// The bound.
        within: Duration,
    },
    /// More bytes than were allowed.
    #[error("the answer has more than {0} bytes")]
    TooLong(u64),
    /// A compressed answer, which nobody asked for.
    #[error("the answer is compressed or encoded otherwise, which was not asked for")]
    Encoded,
    /// The answer holds the credential.
    #[error(transparent)]
    Leaked(#[from] Leaked),
    /// Who should read the answer is gone.
    #[error("nobody reads the answer: {0}")]
    Reader(std::io::Error),
}

/// One decided request.
#[derive(Debug)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Where to.
    pub target: Target,
    /// `accept` and `content-type`, in lowercase; no others.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Sent as `authorization: Bearer …`, and searched for in the answer.
    pub secret: Option<Zeroizing<Vec<u8>>>,
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// For a name's lookup, for each address, for the TLS handshake.
    pub connect: Duration,
    /// Until the answer's head is there.
    pub head: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// For everything.
    pub total: Duration,
    /// Of the answer's body.
    pub answer_bytes_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(600),
            answer_bytes_max: 16 << 20,
        }
    }
}

/// What came back, as this process saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The HTTP status; a redirect is an answer like any other and is not followed.
    pub status: u16,
    /// The answer's `content-type`, bounded, in ASCII.
    pub content_type: String,
    /// The address that was dialled.
    pub peer: SocketAddr,
    /// What the server showed, over TLS.
    pub certificate: Option<Certificate>,
    /// Bytes that were passed on.
    pub bytes: u64,
    /// BLAKE3 over them.
    pub digest: [u8; 32],
}

/// The certificate of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 over it, in DER.
    pub digest: [u8; 32],
    /// Its length in DER.
    pub bytes: u64,
}

impl Client {
    /// Sends one request and passes the answer's body on as it comes. On an error what was passed on so far
    /// is the beginning of an answer that must not be used.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn fetch<W: AsyncWrite + Unpin>(
        &self,
        request: Request,
        bounds: &Bounds,
        to: &mut W,
    ) -> Result<Report, FetchError> {
        let authority = request.target.authority.clone();
        let all = self.fetch_unbounded(request, bounds, to);
        let late = |_| FetchError::Late { authority, what: "did not end its answer", within: bounds.total };
        timeout(bounds.total, all).await.map_err(late)?
    }

    async fn fetch_unbounded<W: AsyncWrite + Unpin>(
        &self,
        request: Request,
        bounds: &Bounds,
        to: &mut W,
    ) -> Result<Report, FetchError> {
        let prepared = prepare(&request)?;
        let Dialled { stream, peer, certificate } = self.dial(&request.target, bounds).await?;
        let exchange = Exchange { authority: &request.target.authority, bounds };
        let broken = |error: hyper::Error| exchange.broken(&error);
        let mut http = http1::Builder::new();
        http.max_headers(ANSWER_HEADERS_MAX).max_buf_size(ANSWER_HEADER_BYTES_MAX);
        let (mut sender, connection) =
            http.handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.map_err(broken)?;
        let answered = async {
            let head = timeout(bounds.head, sender.send_request(prepared)).await;
            let late = |_| exchange.late("did not begin its answer", bounds.head);
            let answer = head.map_err(late)?.map_err(broken)?;
            let search = request.secret.as_deref().map(|secret| Search::new(secret));
            let (status, content_type) = look_at_head(&answer, request.secret.as_ref())?;
            let (bytes, digest) = exchange.pass_on(answer, search, to).await?;
            Ok(Report { status, content_type, peer, certificate, bytes, digest })
        };
        tokio::pin!(connection, answered);
        let mut connected = true;
        loop {
            tokio::select! {
                report = &mut answered => return report,
                // What the connection ends with is met by whoever waits for the answer.
                _ = &mut connection, if connected => connected = false,
            }
        }
    }
}

struct Exchange<'a> {
    authority: &'a str,
    bounds: &'a Bounds,
}

impl Exchange<'_> {
    fn broken(&self, error: &hyper::Error) -> FetchError {
        let why = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
        FetchError::Broken { authority: self.authority.to_owned(), why }
    }

    fn late(&self, what: &'static str, within: Duration) -> FetchError {
        FetchError::Late { authority: self.authority.to_owned(), what, within }
    }

    /// Copies the body through the search, counting and hashing what goes on.
    async fn pass_on<W: AsyncWrite + Unpin>(
        &self,
        answer: Response<Incoming>,
        mut search: Option<Search>,
        to: &mut W,
    ) -> Result<(u64, [u8; 32]), FetchError> {
        let mut body = answer.into_body();
        let (mut came, mut hasher, mut bytes) = (0_u64, blake3::Hasher::new(), 0_u64);
        let mut reader = ioi_completion::Reader::default();
        // Some servers keep the connection open after a whole answer.
        while !reader.is_done() {
            let frame = timeout_at(Instant::now() + self.bounds.idle, body.frame()).await;
            let frame = frame.map_err(|_| self.late("sent nothing more", self.bounds.idle))?;
            let piece = match frame {
                None => break,
                Some(frame) => frame.map_err(|error| self.broken(&error))?.into_data().unwrap_or_default(),
            };
            came += piece.len() as u64;
            if came > self.bounds.answer_bytes_max {
                return Err(FetchError::TooLong(self.bounds.answer_bytes_max));
            }
            reader.take(&piece);
            let passed = match &mut search {
                Some(search) => Bytes::from(search.pass(&piece)?),
                None => piece,
            };
            hasher.update(&passed);
            bytes += passed.len() as u64;
            to.write_all(&passed).await.map_err(FetchError::Reader)?;
            to.flush().await.map_err(FetchError::Reader)?;
        }
        let rest = search.map(Search::finish).unwrap_or_default();
        hasher.update(&rest);
        to.write_all(&rest).await.map_err(FetchError::Reader)?;
        to.flush().await.map_err(FetchError::Reader)?;
        Ok((bytes + rest.len() as u64, *hasher.finalize().as_bytes()))
    }
}

/// The request as it is sent: our own head, the listed headers, the credential, the body.
fn prepare(request: &Request) -> Result<hyper::Request<Full<Bytes>>, FetchError> {
    let refused = |why: &str| FetchError::Request(why.to_owned());
    let mut builder = hyper::Request::builder()
        .method(request.method.as_str())
        .uri(request.target.path.as_str())
        .header(HOST, request.target.authority.as_str())
        .header(USER_AGENT, concat!("ioi/", env!("CARGO_PKG_VERSION")));
    for (name, value) in &request.headers {
        if !HEADERS.contains(&name.as_str()) {
            return Err(FetchError::Request(format!("the header `{name}` is not one that may be set")));
        }
        builder = builder.header(name, value);
    }
    if let Some(secret) = &request.secret {
        let bearer = Zeroizing::new([b"Bearer ".as_slice(), secret].concat());
        let mut value =
            HeaderValue::from_bytes(&bearer).map_err(|_| refused("the credential is no header value"))?;
        value.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, value);
    }
    let body = Full::new(Bytes::copy_from_slice(&request.body));
    builder.body(body).map_err(|error| refused(&error.to_string()))
}

/// Nothing of a head goes further that was not searched: a server may put the credential there too.
fn look_at_head(
    answer: &Response<Incoming>,
    secret: Option<&Zeroizing<Vec<u8>>>,
) -> Result<(u16, String), FetchError> {
    let encoding = answer.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(FetchError::Encoded);
    }
    let content_type = answer.headers().get(CONTENT_TYPE).map(shown).unwrap_or_default();
    if let Some(secret) = secret {
        LeakFilter::new(secret).pass(content_type.as_bytes())?;
    }
    Ok((answer.status().as_u16(), content_type))
}

fn shown(value: &HeaderValue) -> String {
    value.as_bytes().iter().take(100).filter(|b| (0x20..0x7f).contains(*b)).map(|b| char::from(*b)).collect()
}
