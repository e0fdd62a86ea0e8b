//! Whether a receipt key is certified as that of a job, by an issuer that the verifier believes.

use std::time::Duration;

use der::{Decode as _, Encode as _};
use rustls_pki_types::CertificateDer;
use vaultstream_signing::PublicKey;
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, SubjectAltName};

use crate::profile::{self, ALTERNATIVE_NAME, EXTENDED_KEY_USAGE, KEY_USAGE, extension};
use crate::{ChainError, Roots};

/// id-kp-documentSigning, 1.3.6.1.5.5.7.3.36.
const DOCUMENT_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24];

/// What a certificate says of a receipt key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// The job, as a URI.
    pub job: String,
    /// Who has issued the certificate.
    pub issuer: String,
}

/// Why a receipt key is not certified.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The receipt has no certificate.
    #[error("the receipt has no certificate of its key")]
    Missing,
    /// Not a certificate.
    #[error("the certificate of the receipt key is damaged")]
    Form(#[source] der::Error),
    /// It is another key's.
    #[error("the certificate of the receipt is that of another key")]
    Key,
    /// The key is not for signatures.
    #[error("the certificate of the receipt key does not allow signatures")]
    Usage,
    /// It is for other purposes.
    #[error("the certificate of the receipt key is not for documents")]
    Purpose,
    /// It does not name a job.
    #[error("the certificate of the receipt key does not name a job")]
    NoName,
    /// It names another job.
    #[error("the receipt key is certified for {found}, and not for {wanted}")]
    Name {
        /// The job that it has to be.
        wanted: String,
        /// The job, or another name, in the certificate.
        found: String,
    },
    /// No issuer that is believed vouches for it.
    #[error("the receipt key: {0}")]
    Chain(#[source] ChainError),
}

/// Checks that the first of the certificates `chain` is that of `key`, names the job `name`, may sign documents, and leads to a root, all
/// at the time when the receipt was made, since 1970.
///
/// # Errors
/// The first thing that is not as it has to be.
pub fn check(
    chain: &[Vec<u8>],
    key: &PublicKey,
    name: &str,
    time: Duration,
    roots: &Roots,
) -> Result<Certified, CertificateError> {
    let (certificate, others) = own(chain, key, name)?;
    let others: Vec<_> = others.iter().map(|other| CertificateDer::from(other.as_slice())).collect();
    let der = CertificateDer::from(chain[0].as_slice());
    roots.check(&der, &others, time, DOCUMENT_SIGNING).map_err(CertificateError::Chain)?;
    Ok(Certified { job: name.to_owned(), issuer: certificate.tbs_certificate.issuer.to_string() })
}

/// Checks that a receipt of `key` may have the certificates `chain` at this time, since 1970: the first of them is that of the key, names
/// the job `name`, allows signatures, and is valid. Whether a root has issued it, only a verifier can tell.
///
/// # Errors
/// The first thing that is not as it has to be.
pub fn check_own(
    chain: &[Vec<u8>],
    key: &PublicKey,
    name: &str,
    time: Duration,
) -> Result<Certified, CertificateError> {
    let (certificate, _) = own(chain, key, name)?;
    let purposes: Option<ExtendedKeyUsage> = extension(&certificate, EXTENDED_KEY_USAGE);
    if purposes.is_some_and(|purposes| !purposes.0.contains(&profile::DOCUMENT_SIGNING)) {
        return Err(CertificateError::Purpose);
    }
    let certificate = certificate.tbs_certificate;
    let (begin, end) = (certificate.validity.not_before, certificate.validity.not_after);
    if time < begin.to_unix_duration() || time > end.to_unix_duration() {
        return Err(CertificateError::Chain(ChainError::Validity));
    }
    Ok(Certified { job: name.to_owned(), issuer: certificate.issuer.to_string() })
}

/// The first certificate of a chain, which is that of the key, allows signatures and names the job; and the others.
fn own<'a>(
    chain: &'a [Vec<u8>],
    key: &PublicKey,
    name: &str,
) -> Result<(Certificate, &'a [Vec<u8>]), CertificateError> {
    let (own, others) = chain.split_first().ok_or(CertificateError::Missing)?;
    let certificate = Certificate::from_der(own).map_err(CertificateError::Form)?;
    let certified_key = certificate.tbs_certificate.subject_public_key_info.to_der().map_err(CertificateError::Form)?;
    if certified_key != key.spki_der() {
        return Err(CertificateError::Key);
    }
    let usage: Option<KeyUsage> = extension(&certificate, KEY_USAGE);
    if !usage.is_some_and(|usage| usage.digital_signature()) {
        return Err(CertificateError::Usage);
    }
    let names: Option<SubjectAltName> = extension(&certificate, ALTERNATIVE_NAME);
    let names = names.map(|names| names.0).unwrap_or_default();
    let [GeneralName::UniformResourceIdentifier(job)] = names.as_slice() else {
        return Err(CertificateError::NoName);
    };
    if job.as_str() != name {
        return Err(CertificateError::Name { wanted: name.to_owned(), found: job.to_string() });
    }
    Ok((certificate, others))
}
