//! Names, TCP and TLS: from a target to a connection with one pinned address.

use crate::address::{is_public, is_unicast};
use crate::fetch::{Bounds, Certificate, FetchError};
use crate::target::{Host, Target};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 32;

/// What the addresses of a name are.
pub type Resolved<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Where names are looked up; another one is for tests.
pub trait Resolve: Send + Sync {
    /// All addresses of a name, asked for once.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolved<'a>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolved<'a> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).take(ADDRESSES_MAX).collect())
        })
    }
}

/// Sends requests. It keeps roots of trust and nothing else.
pub struct Client {
    tls: Option<TlsConnector>,
    resolver: Box<dyn Resolve>,
}

/// One connection, before anything is sent over it.
pub(crate) struct Dialled {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) peer: SocketAddr,
    pub(crate) certificate: Option<Certificate>,
}

/// TCP, or TLS over it.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Client {
    /// A client that trusts the system's certificate authorities. Where the system has none, `https` fails
    /// with [`FetchError::NoRoots`] and `http` works.
    ///
    /// # Errors
    /// If TLS can't be set up at all.
    pub fn new() -> Result<Self, FetchError> {
        Self::with(rustls_native_certs::load_native_certs().certs, SystemResolver)
    }

    /// A client that trusts these authorities and asks this resolver.
    ///
    /// # Errors
    /// If TLS can't be set up at all.
    pub fn with(
        authorities: Vec<CertificateDer<'static>>,
        resolver: impl Resolve + 'static,
    ) -> Result<Self, FetchError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities);
        let tls = if roots.is_empty() { None } else { Some(connector(roots)?) };
        Ok(Self { tls, resolver: Box::new(resolver) })
    }

    /// Connects to the first address that answers. Every address of a name must be one that may be dialled,
    /// so that no answer of a resolver mixes in a private one.
    pub(crate) async fn dial(&self, target: &Target, bounds: &Bounds) -> Result<Dialled, FetchError> {
        let mut last = None;
        for address in self.addresses(target, bounds).await? {
            let peer = SocketAddr::new(address, target.port);
            match timeout(bounds.connect, TcpStream::connect(peer)).await {
                Ok(Ok(stream)) => return self.secured(stream, peer, target, bounds).await,
                Ok(Err(error)) => last = Some(error.to_string()),
                Err(_) => last = Some("no answer in time".into()),
            }
        }
        let why = last.unwrap_or_else(|| "the name has no address".into());
        Err(FetchError::Connect { authority: target.authority.clone(), why })
    }

    async fn addresses(&self, target: &Target, bounds: &Bounds) -> Result<Vec<IpAddr>, FetchError> {
        let refused = |address| FetchError::Address { authority: target.authority.clone(), address };
        let name = match &target.host {
            // The request names this very address, and so did the policy that allowed it.
            Host::Address(address) if is_unicast(*address) => return Ok(vec![*address]),
            Host::Address(address) => return Err(refused(*address)),
            Host::Name(name) => name,
        };
        let failed = |why: String| FetchError::Resolve { name: name.clone(), why };
        let found = timeout(bounds.connect, self.resolver.resolve(name)).await;
        let found = found.map_err(|_| failed("no answer in time".into()))?;
        let found = found.map_err(|error| failed(error.to_string()))?;
        let may = |address: &IpAddr| match name.as_str() {
            "localhost" => address.is_loopback(),
            _ => is_public(*address),
        };
        match found.iter().find(|address| !may(address)) {
            Some(address) => Err(refused(*address)),
            None => Ok(found),
        }
    }

    async fn secured(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        target: &Target,
        bounds: &Bounds,
    ) -> Result<Dialled, FetchError> {
        let failed = |why: String| FetchError::Connect { authority: target.authority.clone(), why };
        stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
        if !target.https {
            return Ok(Dialled { stream: Box::new(stream), peer, certificate: None });
        }
        let tls = self.tls.as_ref().ok_or(FetchError::NoRoots)?;
        let name = match &target.host {
            Host::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|error| failed(error.to_string()))?
            }
            Host::Address(address) => ServerName::from(*address),
        };
        let shaken = timeout(bounds.connect, tls.connect(name, stream)).await;
        let shaken = shaken.map_err(|_| failed("the TLS handshake did not end in time".into()))?;
        let stream = shaken.map_err(|error| failed(format!("TLS: {error}")))?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let certificate =
            shown.map(|der| Certificate { digest: Sha256::digest(der).into(), bytes: der.len() as u64 });
        Ok(Dialled { stream: Box::new(stream), peer, certificate })
    }
}

fn connector(roots: RootCertStore) -> Result<TlsConnector, FetchError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| FetchError::Tls(error.to_string()))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
