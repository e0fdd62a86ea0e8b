//! Whether a token's certificate is believed: a chain to a root of the verifier, at the token's time.

use std::fs;
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::Token;

/// id-kp-timeStamping, 1.3.6.1.5.5.7.3.8.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

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

/// The certificate of a token has no valid chain to a root.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// No root has issued it.
    #[error("no root that is believed has issued its certificate, directly or over others in the token")]
    UnknownRoot,
    /// Not valid at the time of the token.
    #[error("its certificate, or one of its chain, was not valid at the time that it states")]
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
}

impl Token {
    /// Checks that one of the roots has issued its certificate, directly or over others in the token, and that all of them were valid and
    /// for timestamps at its time. A root is believed as it is.
    ///
    /// # Errors
    /// What is wrong with the chain.
    pub fn check_chain(&self, roots: &Roots) -> Result<(), ChainError> {
        let certificate = EndEntityCert::try_from(&self.signer).map_err(ChainError::Chain)?;
        let time = UnixTime::since_unix_epoch(self.time().unix());
        // That the token's own certificate has this purpose was checked when it was read. Issuers need not state it.
        let usage = KeyUsage::required_if_present(TIME_STAMPING);
        let chain =
            certificate.verify_for_usage(ALL_VERIFICATION_ALGS, &roots.0, &self.others, time, usage, None, None);
        chain.map(drop).map_err(|error| match error {
            webpki::Error::UnknownIssuer => ChainError::UnknownRoot,
            webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => ChainError::Validity,
            other => ChainError::Chain(other),
        })
    }
}
