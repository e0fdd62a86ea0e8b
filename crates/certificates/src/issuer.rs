//! An issuer whose certificate and key are files, for a laptop: it certifies the receipt keys of jobs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use der::asn1::{BitString, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, UtcTime};
use der::{Any, Decode as _, Encode as _};
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{AlgorithmIdentifier, CertificateDer, PrivateKeyDer, alg_id};
use rustls::sign::SigningKey;
use vaultstream_signing::{Digest, PublicKey};
use x509_cert::Certificate;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};
use zeroize::Zeroizing;

use crate::JobName;
use crate::profile::{ALTERNATIVE_NAME, DOCUMENT_SIGNING, EXTENDED_KEY_USAGE, KEY_USAGE, subject};

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");

/// How long a certificate is valid. Its key signs one receipt, at once, and that has the time of it.
const VALID_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How much earlier it begins.
const VALID_BEFORE: Duration = Duration::from_secs(60 * 60);

/// The first second that a certificate states with four digits of its year (RFC 5280 §4.1.2.5): 2050.
const YEAR_2050: Duration = Duration::from_secs(2_524_608_000);

/// An issuer.
pub struct Issuer {
    /// Its own certificate, and those between it and a root.
    chain: Vec<CertificateDer<'static>>,
    name: Name,
    /// The identifier of its key, if its certificate has one.
    key_id: Option<OctetString>,
    key: Arc<dyn SigningKey>,
}

/// Why there is no issuer, or no certificate by it.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// Missing, unreadable, or not PEM.
    #[error("failed to read {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The file could not be opened.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No certificate in the file.
    #[error("{} contains no certificate", .0.display())]
    Empty(PathBuf),
    /// The certificate cannot be read.
    #[error("the issuer's certificate is damaged")]
    Certificate(#[source] der::Error),
    /// The certificate must not issue others.
    #[error("the issuer's certificate is not that of a certificate authority")]
    NoAuthority,
    /// A key of an unknown kind.
    #[error(
        "the issuer's key is of a kind that is not supported: it has to be RSA, ECDSA with P-256 or P-384, or Ed25519"
    )]
    Key,
    /// The key is not that of the certificate.
    #[error("the issuer's key is not the one of its certificate")]
    OtherKey,
    /// The certificate could not be written.
    #[error("failed to write the certificate")]
    Encode(#[from] der::Error),
    /// The certificate could not be signed.
    #[error("failed to sign the certificate")]
    Sign(#[source] rustls::Error),
}

impl Issuer {
    /// Reads an issuer's certificate, followed by those between it and a root if there are some, and its key; both PEM.
    ///
    /// # Errors
    /// When the files cannot be used, or do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, IssuerError> {
        let read = |path: &Path| fs::read(path).map_err(|source| IssuerError::Read { path: path.to_owned(), source });
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| IssuerError::File { path, source }
        };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(certificate)?).collect();
        let chain = chain.map_err(unreadable(certificate))?;
        let own = chain.first().ok_or_else(|| IssuerError::Empty(certificate.to_owned()))?;
        let own = Certificate::from_der(own).map_err(IssuerError::Certificate)?;
        let authority: Option<BasicConstraints> = crate::profile::extension(&own, BASIC_CONSTRAINTS);
        if !authority.is_some_and(|constraints| constraints.ca) {
            return Err(IssuerError::NoAuthority);
        }
        let key_text = Zeroizing::new(read(key)?);
        let key = PrivateKeyDer::from_pem_slice(&key_text).map_err(unreadable(key))?;
        let key = any_supported_type(&key).map_err(|_| IssuerError::Key)?;
        let of_certificate = own.tbs_certificate.subject_public_key_info.to_der()?;
        if key.public_key().is_some_and(|public| public.as_ref() != of_certificate) {
            return Err(IssuerError::OtherKey);
        }
        let key_id = crate::profile::extension(&own, KEY_ID);
        Ok(Self { chain, name: own.tbs_certificate.subject, key_id, key })
    }

    /// Certifies the receipt key of a job. Returns its certificate and the issuer's, each in DER.
    ///
    /// # Errors
    /// When it cannot be written or signed.
    pub fn certify(&self, key: &PublicKey, job: &JobName<'_>, now: SystemTime) -> Result<Vec<Vec<u8>>, IssuerError> {
        let (signer, algorithm) = self.signer()?;
        let mut serial: [u8; 16] = rand::random();
        serial[0] = serial[0] & 0x3f | 0x40;
        let to_be_signed = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&serial)?,
            signature: algorithm.clone(),
            issuer: self.name.clone(),
            validity: Validity { not_before: time(now - VALID_BEFORE)?, not_after: time(now + VALID_FOR)? },
            subject: subject(&format!("Receipt of {}/{}", job.namespace, job.name))?,
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(key.spki_der())?,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions(job, key, self.key_id.clone())?),
        };
        let signature = signer.sign(&to_be_signed.to_der()?).map_err(IssuerError::Sign)?;
        let certificate = Certificate {
            tbs_certificate: to_be_signed,
            signature_algorithm: algorithm,
            signature: BitString::from_bytes(&signature)?,
        };
        let others = self.chain.iter().map(|certificate| certificate.to_vec());
        Ok(std::iter::once(certificate.to_der()?).chain(others).collect())
    }

    fn signer(&self) -> Result<(Box<dyn rustls::sign::Signer>, AlgorithmIdentifierOwned), IssuerError> {
        const SCHEMES: [(SignatureScheme, AlgorithmIdentifier); 4] = [
            (SignatureScheme::ECDSA_NISTP256_SHA256, alg_id::ECDSA_SHA256),
            (SignatureScheme::ECDSA_NISTP384_SHA384, alg_id::ECDSA_SHA384),
            (SignatureScheme::RSA_PKCS1_SHA256, alg_id::RSA_PKCS1_SHA256),
            (SignatureScheme::ED25519, alg_id::ED25519),
        ];
        let signer = self.key.choose_scheme(&SCHEMES.map(|(scheme, _)| scheme)).ok_or(IssuerError::Key)?;
        let known = SCHEMES.into_iter().find(|(scheme, _)| *scheme == signer.scheme()).ok_or(IssuerError::Key)?;
        // Pki-types leaves the outer SEQUENCE out.
        let algorithm = Any::new(der::Tag::Sequence, known.1.as_ref())?.to_der()?;
        Ok((signer, AlgorithmIdentifierOwned::from_der(&algorithm)?))
    }
}

/// What the certificate of a receipt key is for: the signature of documents, by the key of this job.
fn extensions(job: &JobName<'_>, key: &PublicKey, issuer: Option<OctetString>) -> Result<Vec<Extension>, der::Error> {
    let usage = KeyUsage(KeyUsages::DigitalSignature.into());
    let purpose = ExtendedKeyUsage(vec![DOCUMENT_SIGNING]);
    let name = GeneralName::UniformResourceIdentifier(Ia5String::new(&job.to_string())?);
    // Of 160 bits (RFC 7093 §2).
    let key_id = OctetString::new(&Digest::of(key.spki_der()).0[..20])?;
    let mut extensions = vec![
        extension(KEY_USAGE, true, usage.to_der()?)?,
        extension(EXTENDED_KEY_USAGE, true, purpose.to_der()?)?,
        extension(ALTERNATIVE_NAME, false, SubjectAltName(vec![name]).to_der()?)?,
        extension(KEY_ID, false, key_id.to_der()?)?,
    ];
    if let Some(issuer) = issuer {
        let issuer = AuthorityKeyIdentifier {
            key_identifier: Some(issuer),
            authority_cert_issuer: None,
            authority_cert_serial_number: None,
        };
        extensions.push(extension(AUTHORITY_KEY_ID, false, issuer.to_der()?)?);
    }
    Ok(extensions)
}

fn extension(extn_id: ObjectIdentifier, critical: bool, content: Vec<u8>) -> Result<Extension, der::Error> {
    Ok(Extension { extn_id, critical, extn_value: OctetString::new(content)? })
}

fn time(time: SystemTime) -> Result<Time, der::Error> {
    // Before 1970 there are no certificates.
    let time = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Whole seconds.
    let time = Duration::from_secs(time.as_secs());
    Ok(if time < YEAR_2050 {
        Time::UtcTime(UtcTime::from_unix_duration(time)?)
    } else {
        Time::GeneralTime(GeneralizedTime::from_unix_duration(time)?)
    })
}
