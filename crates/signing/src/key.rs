//! Private keys: made here, kept in memory that is wiped, never shown.

use std::fmt;

use p256::ecdsa::SigningKey;
use p256::elliptic_curve::Generate;
use zeroize::Zeroizing;

use crate::PublicKey;

/// An ECDSA P-256 private key; wiped from memory when dropped, and `Debug` shows only which public key it belongs to.
#[derive(Clone)]
pub struct PrivateKey(SigningKey);

/// Why a private key could not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The system gave no random bytes.
    #[error("the system has no randomness for a new key")]
    Randomness,
    /// The number is zero or not below the curve's order.
    #[error("not a private key of the curve P-256")]
    Scalar,
}

impl PrivateKey {
    /// Makes a key from the system's randomness.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn generate() -> Result<Self, KeyError> {
        SigningKey::try_generate().map(Self).map_err(|_| KeyError::Randomness)
    }

    /// Takes a key from its 32 bytes, big-endian.
    ///
    /// # Errors
    ///
    /// When the number is zero or not below the curve's order.
    pub fn from_scalar(scalar: &[u8; 32]) -> Result<Self, KeyError> {
        SigningKey::from_slice(scalar).map(Self).map_err(|_| KeyError::Scalar)
    }

    /// The public key that belongs to it.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey::from_verifying_key(*self.0.verifying_key())
    }

    /// Its 32 bytes, big-endian: for wrapping and for other libraries, never for showing.
    pub(crate) fn scalar(&self) -> Zeroizing<[u8; 32]> {
        let bytes = Zeroizing::new(self.0.to_bytes());
        let mut scalar = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(&bytes);
        scalar
    }

    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public().thumbprint()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    #[test]
    fn what_holds_a_secret_is_wiped_when_it_is_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>(_: &T) {}
        let key = PrivateKey::generate().unwrap();
        is_wiped(&key.0);
        is_wiped(&key.scalar());
    }
}
