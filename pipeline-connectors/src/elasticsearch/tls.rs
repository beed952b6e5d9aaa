//! Encrypted connections, by rustls.

use std::io;
use std::path::Path;
use std::sync::Arc;

use pipeline_runtime::BoxError;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Encrypts connections to one server, and verifies that it is that.
#[derive(Clone)]
pub(super) struct Encrypts {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl std::fmt::Debug for Encrypts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Encrypts").field(&self.name).finish()
    }
}

impl Encrypts {
    /// To a server of this name, whose certificate is signed by one of those in the file, or else of those that the system
    /// trusts.
    pub(super) fn new(host: &str, roots: Option<&Path>) -> Result<Self, String> {
        let name = ServerName::try_from(host.to_owned());
        let name = name.map_err(|_| format!("no certificate can have the name `{host}`"))?;
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut client = client
            .with_root_certificates(store(roots)?)
            .with_no_client_auth();
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::from(Arc::new(client));
        Ok(Self { connector, name })
    }

    pub(super) async fn over(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, BoxError> {
        let encrypted = self.connector.connect(self.name.clone(), stream).await;
        encrypted.map_err(|error| told(&error))
    }
}

/// Those whom to trust.
fn store(roots: Option<&Path>) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    let Some(path) = roots else {
        let found = rustls_native_certs::load_native_certs();
        return match store.add_parsable_certificates(found.certs) {
            (0, _) => Err("the system has no root certificates; install them (`ca-certificates` of Debian), or name a file with `root_certificates`".into()),
            _ => Ok(store),
        };
    };
    let unfit = |why: &dyn std::fmt::Display| {
        format!(
            "the root certificates of `{}` cannot be used: {why}; name a file of certificates in PEM",
            path.display()
        )
    };
    let file = std::fs::read(path).map_err(|error| unfit(&error))?;
    for certificate in CertificateDer::pem_slice_iter(&file) {
        let certificate = certificate.map_err(|error| unfit(&error))?;
        store.add(certificate).map_err(|error| unfit(&error))?;
    }
    if store.is_empty() {
        return Err(unfit(&"there is none in it"));
    }
    Ok(store)
}

/// What is wrong, and what to do where that is the certificate of the server.
fn told(error: &io::Error) -> BoxError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => format!(
            "the certificate of the server is not accepted: {why}; use a name that stands in it, and name the file of its CA with `root_certificates` if the system does not trust that"
        )
        .into(),
        _ => format!("no connection can be encrypted: {error}").into(),
    }
}
