//! Data keys: each job has one, which encrypts the job's private keys. The data key itself is wrapped under a key-encryption key, so
//! that erasing one wrapped data key makes all private keys of its job useless.

use std::fmt;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::kek::KekError;
use crate::sealing::{self, SealingKey};
use crate::wrap::{UnwrapError, WrapContext, private_key};
use crate::{PrivateKey, PublicKey};

/// First bytes of a wrapped data key's AAD, with the zero byte that ends them.
const DATA_KEY_DOMAIN: &[u8] = b"vaultstream/data-key/v1\0";

/// First bytes of the AAD of a private key under a data key, with the zero byte that ends them.
const KEY_DOMAIN: &[u8] = b"vaultstream/wrap/v2\0";

/// The 32 bytes of a job's data key in clear: for wrapping and unwrapping them. Wiped from memory when dropped.
pub struct DataKey(Zeroizing<[u8; 32]>);

/// A job's data key, ready to encrypt and decrypt the job's private keys. Wiped from memory when dropped.
pub struct JobCipher(SealingKey);

impl DataKey {
    /// Makes a new data key.
    ///
    /// # Errors
    ///
    /// When there is no randomness.
    pub fn generate() -> Result<Self, KekError> {
        sealing::random_key().map(Self)
    }

    /// Takes the bytes that were unwrapped.
    ///
    /// # Errors
    ///
    /// When these are not 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnwrapError> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(UnwrapError::Refused);
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// Its bytes, for what wraps them.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What a wrapped data key is bound to: its job. Domain ‖ job uid.
    #[must_use]
    pub fn aad(job: Uuid) -> Vec<u8> {
        [DATA_KEY_DOMAIN, job.as_bytes()].concat()
    }

    /// The key as a cipher. Its bytes are not needed any more.
    ///
    /// # Errors
    ///
    /// When AES-256-GCM cannot be set up.
    pub fn into_cipher(self) -> Result<JobCipher, KekError> {
        SealingKey::new(&self.0).map(JobCipher)
    }
}

impl JobCipher {
    /// Encrypts `key` for the row `context`: nonce ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    ///
    /// When there is no randomness for the nonce.
    pub fn wrap(&self, key: &PrivateKey, context: &WrapContext) -> Result<Vec<u8>, KekError> {
        self.0.seal(&aad(context, &key.public()), &*key.scalar())
    }

    /// Opens the wrapped key of the row `context`, whose public key is `public`.
    ///
    /// # Errors
    ///
    /// When anything about it is not as it was sealed.
    pub fn unwrap(&self, wrapped: &[u8], context: &WrapContext, public: &PublicKey) -> Result<PrivateKey, UnwrapError> {
        let scalar = self.0.open(&aad(context, public), wrapped).ok_or(UnwrapError::Refused)?;
        private_key(&scalar, public)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").finish_non_exhaustive()
    }
}

impl fmt::Debug for JobCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobCipher").finish_non_exhaustive()
    }
}

/// Domain ‖ job uid ‖ key id ‖ version ‖ SHA-256(SPKI), numbers big-endian. All parts have fixed lengths.
fn aad(context: &WrapContext, public: &PublicKey) -> Vec<u8> {
    let WrapContext { job, key, version } = context;
    let parts: [&[u8]; 5] =
        [KEY_DOMAIN, job.as_bytes(), &key.to_be_bytes(), &version.to_be_bytes(), &public.spki_digest()];
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    /// What is in ledgers opens with these bytes only.
    #[test]
    fn a_key_and_a_data_key_are_bound_to_the_documented_bytes() {
        let public = PrivateKey::from_scalar(&[1; 32]).unwrap().public();
        let context = WrapContext { job: Uuid::from_u128(7), key: 11, version: 2 };
        let expected = [
            b"vaultstream/wrap/v2\0".as_slice(),
            &7_u128.to_be_bytes(),
            &[0, 0, 0, 0, 0, 0, 0, 11],
            &[0, 0, 0, 2],
            &Digest::of(public.spki_der()).0,
        ];
        assert_eq!(aad(&context, &public), expected.concat());
        let of_data_key = [b"vaultstream/data-key/v1\0".as_slice(), &7_u128.to_be_bytes()].concat();
        assert_eq!(DataKey::aad(Uuid::from_u128(7)), of_data_key);
    }

    #[test]
    fn the_bytes_of_a_data_key_are_wiped_when_it_is_dropped() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        is_wiped(&DataKey::generate().unwrap().0);
    }
}
