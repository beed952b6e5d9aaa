//! TLS, by rustls.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::encryption::{Encryption, Roots};

/// What makes connections so; `None` makes them plain ones. What it is read from may have changed since the last time.
pub(super) async fn connector(
    encryption: &Encryption,
) -> Result<Option<MakeRustlsConnect>, String> {
    let verified = match encryption {
        Encryption::Never => return Ok(None),
        Encryption::IfPossible | Encryption::Unverified => None,
        Encryption::Verified { roots, name } => Some((roots.clone(), *name)),
    };
    let making = tokio::task::spawn_blocking(move || client(verified));
    let made = making.await.unwrap_or_else(|ended| Err(ended.to_string()));
    Ok(Some(MakeRustlsConnect::new(made?)))
}

fn client(verified: Option<(Roots, bool)>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let verifier = match verified {
        None => Verifier {
            roots: None,
            own: Vec::new(),
            name: false,
            provider: Arc::clone(&provider),
        },
        Some((roots, name)) => {
            let (store, own) = store(&roots)?;
            let store = Arc::new(store);
            let roots = WebPkiServerVerifier::builder_with_provider(store, Arc::clone(&provider));
            Verifier {
                roots: Some(roots.build().map_err(|error| error.to_string())?),
                own,
                name,
                provider: Arc::clone(&provider),
            }
        }
    };
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut client = client
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    // As libpq: so that the server takes a handshake that is meant for another protocol for none of its own.
    client.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(client)
}

/// Those whom to trust, and their certificates where somebody has named them.
fn store(roots: &Roots) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), String> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::File(path) => {
            let certificates = read(path)?;
            for certificate in certificates.clone() {
                store
                    .add(certificate)
                    .map_err(|error| unfit(path, &error))?;
            }
            Ok((store, certificates))
        }
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            let (some, _) = store.add_parsable_certificates(found.certs);
            if some == 0 {
                return Err("the system has no root certificates; install them (`ca-certificates` of Debian), or name a file with `sslrootcert=…`".into());
            }
            Ok((store, Vec::new()))
        }
    }
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let file = std::fs::read(path).map_err(|error| unfit(path, &error))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&file).collect();
    match certificates {
        Ok(none) if none.is_empty() => Err(unfit(path, &"there is none in it")),
        Ok(some) => Ok(some),
        Err(error) => Err(unfit(path, &error)),
    }
}

fn unfit(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!(
        "the root certificates of `{}` cannot be used: {why}; name a file of certificates in PEM with `sslrootcert=…`",
        path.display()
    )
}

/// Looks at the certificate of a server as far as it is wanted.
#[derive(Debug)]
struct Verifier {
    /// Whom to trust; without, anybody.
    roots: Option<Arc<WebPkiServerVerifier>>,
    /// The root certificates that were named: a server may have one of them itself.
    own: Vec<CertificateDer<'static>>,
    /// Whether its name counts.
    name: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Of a certificate that is trusted for itself only its time and its name are to be looked at.
    fn verify_own(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let read = Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let validity = read.tbs_certificate.validity;
        if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
            return Err(CertificateError::NotValidYet.into());
        }
        if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
            return Err(CertificateError::Expired.into());
        }
        if self.name {
            verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        match roots.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            // The name is looked at last: all else is right.
            Err(error) if !self.name && is_of_name(&error) => Ok(ServerCertVerified::assertion()),
            // As `openssl req -x509` makes them, and the manual of PostgreSQL: a CA of its own, which signs nothing else.
            Err(error) if is_of_ca(&error) && self.own.iter().any(|own| own == end_entity) => {
                self.verify_own(end_entity, server_name, now)
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

fn is_of_name(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        )
    )
}

/// It is that of a CA, which none of a server should be.
fn is_of_ca(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    let said = other.0.downcast_ref::<webpki::Error>();
    said.is_some_and(|said| *said == webpki::Error::CaUsedAsEndEntity)
}

/// What is wrong with the certificate of the server, and what to do.
pub(super) fn told(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let advice = match error {
        error if is_of_name(error) => {
            "connect to a name that stands in it as a `subjectAltName`, or have one made for this name; `sslmode=verify-ca` does not look at names"
        }
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "it is signed by itself, or by a CA that is not among the root certificates; name the file of its CA with `sslrootcert=…`"
        }
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "have a new one made, or set the clock of this machine right",
        error if is_of_ca(error) => {
            "it is that of a CA itself; name its file with `sslrootcert=…`, or have the CA sign one for the server"
        }
        _ => return Some(format!("no connection can be encrypted: {error}")),
    };
    Some(format!(
        "the certificate of the server is not accepted: {error}; {advice}"
    ))
}
