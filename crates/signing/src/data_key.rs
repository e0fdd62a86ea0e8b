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

/// First bytes of the AAD of a key's origin, with the zero byte that ends them.
const ORIGIN_DOMAIN: &[u8] = b"vaultstream/key-origin/v1\0";

/// The byte behind the 32 of a data key whose job has seals on all batches.
const ALL_SEALED: u8 = 1;

/// Bytes of the AES-256 key.
const KEY_BYTES: usize = 32;

/// A job's data key in clear: for wrapping and unwrapping it. Wiped from memory when dropped.
///
/// It says whether every batch of its job is sealed, because no one without the key-encryption key can change what it says. A version that
/// seals no batches made a key of 32 bytes; it does not take a key of 33, and so does not work on a job in which all batches are sealed.
pub struct DataKey(Zeroizing<Vec<u8>>);

/// A job's data key, ready to encrypt and decrypt the job's private keys. Wiped from memory when dropped.
pub struct JobCipher {
    key: SealingKey,
    seals_all: bool,
}

impl DataKey {
    /// Makes a new data key.
    ///
    /// # Errors
    ///
    /// When there is no randomness.
    pub fn generate() -> Result<Self, KekError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES + 1));
        bytes.extend_from_slice(&*sealing::random_key()?);
        bytes.push(ALL_SEALED);
        Ok(Self(bytes))
    }

    /// Takes the bytes that were unwrapped.
    ///
    /// # Errors
    ///
    /// When these are not those of a data key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UnwrapError> {
        match bytes.get(KEY_BYTES..) {
            Some([] | [ALL_SEALED]) => Ok(Self(Zeroizing::new(bytes.to_vec()))),
            _ => Err(UnwrapError::Refused),
        }
    }

    /// Its bytes, for what wraps them.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
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
        let (key, rest) = self.0.split_first_chunk::<KEY_BYTES>().ok_or(KekError::Form)?;
        Ok(JobCipher { key: SealingKey::new(key)?, seals_all: rest == [ALL_SEALED] })
    }
}

impl JobCipher {
    /// Encrypts `key` for the row `context`: nonce ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    ///
    /// When there is no randomness for the nonce.
    pub fn wrap(&self, key: &PrivateKey, context: &WrapContext) -> Result<Vec<u8>, KekError> {
        self.key.seal(&aad(KEY_DOMAIN, context, &key.public()), &*key.scalar())
    }

    /// Opens the wrapped key of the row `context`, whose public key is `public`.
    ///
    /// # Errors
    ///
    /// When anything about it is not as it was sealed.
    pub fn unwrap(&self, wrapped: &[u8], context: &WrapContext, public: &PublicKey) -> Result<PrivateKey, UnwrapError> {
        let scalar = self.key.open(&aad(KEY_DOMAIN, context, public), wrapped).ok_or(UnwrapError::Refused)?;
        private_key(&scalar, public)
    }

    /// The proof that `public` is the key of the row `context`, which holds when its private key is damaged, too.
    ///
    /// # Errors
    ///
    /// When there is no randomness for the nonce.
    pub fn origin(&self, context: &WrapContext, public: &PublicKey) -> Result<Vec<u8>, KekError> {
        self.key.seal(&aad(ORIGIN_DOMAIN, context, public), &[])
    }

    /// Whether this is what [`origin`](Self::origin) made of the same row and key.
    #[must_use]
    pub fn is_origin(&self, origin: &[u8], context: &WrapContext, public: &PublicKey) -> bool {
        self.key.open(&aad(ORIGIN_DOMAIN, context, public), origin).is_some_and(|rest| rest.is_empty())
    }

    /// Whether every batch of the job is sealed: no worker that seals none could work on it.
    #[must_use]
    pub fn seals_all(&self) -> bool {
        self.seals_all
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
fn aad(domain: &[u8], context: &WrapContext, public: &PublicKey) -> Vec<u8> {
    let WrapContext { job, key, version } = context;
    let parts: [&[u8]; 5] = [domain, job.as_bytes(), &key.to_be_bytes(), &version.to_be_bytes(), &public.spki_digest()];
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
        assert_eq!(aad(KEY_DOMAIN, &context, &public), expected.concat());
        let of_data_key = [b"vaultstream/data-key/v1\0".as_slice(), &7_u128.to_be_bytes()].concat();
        assert_eq!(DataKey::aad(Uuid::from_u128(7)), of_data_key);
    }

    #[test]
    fn the_bytes_of_a_data_key_are_wiped_when_it_is_dropped() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        is_wiped(&DataKey::generate().unwrap().0);
    }
}
