//! Public keys in the forms they are stored and published in.

use std::fmt;

use p256::ecdsa::VerifyingKey;

use crate::digest::Digest;
use crate::pem;
use crate::thumbprint::Thumbprint;

/// Everything of a SubjectPublicKeyInfo before the point: id-ecPublicKey, prime256v1, BIT STRING (RFC 5480).
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Length of an uncompressed point.
pub(crate) const SEC1_BYTES: usize = 65;

/// Length of a P-256 key as SubjectPublicKeyInfo with an uncompressed point.
pub const SPKI_BYTES: usize = SPKI_PREFIX.len() + SEC1_BYTES;

/// An ECDSA P-256 public key: a point known to be on the curve.
#[derive(Clone)]
pub struct PublicKey {
    spki: [u8; SPKI_BYTES],
    key: VerifyingKey,
}

/// Bytes that are not a P-256 public key in the form we write.
#[derive(Debug, thiserror::Error)]
pub enum PublicKeyError {
    /// Not a SubjectPublicKeyInfo of P-256 with an uncompressed point, which has exactly one encoding.
    #[error("not the SubjectPublicKeyInfo of an uncompressed P-256 key")]
    Form,
    /// The coordinates are not a point of the curve.
    #[error("the point is not on the curve P-256")]
    Point,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER: only the one canonical form with an uncompressed point.
    ///
    /// # Errors
    ///
    /// When it has another form, or the point is not on the curve.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        let point = der.strip_prefix(SPKI_PREFIX.as_slice()).ok_or(PublicKeyError::Form)?;
        Self::from_sec1(point.try_into().map_err(|_| PublicKeyError::Form)?)
    }

    /// Reads an uncompressed point: `0x04 ‖ x ‖ y`.
    pub(crate) fn from_sec1(point: &[u8; SEC1_BYTES]) -> Result<Self, PublicKeyError> {
        if point[0] != 4 {
            return Err(PublicKeyError::Form);
        }
        VerifyingKey::from_sec1_bytes(point).map(Self::from_verifying_key).map_err(|_| PublicKeyError::Point)
    }

    pub(crate) fn from_verifying_key(key: VerifyingKey) -> Self {
        let mut spki = [0; SPKI_BYTES];
        spki[..SPKI_PREFIX.len()].copy_from_slice(&SPKI_PREFIX);
        spki[SPKI_PREFIX.len()..].copy_from_slice(key.to_sec1_point(false).as_bytes());
        Self { spki, key }
    }

    /// The key as SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8; SPKI_BYTES] {
        &self.spki
    }

    /// The key as SubjectPublicKeyInfo in PEM (RFC 7468), as `openssl dgst -verify` wants it.
    #[must_use]
    pub fn spki_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.spki)
    }

    /// SHA-256 thumbprint of the JWK (RFC 7638): the name a key has wherever it is published.
    #[must_use]
    pub fn thumbprint(&self) -> Thumbprint {
        let (x, y) = self.coordinates();
        Thumbprint::of(x, y)
    }

    /// SHA-256 of the DER form, which a wrapped key is bound to.
    pub(crate) fn spki_digest(&self) -> [u8; 32] {
        Digest::of(&self.spki).0
    }

    /// The uncompressed point.
    pub(crate) fn sec1(&self) -> [u8; SEC1_BYTES] {
        let mut point = [0; SEC1_BYTES];
        point.copy_from_slice(&self.spki[SPKI_PREFIX.len()..]);
        point
    }

    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// x and y of the point, big-endian.
    pub(crate) fn coordinates(&self) -> (&[u8; 32], &[u8; 32]) {
        let (halves, _) = self.spki[SPKI_PREFIX.len() + 1..].as_chunks::<32>();
        (&halves[0], &halves[1])
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.thumbprint())
    }
}

#[cfg(test)]
mod tests {
    use crate::PrivateKey;

    #[test]
    fn a_public_key_equals_itself_and_no_other() {
        let [one, same, other] = [1, 1, 2].map(|last| {
            let mut scalar = [0; 32];
            scalar[31] = last;
            PrivateKey::from_scalar(&scalar).unwrap().public()
        });
        assert_eq!(one, same);
        assert_ne!(one, other);
    }
}
