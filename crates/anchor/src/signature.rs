//! Digests and signatures of the algorithms that tokens have.

use aws_lc_rs::digest;
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Encode as _};
use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, aws_lc_rs as algorithms};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::asn1::{SHA_1, SHA_256, SHA_384, SHA_512};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The digest of `data`; `None` for an algorithm that is unknown or broken.
pub(crate) fn digest(algorithm: ObjectIdentifier, data: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match algorithm {
        SHA_256 => &digest::SHA256,
        SHA_384 => &digest::SHA384,
        SHA_512 => &digest::SHA512,
        _ => return None,
    };
    Some(digest::digest(algorithm, data).as_ref().to_vec())
}

/// The hash of a certificate, which may be SHA-1, too: RFC 2634 has no other. It chooses among certificates whose own signatures are
/// checked.
pub(crate) fn certificate_hash(algorithm: ObjectIdentifier, certificate: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        SHA_1 => Some(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref().to_vec()),
        other => digest(other, certificate),
    }
}

/// Whether `signature` is that of the certificate's key over `message`; `None` for an algorithm that is unknown, or not for this key.
pub(crate) fn verify(
    certificate: &EndEntityCert<'_>,
    algorithm: &AlgorithmIdentifierOwned,
    digest: ObjectIdentifier,
    message: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let mut result = None;
    for candidate in candidates(algorithm, digest) {
        match certificate.verify_signature(candidate, message, signature) {
            Ok(()) => return Some(true),
            Err(webpki::Error::InvalidSignatureForPublicKey) => result = Some(false),
            // Of another curve, for example.
            Err(_) => {}
        }
    }
    result
}

fn candidates(
    algorithm: &AlgorithmIdentifierOwned,
    digest: ObjectIdentifier,
) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    if algorithm.oid == RSA_ENCRYPTION {
        // RFC 3370 §3.2: the digest is that of the signer.
        let known: Option<&'static dyn SignatureVerificationAlgorithm> = match digest {
            SHA_256 => Some(algorithms::RSA_PKCS1_2048_8192_SHA256),
            SHA_384 => Some(algorithms::RSA_PKCS1_2048_8192_SHA384),
            SHA_512 => Some(algorithms::RSA_PKCS1_2048_8192_SHA512),
            _ => None,
        };
        return known.into_iter().collect();
    }
    let Ok(encoded) = algorithm.to_der() else { return Vec::new() };
    // Without tag and length.
    let Ok(wanted) = AnyRef::from_der(&encoded).map(|any| any.value()) else { return Vec::new() };
    ALL_VERIFICATION_ALGS.iter().copied().filter(|known| *known.signature_alg_id() == *wanted).collect()
}
