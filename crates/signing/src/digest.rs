//! The two fixed-size values the hot loop works on: digests go in, signatures come out.

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, the input of every signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// An ECDSA P-256 signature as r‖s, each 32 bytes big-endian: the form that is stored.
///
/// s is as the signer made it, not normalised to the lower half (RFC 6979's own vectors have high ones).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawSignature(pub [u8; 64]);

impl RawSignature {
    /// Room for a signature that is still to be made; it verifies under no key.
    pub const EMPTY: Self = Self([0; 64]);
}

impl AsRef<[u8; 32]> for Digest {
    fn as_ref(&self) -> &[u8; 32] {
        &self.0
    }
}

impl AsRef<[u8; 64]> for RawSignature {
    fn as_ref(&self) -> &[u8; 64] {
        &self.0
    }
}

impl AsMut<[u8; 64]> for RawSignature {
    fn as_mut(&mut self) -> &mut [u8; 64] {
        &mut self.0
    }
}
