//! Connections that are encrypted, to a server whose certificate is made here.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use brigade::ErrorKind;
use brigade::sink::Sink as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use super::stub::{Early, Reply, Stub};
use super::{describes, doc, failures, large};

/// A server at `localhost`, and a file with the certificate of who signed its own.
struct Encrypted {
    stub: Stub,
    url: String,
    file: PathBuf,
    _folder: TempDir,
}

impl Encrypted {
    async fn start() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a CA");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.crt");
        std::fs::write(&file, issuer.pem()).expect("it is written");

        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &issuer).expect("it is signed");
        let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("there are some")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                key.serialize_der().try_into().expect("a key"),
            )
            .expect("they fit");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let closes = |head: &super::stub::Head| (head.length > 4 << 20).then_some(Early::Close(0));
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let stub = Stub::over(listener, Some(acceptor), closes, |_, _| Reply::Take);
        Self {
            stub,
            url: format!("https://localhost:{port}"),
            file,
            _folder: folder,
        }
    }
}

#[tokio::test]
async fn documents_are_written_over_encrypted_connections() {
    let server = Encrypted::start().await;
    let sink = describes(&server.url)
        .root_certificates(&server.file)
        .open();
    let sink = sink.expect("it opens");
    let docs = vec![doc(0), large(1, 3 << 20), doc(2), large(3, 5 << 20)];
    let written = sink.write(docs).await.expect("it is there");
    let failed = failures(&written);
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].1.contains("may be too large"), "{}", failed[0].1);
    assert_eq!(server.stub.numbers(), [0, 1, 2]);
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_trusted_gets_nothing_and_it_is_said_what_to_do() {
    let server = Encrypted::start().await;
    let by_address = server.url.replace("localhost", "127.0.0.1");
    // One that another has signed, and one of another name.
    let other = Encrypted::start().await;
    for (url, file) in [(&server.url, &other.file), (&by_address, &server.file)] {
        let sink = describes(url)
            .root_certificates(file)
            .patience(Duration::ZERO);
        let error = sink.open().expect("it opens").write(vec![doc(1)]).await;
        let error = error.expect_err("it is not trusted");
        assert_eq!(error.kind(), ErrorKind::Away);
        let text = error.to_string();
        assert!(text.contains("is not accepted"), "{text}");
        assert!(text.contains("`root_certificates`"), "{text}");
    }
    assert!(server.stub.requests().is_empty());
}

#[tokio::test]
async fn root_certificates_that_cannot_be_used_are_told_when_it_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("none.crt");
    let open = || {
        describes("https://localhost")
            .root_certificates(&file)
            .open()
    };
    assert!(open().is_err());
    std::fs::write(&file, "no certificate").expect("it is written");
    let problem = open().expect_err("there is none").to_string();
    assert!(problem.contains("there is none in it"), "{problem}");
}
