//! TLS: who is trusted, and what is reported of the server.

use crate::server::{answer, names, read_request, request, speak};
use ioi_egress::{Bounds, Certificate, Client, FetchError, Report};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A certificate for a name or an address, and its key.
    fn issue(&self, name: &str) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

/// Serves one connection and asks it at `https://127.0.0.1`, trusting `roots`.
async fn exchange(
    server: (CertificateDer<'static>, PrivateKeyDer<'static>),
    roots: Vec<CertificateDer<'static>>,
) -> Result<Report, FetchError> {
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![server.0], server.1);
    let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            read_request(&mut stream).await;
            speak(&mut stream, &[answer("200 OK", "", b"over TLS")]).await;
        }
    });
    let client = Client::with(roots, names(&[])).unwrap();
    let url = format!("https://{address}/x");
    let report = client.fetch(request(&url, None), &Bounds::default(), &mut Vec::new()).await;
    serving.await.unwrap();
    report
}

#[tokio::test]
async fn a_trusted_server_answers_and_its_certificate_is_reported() {
    let authority = Authority::new();
    let server = authority.issue("127.0.0.1");
    let shown = server.0.clone();
    let report = exchange(server, vec![authority.root()]).await.unwrap();
    assert_eq!(report.bytes, 8);
    let expected = Certificate { digest: Sha256::digest(&shown).into(), bytes: shown.len() as u64 };
    assert_eq!(report.certificate, Some(expected));
}

#[tokio::test]
async fn a_server_of_another_authority_or_of_another_name_gets_no_request() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for server in [theirs.issue("127.0.0.1"), ours.issue("127.0.0.2"), ours.issue("evil.example")] {
        let refused = exchange(server, vec![ours.root()]).await;
        assert!(matches!(refused, Err(FetchError::Connect { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn without_authorities_no_server_is_known() {
    let server = Authority::new().issue("127.0.0.1");
    assert!(matches!(exchange(server, Vec::new()).await, Err(FetchError::NoRoots)));
}
