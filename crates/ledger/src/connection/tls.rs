//! TLS to Postgres: `sslmode` means what it does in libpq; without it the rules are stricter.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme, version,
};
use tokio_postgres::config::SslMode as DriverMode;

use super::url::{Authorities, SslMode, TlsVersions, TlsWishes};

/// Files of certificates, PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Authorities that the server's certificate must come from. Without it, and without `sslrootcert` in the URL, the
    /// system's are used for `sslmode` `verify-ca` and `verify-full`, and `require` encrypts without checking.
    pub ca: Option<PathBuf>,
    /// The client's certificate chain.
    pub cert: Option<PathBuf>,
    /// The client's private key.
    pub key: Option<PathBuf>,
}

/// How far the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Not at all.
    Nothing,
    /// The chain, not the name.
    Chain,
    /// The chain and the name.
    Full,
}

/// What is done about encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encryption {
    pub(crate) mode: DriverMode,
    pub(crate) check: Check,
    /// Nothing leaves this machine.
    pub(crate) local: bool,
}

impl Encryption {
    /// From what the URL says, whether there are authorities to check with, and whether the server is on this machine.
    ///
    /// A given authority is always used, unless the URL says `disable`. Off this machine a connection is made without
    /// encryption only where the URL allows it.
    pub(crate) fn decide(said: Option<SslMode>, files: &Files, local: bool) -> Self {
        let authorities = files.authorities.is_some();
        let (mode, check) = match said {
            Some(SslMode::Disable) => (DriverMode::Disable, Check::Nothing),
            Some(SslMode::VerifyCa) => (DriverMode::Require, Check::Chain),
            Some(SslMode::VerifyFull) => (DriverMode::Require, Check::Full),
            _ if authorities => (DriverMode::Require, Check::Full),
            Some(SslMode::Require) => (DriverMode::Require, Check::Nothing),
            Some(SslMode::Prefer) => (DriverMode::Prefer, Check::Nothing),
            None if local => (DriverMode::Prefer, Check::Nothing),
            None => (DriverMode::Require, Check::Nothing),
        };
        Self { mode, check, local }
    }
}

/// Certificates and keys, of the Secret, of flags, and of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    authorities: Option<Authorities>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl TlsWishes {
    /// What the URL names, where nothing else was given.
    pub(crate) fn files(&self, given: &TlsFiles) -> Files {
        let (cert, key) = if given.cert.is_some() || given.key.is_some() {
            (given.cert.clone(), given.key.clone())
        } else {
            (self.cert.clone(), self.key.clone())
        };
        let shown = |file: Option<PathBuf>| file.filter(|_| !self.no_cert);
        Files {
            authorities: given.ca.clone().map(Authorities::File).or_else(|| self.authorities.clone()),
            cert: shown(cert),
            key: shown(key),
        }
    }
}

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
    #[error("{} contains no certificate", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// One of the two without the other.
    #[error("a client certificate needs its private key, and the key its certificate")]
    HalfAPair,
    /// The files do not fit together, or their algorithms are not supported.
    #[error("the certificates are not usable")]
    Unusable(#[from] rustls::Error),
    /// The authorities cannot verify anything.
    #[error("the certificate authorities are not usable")]
    Authorities(#[from] rustls::client::VerifierBuilderError),
}

pub(crate) fn client_config(
    files: &Files,
    check: Check,
    wishes: &TlsWishes,
    encrypted: Arc<AtomicBool>,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trust = CertificateCheck::new(files.authorities.as_ref(), check, &provider, encrypted)?;
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = match wishes.versions {
        TlsVersions::Both => builder.with_safe_default_protocol_versions()?,
        TlsVersions::Only12 => builder.with_protocol_versions(&[&version::TLS12])?,
        TlsVersions::Only13 => builder.with_protocol_versions(&[&version::TLS13])?,
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(trust));
    let mut config = match (&files.cert, &files.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let private =
                PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::File { path: key.clone(), source })?;
            builder.with_client_auth_cert(certificates(cert)?, private)?
        }
        _ => return Err(TlsError::HalfAPair),
    };
    config.enable_sni = !wishes.no_sni;
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::File { path: path.to_owned(), source };
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)?;
    if found.is_empty() { Err(TlsError::Empty { path: path.to_owned() }) } else { Ok(found) }
}

/// Which certificates are accepted.
#[derive(Debug)]
struct CertificateCheck {
    /// `None`: encrypted, but any server is accepted (libpq's `prefer` and `require` without an authority).
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// The authorities of a file, one by one: a server may show one of them as its own certificate.
    named: Vec<CertificateDer<'static>>,
    check_name: bool,
    provider: Arc<CryptoProvider>,
    /// Set once a server has shown a certificate that is accepted.
    encrypted: Arc<AtomicBool>,
}

impl CertificateCheck {
    fn new(
        authorities: Option<&Authorities>,
        check: Check,
        provider: &Arc<CryptoProvider>,
        encrypted: Arc<AtomicBool>,
    ) -> Result<Self, TlsError> {
        let provider = Arc::clone(provider);
        if check == Check::Nothing {
            return Ok(Self { authorities: None, named: Vec::new(), check_name: false, provider, encrypted });
        }
        let mut roots = RootCertStore::empty();
        let named = match authorities {
            Some(Authorities::File(path)) => certificates(path)?,
            Some(Authorities::System) | None => Vec::new(),
        };
        if named.is_empty() {
            // A certificate of the system's store that cannot be read is left out.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        for certificate in &named {
            roots.add(certificate.clone())?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
        Ok(Self { authorities: Some(verifier), named, check_name: check == Check::Full, provider, encrypted })
    }

    fn accept(&self) -> ServerCertVerified {
        self.encrypted.store(true, Ordering::Relaxed);
        ServerCertVerified::assertion()
    }

    /// A certificate that is its own authority, as `openssl req -x509` makes it. The verifier has checked its dates before it finds
    /// that out; only the name is left to check.
    fn verify_own_authority(
        &self,
        shown: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if !self.named.iter().any(|named| named == shown) {
            return Err(rustls::Error::General(
                "the server's certificate is the certificate of an authority, and not one of those that were given"
                    .into(),
            ));
        }
        if self.check_name {
            verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
        }
        Ok(self.accept())
    }
}

/// True for the verifier's error about an authority's certificate where a server's is expected.
fn is_authority(error: &OtherError) -> bool {
    error.0.to_string() == "CaUsedAsEndEntity"
}

impl ServerCertVerifier for CertificateCheck {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authorities) = &self.authorities else { return Ok(self.accept()) };
        match authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_name => Ok(self.accept()),
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(error))) if is_authority(&error) => {
                self.verify_own_authority(end_entity, server_name)
            }
            verdict => verdict.map(|_| self.accept()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_this_machine_nothing_is_sent_in_the_clear_unless_the_url_says_so() {
        use DriverMode::{Disable, Prefer, Require};
        let without = TlsWishes::default().files(&TlsFiles::default());
        let with = TlsWishes::default().files(&TlsFiles { ca: Some("ca.crt".into()), ..TlsFiles::default() });
        for (said, files, local, mode, check) in [
            (None, &without, true, Prefer, Check::Nothing),
            (None, &without, false, Require, Check::Nothing),
            (None, &with, true, Require, Check::Full),
            (None, &with, false, Require, Check::Full),
            (Some(SslMode::Prefer), &without, false, Prefer, Check::Nothing),
            (Some(SslMode::Prefer), &with, false, Require, Check::Full),
            (Some(SslMode::Require), &without, false, Require, Check::Nothing),
            (Some(SslMode::Require), &with, false, Require, Check::Full),
            (Some(SslMode::VerifyCa), &with, false, Require, Check::Chain),
            (Some(SslMode::VerifyFull), &without, true, Require, Check::Full),
            (Some(SslMode::Disable), &with, false, Disable, Check::Nothing),
        ] {
            let decided = Encryption::decide(said, files, local);
            assert_eq!(decided, Encryption { mode, check, local }, "{said:?} {files:?} {local}");
        }
    }

    #[test]
    fn what_was_given_goes_before_what_the_url_names() {
        let named = |path: &str| Some(PathBuf::from(path));
        let wishes = TlsWishes {
            authorities: Some(Authorities::File("url.ca".into())),
            cert: named("url.crt"),
            key: named("url.key"),
            ..TlsWishes::default()
        };
        let files = wishes.files(&TlsFiles { ca: named("given.ca"), ..TlsFiles::default() });
        assert_eq!(files.authorities, Some(Authorities::File("given.ca".into())));
        assert_eq!((files.cert, files.key), (named("url.crt"), named("url.key")));
        let files = wishes.files(&TlsFiles { cert: named("given.crt"), ..TlsFiles::default() });
        assert_eq!((files.cert, files.key), (named("given.crt"), None), "a pair is not put together from two places");
        assert_eq!(TlsWishes { no_cert: true, ..wishes }.files(&TlsFiles::default()).cert, None);
    }
}
