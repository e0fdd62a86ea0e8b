//! The certificates that a verifier believes, and chains to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// The certificates that a verifier believes.
#[derive(Clone, Debug)]
pub struct Roots(Vec<TrustAnchor<'static>>);

/// Why there are no roots.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// Missing, or it may not be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not PEM.
    #[error("{} is not a file of certificates in PEM", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// No certificate in the file.
    #[error("{} contains no certificate", .0.display())]
    Empty(PathBuf),
    /// One of the certificates is damaged.
    #[error("{} contains a certificate that cannot be read", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: webpki::Error,
    },
}

/// A certificate has no valid chain to a root.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No root has issued it.
    #[error("no root that is believed has issued its certificate, directly or over others that come with it")]
    UnknownRoot,
    /// Not valid at that time.
    #[error("its certificate, or one of its chain, was not valid at its time")]
    Validity,
    /// Another fault.
    #[error("the chain of its certificate is not valid")]
    Chain(#[source] webpki::Error),
}

impl Roots {
    /// Reads a file of certificates in PEM.
    ///
    /// # Errors
    /// When it cannot be read, has no certificate, or one that is damaged.
    pub fn read(path: &Path) -> Result<Self, RootsError> {
        let text = fs::read(path).map_err(|source| RootsError::Read { path: path.to_owned(), source })?;
        let mut roots = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|source| RootsError::Pem { path: path.to_owned(), source })?;
            let root = anchor_from_trusted_cert(&certificate)
                .map_err(|source| RootsError::Certificate { path: path.to_owned(), source })?;
            roots.push(root.to_owned());
        }
        if roots.is_empty() { Err(RootsError::Empty(path.to_owned())) } else { Ok(Self(roots)) }
    }

    /// Checks that one of the roots has issued `certificate`, directly or over some of `others`, and that all of these were valid at a
    /// time, in seconds since 1970. A certificate that states extended key usages has to have `purpose`, the value of an object
    /// identifier; the caller checks more of the first one. A root is believed as it is.
    ///
    /// # Errors
    /// What is wrong with the chain.
    pub fn check(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        time: Duration,
        purpose: &'static [u8],
    ) -> Result<(), ChainError> {
        let certificate = EndEntityCert::try_from(certificate).map_err(ChainError::Chain)?;
        let (time, usage) = (UnixTime::since_unix_epoch(time), KeyUsage::required_if_present(purpose));
        let chain = certificate.verify_for_usage(ALL_VERIFICATION_ALGS, &self.0, others, time, usage, None, None);
        chain.map(drop).map_err(|error| match error {
            // A root of the same name with another key.
            webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => ChainError::UnknownRoot,
            webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => ChainError::Validity,
            other => ChainError::Chain(other),
        })
    }
}
