//! The authorities that a server's certificate is checked with.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// No certificate can be checked with these authorities.
#[derive(Debug, thiserror::Error)]
pub enum AuthoritiesError {
    /// Missing, unreadable, or not PEM.
    #[error("failed to read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// No certificate in the file.
    #[error("{} contains no certificate", .0.display())]
    Empty(PathBuf),
    /// The certificates are not those of authorities.
    #[error("the certificate authorities are not usable")]
    Authorities(#[from] rustls::Error),
    /// The server's name cannot stand in a certificate.
    #[error("the host of the URL is no name or address of a server")]
    Name,
}

/// The authorities in the PEM file `ca`; without it those of the system.
///
/// # Errors
/// When the file cannot be read, has no certificate, or one that is not an authority's.
pub fn authorities(ca: Option<&Path>) -> Result<RootCertStore, AuthoritiesError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        // A certificate of the system's store that cannot be read is left out.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unreadable = |source| AuthoritiesError::File { path: path.to_owned(), source };
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?)?;
    }
    if roots.is_empty() { Err(AuthoritiesError::Empty(path.to_owned())) } else { Ok(roots) }
}
