//! TLS towards Postgres, with the meaning that `sslmode` has in libpq.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::connect::TlsFiles;
use crate::url::SslCheck;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Missing, unreadable, or not PEM.
    #[error("failed to read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// No certificate in the file.
    #[error("{} holds no certificate", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// One of the two without the other.
    #[error("a client certificate needs its private key, and the other way round")]
    HalfAPair,
    /// The files do not fit together, or their algorithms are not supported.
    #[error("the certificates are not usable")]
    Unusable(#[from] rustls::Error),
    /// The authorities cannot verify anything.
    #[error("the certificate authorities are not usable")]
    Authorities(#[from] rustls::client::VerifierBuilderError),
}

pub(crate) fn client_config(files: &TlsFiles, check: SslCheck) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trust = Trust::new(files.ca.as_deref(), check, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust));
    match (&files.cert, &files.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(cert), Some(key)) => {
            let private =
                PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::File { path: key.clone(), source })?;
            Ok(builder.with_client_auth_cert(certificates(cert)?, private)?)
        }
        _ => Err(TlsError::HalfAPair),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::File { path: path.to_owned(), source };
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)?;
    if found.is_empty() { Err(TlsError::Empty { path: path.to_owned() }) } else { Ok(found) }
}

/// Whom to believe.
#[derive(Debug)]
struct Trust {
    /// None: encrypted, but anybody may answer (libpq's `prefer` and `require` without an authority).
    authorities: Option<Arc<WebPkiServerVerifier>>,
    check_name: bool,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    fn new(ca: Option<&Path>, check: SslCheck, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        match (ca, check) {
            (Some(path), _) => {
                for certificate in certificates(path)? {
                    roots.add(certificate)?;
                }
            }
            (None, SslCheck::WhenGiven) => {
                return Ok(Self { authorities: None, check_name: false, provider: provider.clone() });
            }
            // What of the system's store cannot be read cannot vouch for anybody.
            (None, SslCheck::Chain | SslCheck::Full) => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        Ok(Self { authorities: Some(verifier), check_name: check != SslCheck::Chain, provider: provider.clone() })
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        match authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
