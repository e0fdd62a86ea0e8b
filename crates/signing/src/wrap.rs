//! What is sealed under a KEK: data keys of jobs, and private keys of jobs that an earlier version began, each bound to the one row of
//! the ledger that it belongs to.

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::kek::KekError;
use crate::{Kek, KekId, PrivateKey, PublicKey};

/// First bytes of every wrapped key's AAD, with the zero byte that ends them.
const DOMAIN: &[u8] = b"vaultstream/wrap/v1\0";

/// How many keys one KEK may wrap. The nonces are random: NIST SP 800-38D §8.3 allows 2³² under one key; half of it is
/// left for canaries and restored ledgers.
pub const MAX_WRAPS_PER_KEK: i64 = 1 << 31;

/// The KEKs that are loaded: one wraps new keys, all of them open old ones.
#[derive(Debug)]
pub struct KekRing {
    current: Kek,
    older: Vec<Kek>,
}

/// The row of the ledger that a wrapped key belongs to; in no other one will it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrapContext {
    /// Uid of the job.
    pub job: Uuid,
    /// Id of the key's row.
    pub key: i64,
    /// Version of the key.
    pub version: i32,
}

/// A private key or a data key sealed under a KEK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The KEK it is sealed under.
    pub kek_id: KekId,
    /// Nonce ‖ ciphertext ‖ tag.
    pub bytes: Vec<u8>,
}

/// Why a wrapped key did not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// Its KEK is not loaded.
    #[error("the key-encryption key {0} is not loaded")]
    UnknownKek(KekId),
    /// It was changed, moved to another row, sealed under another KEK, or its public key was changed.
    #[error("the encrypted key does not belong to this row and this key-encryption key")]
    Refused,
}

impl KekRing {
    /// A ring of one.
    #[must_use]
    pub fn new(current: Kek) -> Self {
        Self { current, older: Vec::new() }
    }

    /// Adds a KEK that opens what it once wrapped.
    #[must_use]
    pub fn with_older(mut self, kek: Kek) -> Self {
        self.older.push(kek);
        self
    }

    /// The KEK that wraps.
    #[must_use]
    pub fn current(&self) -> &Kek {
        &self.current
    }

    /// Every loaded KEK, the current one first.
    pub fn iter(&self) -> impl Iterator<Item = &Kek> {
        std::iter::once(&self.current).chain(&self.older)
    }

    /// The KEK of this id, when it is loaded.
    #[must_use]
    pub fn get(&self, id: &KekId) -> Option<&Kek> {
        self.iter().find(|kek| kek.id() == id)
    }

    /// Seals a secret, such as a data key, under the current KEK.
    ///
    /// # Errors
    ///
    /// When there is no randomness for the nonce.
    pub fn seal(&self, aad: &[u8], secret: &[u8]) -> Result<WrappedKey, KekError> {
        let bytes = self.current.seal(aad, secret)?;
        Ok(WrappedKey { kek_id: self.current.id().clone(), bytes })
    }

    /// Opens what [`seal`](Self::seal) made with the same AAD.
    ///
    /// # Errors
    ///
    /// When its KEK is not loaded, or anything about it is not as it was sealed.
    pub fn open(&self, aad: &[u8], sealed: &WrappedKey) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
        let kek = self.get(&sealed.kek_id).ok_or_else(|| UnwrapError::UnknownKek(sealed.kek_id.clone()))?;
        kek.open(aad, &sealed.bytes).ok_or(UnwrapError::Refused)
    }

    /// Seals `key` under the current KEK for the row `context`.
    ///
    /// # Errors
    ///
    /// When there is no randomness for the nonce.
    pub fn wrap(&self, key: &PrivateKey, context: &WrapContext) -> Result<WrappedKey, KekError> {
        let kek = &self.current;
        let bytes = kek.seal(&aad(context, kek.id(), &key.public()), &*key.scalar())?;
        Ok(WrappedKey { kek_id: kek.id().clone(), bytes })
    }

    /// Opens the wrapped key of the row `context`, whose public key is `public`.
    ///
    /// # Errors
    ///
    /// When its KEK is not loaded, or anything about it is not as it was sealed.
    pub fn unwrap(
        &self,
        kek_id: &KekId,
        wrapped: &[u8],
        context: &WrapContext,
        public: &PublicKey,
    ) -> Result<PrivateKey, UnwrapError> {
        let kek = self.get(kek_id).ok_or_else(|| UnwrapError::UnknownKek(kek_id.clone()))?;
        let scalar = kek.open(&aad(context, kek_id, public), wrapped).ok_or(UnwrapError::Refused)?;
        private_key(&scalar, public)
    }
}

/// The private key of these bytes, which has to be that of `public`.
pub(crate) fn private_key(scalar: &[u8], public: &PublicKey) -> Result<PrivateKey, UnwrapError> {
    let scalar = scalar.try_into().map_err(|_| UnwrapError::Refused)?;
    let key = PrivateKey::from_scalar(scalar).map_err(|_| UnwrapError::Refused)?;
    // The AAD has said so already; this costs nothing beside the parsing, and needs no trust in who wrapped it.
    if key.public() == *public { Ok(key) } else { Err(UnwrapError::Refused) }
}

/// Domain ‖ job uid ‖ key id ‖ version ‖ KEK id ‖ SHA-256(SPKI), numbers big-endian. Only the id varies in length, so
/// no two contexts share an encoding.
fn aad(context: &WrapContext, kek_id: &KekId, public: &PublicKey) -> Vec<u8> {
    let WrapContext { job, key, version } = context;
    let parts: [&[u8]; 6] = [
        DOMAIN,
        job.as_bytes(),
        &key.to_be_bytes(),
        &version.to_be_bytes(),
        kek_id.as_str().as_bytes(),
        &public.spki_digest(),
    ];
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    /// Keys that were wrapped by earlier versions open with these bytes only.
    #[test]
    fn a_key_is_bound_to_the_documented_bytes() {
        let public = PrivateKey::from_scalar(&[1; 32]).unwrap().public();
        let context = WrapContext { job: Uuid::from_u128(7), key: 11, version: 2 };
        let expected = [
            b"vaultstream/wrap/v1\0".as_slice(),
            &7_u128.to_be_bytes(),
            &[0, 0, 0, 0, 0, 0, 0, 11],
            &[0, 0, 0, 2],
            b"2026",
            &Digest::of(public.spki_der()).0,
        ];
        assert_eq!(aad(&context, &"2026".parse().unwrap(), &public), expected.concat());
    }
}
