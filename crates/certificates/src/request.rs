//! Asking a certificate authority for the certificate of a receipt key (PKCS #10, RFC 2986).
//!
//! ```text
//! worker, which has the key ──┬─ proof: signature over the request's content ──┐
//!                             └─ tag: HMAC of the content under the challenge ─┤ ledger
//!                                          ▲                                   ▼
//! operator ─ challenge, in a message that the ledger never has ─┘   content made anew, tag and proof checked ─▶ PKCS #10
//! ```
//!
//! The content follows from the job's name and its key, so that a worker has nothing certified but that. The tag shows that who asks got
//! the message, too: who can only write the ledger gets no certificate.

use std::fmt;

use aws_lc_rs::hmac;
use der::asn1::{BitString, Ia5String, OctetString, SetOfVec, UintRef};
use der::pem::LineEnding;
use der::{Decode as _, Encode as _, EncodePem as _, Sequence};
use vaultstream_signing::{PrivateKey, PublicKey, RawSignature, SigningError, is_signed, sign_message};
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, ObjectIdentifier, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::JobName;
use crate::profile::{ALTERNATIVE_NAME, subject};

/// ecdsa-with-SHA256 (RFC 5758 §3.2).
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// The common name of every request. Authorities take no more than 64 characters, and a job's name may be longer.
const SUBJECT: &str = "VaultStream receipt";

/// What a worker has to know to ask for a certificate. It goes from the operator to workers in messages, and never into the ledger.
#[derive(Clone)]
pub struct Challenge(Zeroizing<[u8; 32]>);

/// Names a [`Challenge`] without disclosing it.
pub type ChallengeId = [u8; 8];

/// What the holder of a receipt key shows to have it certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The key's signature over the content of the request.
    pub signature: [u8; 64],
    /// HMAC-SHA256 of the content under the challenge.
    pub tag: [u8; 32],
}

/// A proof is not what its place says.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Not made with the challenge: no worker of the job made it.
    #[error("it was not made with the challenge of the operator's message")]
    Tag,
    /// Not made with the receipt key.
    #[error("its signature is not that of the receipt key")]
    Signature,
    /// The request could not be written.
    #[error("failed to write the request")]
    Encode(#[from] der::Error),
}

/// Why no proof could be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The request could not be written.
    #[error("failed to write the request for a certificate")]
    Encode(#[from] der::Error),
    /// The request could not be signed.
    #[error("failed to sign the request for a certificate")]
    Sign(#[source] SigningError),
}

impl Challenge {
    /// A challenge of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The challenge of one job, from a secret that the caller has for all of its jobs.
    #[must_use]
    pub fn of_job(secret: &Self, job: &JobName<'_>) -> Self {
        Self::new(secret.mac(format!("vaultstream/certificate-challenge/v1\0{job}").as_bytes()))
    }

    /// Its bytes, for a message.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Its name in the ledger.
    #[must_use]
    pub fn id(&self) -> ChallengeId {
        let digest = self.mac(b"vaultstream/certificate-challenge-id/v1\0");
        let mut id = ChallengeId::default();
        id.copy_from_slice(&digest[..8]);
        id
    }

    fn mac(&self, content: &[u8]) -> [u8; 32] {
        let mut tag = [0; 32];
        // As long as a tag of SHA-256 is.
        tag.copy_from_slice(hmac::sign(&self.key(), content).as_ref());
        tag
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.0)
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(…)")
    }
}

/// Shows that the caller has the key and the challenge.
///
/// # Errors
/// When the request cannot be written or signed.
pub fn prove(key: &PrivateKey, job: &JobName<'_>, challenge: &Challenge) -> Result<Proof, ProveError> {
    let content = content(&key.public(), job)?.to_der()?;
    let signature = sign_message(key, &content).map_err(ProveError::Sign)?;
    Ok(Proof { signature: signature.0, tag: challenge.mac(&content) })
}

/// The request of the holder of `key` for the certificate of `job`, in PEM, once its proof is checked.
///
/// # Errors
/// When the proof is not that of a worker that has the key and the challenge.
pub fn request(key: &PublicKey, job: &JobName<'_>, challenge: &Challenge, proof: &Proof) -> Result<String, ProofError> {
    let info = content(key, job)?;
    let content = info.to_der()?;
    hmac::verify(&challenge.key(), &content, &proof.tag).map_err(|_| ProofError::Tag)?;
    if !is_signed(key, &content, RawSignature(proof.signature)) {
        return Err(ProofError::Signature);
    }
    let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None };
    let signature = BitString::from_bytes(&SignatureValue::of(&proof.signature)?.to_der()?)?;
    Ok(CertReq { info, algorithm, signature }.to_pem(LineEnding::LF)?)
}

/// What is asked for: a certificate of this key in the name of this job. What it is for is not said here, because cert-manager takes that
/// from its own resource.
fn content(key: &PublicKey, job: &JobName<'_>) -> Result<CertReqInfo, der::Error> {
    let name = GeneralName::UniformResourceIdentifier(Ia5String::new(&job.to_string())?);
    let extn_value = OctetString::new(SubjectAltName(vec![name]).to_der()?)?;
    let extension = Extension { extn_id: ALTERNATIVE_NAME, critical: false, extn_value };
    Ok(CertReqInfo {
        version: Version::V1,
        subject: subject(SUBJECT)?,
        public_key: SubjectPublicKeyInfoOwned::from_der(key.spki_der())?,
        attributes: SetOfVec::try_from(vec![Attribute::try_from(ExtensionReq(vec![extension]))?])?,
    })
}

/// Ecdsa-Sig-Value (RFC 3279 §2.2.3).
#[derive(Sequence)]
struct SignatureValue<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

impl<'a> SignatureValue<'a> {
    fn of(signature: &'a [u8; 64]) -> Result<Self, der::Error> {
        let (r, s) = signature.split_at(32);
        Ok(Self { r: UintRef::new(r)?, s: UintRef::new(s)? })
    }
}

#[cfg(test)]
mod tests {
    use der::Decode as _;
    use uuid::Uuid;
    use x509_cert::request::CertReq;

    use super::*;

    const JOB: JobName<'_> = JobName { cluster: "c", namespace: "n", name: "j", uid: Uuid::from_u128(7) };

    fn key(byte: u8) -> PrivateKey {
        PrivateKey::from_scalar(&[byte; 32]).unwrap()
    }

    fn challenge(byte: u8) -> Challenge {
        Challenge::new([byte; 32])
    }

    #[test]
    fn who_has_key_and_challenge_gets_a_request_for_this_job_and_nothing_else() {
        let (key, challenge) = (key(1), challenge(2));
        let proof = prove(&key, &JOB, &challenge).unwrap();
        let pem = request(&key.public(), &JOB, &challenge, &proof).unwrap();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"), "{pem}");
        let (_, der) = der::pem::decode_vec(pem.as_bytes()).unwrap();
        let read = CertReq::from_der(&der).unwrap();
        assert_eq!(read.info, content(&key.public(), &JOB).unwrap());
        assert_eq!(read.info.attributes.len(), 1);
        // What is signed is exactly what is asked for.
        let again = request(&key.public(), &JOB, &challenge, &prove(&key, &JOB, &challenge).unwrap()).unwrap();
        let (_, again) = der::pem::decode_vec(again.as_bytes()).unwrap();
        assert_eq!(CertReq::from_der(&again).unwrap().info, read.info);
    }

    #[test]
    fn a_proof_of_another_key_job_or_challenge_is_refused() {
        let proof = prove(&key(1), &JOB, &challenge(2)).unwrap();
        let other_job = JobName { name: "k", ..JOB };
        let refused = |key: PrivateKey, job: &JobName<'_>, challenge: Challenge, proof: &Proof| {
            request(&key.public(), job, &challenge, proof).unwrap_err()
        };
        assert!(matches!(refused(key(3), &JOB, challenge(2), &proof), ProofError::Tag));
        assert!(matches!(refused(key(1), &other_job, challenge(2), &proof), ProofError::Tag));
        assert!(matches!(refused(key(1), &JOB, challenge(3), &proof), ProofError::Tag));
        // Who writes the ledger makes a key and signs with it, and lacks the challenge.
        let forged = prove(&key(3), &JOB, &challenge(3)).unwrap();
        assert!(matches!(refused(key(3), &JOB, challenge(2), &forged), ProofError::Tag));
        // Who has the challenge and not the key.
        let of_other = Proof { tag: proof.tag, signature: forged.signature };
        assert!(matches!(refused(key(1), &JOB, challenge(2), &of_other), ProofError::Signature));
    }

    #[test]
    fn a_challenge_is_named_without_being_disclosed_and_differs_from_job_to_job() {
        let secret = challenge(1);
        let of_job = Challenge::of_job(&secret, &JOB);
        assert_eq!(of_job.bytes(), Challenge::of_job(&secret, &JOB).bytes());
        assert_ne!(of_job.bytes(), Challenge::of_job(&secret, &JobName { name: "k", ..JOB }).bytes());
        assert_ne!(of_job.bytes(), Challenge::of_job(&challenge(2), &JOB).bytes());
        assert_ne!(of_job.id(), secret.id());
        assert_ne!(of_job.id().as_slice(), &of_job.bytes()[..8]);
        assert_eq!(format!("{of_job:?}"), "Challenge(…)");
    }
}
