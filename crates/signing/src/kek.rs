//! Key encryption keys: what wraps private keys, and how a wrong one is noticed before anything is made with it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

pub use crate::sealing::KekError;

use crate::Digest;
use crate::sealing::{self, SealingKey};

/// What a canary holds in clear; its AAD binds it to the id of the KEK.
const CANARY: &[u8] = b"vaultstream kek canary";
/// Separates a KEK's fingerprint from any other hash of it.
const ID_DOMAIN: &[u8] = b"vaultstream/kek-id/v1\0";
const CANARY_DOMAIN: &[u8] = b"vaultstream/kek-canary/v1\0";

/// Longest id: it is also part of a Secret's key, `kek.<id>`, of at most 253 characters.
const MAX_ID: usize = 128;

/// What the ids of keys begin with that a service holds, up to a colon: no file has such an id.
const SERVICES: [&str; 2] = ["transit", "kms"];

/// The name of a KEK, stored beside everything that it wrapped: that of a key in a file, or `SERVICE:KEY` of one that a service holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KekId(String);

/// A name that no KEK can have.
#[derive(Debug, thiserror::Error)]
#[error("not a valid id of a key-encryption key: in a file it has 1 to 128 of the characters a-z A-Z 0-9 . _ -")]
pub struct BadKekId;

impl KekId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The service and its name of the key; `None` for a key in a file.
    #[must_use]
    pub fn of_service(&self) -> Option<(&str, &str)> {
        self.0.split_once(':')
    }
}

impl FromStr for KekId {
    type Err = BadKekId;

    fn from_str(text: &str) -> Result<Self, BadKekId> {
        let of_file = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let of_service = |byte: u8| of_file(byte) || matches!(byte, b'/' | b':' | b'@');
        let allowed = match text.split_once(':') {
            Some((service, name)) => SERVICES.contains(&service) && !name.is_empty() && name.bytes().all(of_service),
            None => text.bytes().all(of_file),
        };
        if allowed && (1..=MAX_ID).contains(&text.len()) { Ok(Self(text.to_owned())) } else { Err(BadKekId) }
    }
}

impl fmt::Display for KekId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A key-encryption key: AES-256-GCM under an id. Wiped from memory when dropped; `Debug` shows the id only.
pub struct Kek {
    id: KekId,
    bytes: Zeroizing<[u8; 32]>,
    key: SealingKey,
}

/// The KEK is not the one that made the canary of its id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key-encryption key {id} is not the one that this ledger's keys are encrypted with")]
pub struct WrongKek {
    /// The id that both have.
    pub id: KekId,
}

impl Kek {
    /// Reads a KEK and derives its id: `k` and 16 hexadecimal digits of SHA-256 over a domain and its bytes. Another KEK has another
    /// id, and ids need not be stored.
    ///
    /// # Errors
    /// See [`KekError`].
    pub fn fingerprinted(text: impl AsRef<[u8]>) -> Result<Self, KekError> {
        let unnamed = Self::from_base64(KekId("unnamed".to_owned()), text)?;
        let print = Zeroizing::new([ID_DOMAIN, unnamed.bytes.as_slice()].concat());
        let id: String = Digest::of(&print).0[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id: KekId(format!("k{id}")), ..unnamed })
    }

    /// Reads a KEK from base64 (standard alphabet, padded); white space around it is allowed, as files end in a newline.
    ///
    /// # Errors
    ///
    /// When it is not 32 bytes of base64.
    pub fn from_base64(id: KekId, text: impl AsRef<[u8]>) -> Result<Self, KekError> {
        // With the room that the decoder wants for 44 characters.
        let mut decoded = Zeroizing::new([0; 36]);
        let length = STANDARD.decode_slice(text.as_ref().trim_ascii(), &mut *decoded).map_err(|_| KekError::Form)?;
        let mut bytes = Zeroizing::new([0; 32]);
        if length != bytes.len() {
            return Err(KekError::Form);
        }
        bytes.copy_from_slice(&decoded[..length]);
        Self::new(id, bytes)
    }

    /// Makes a new KEK.
    ///
    /// # Errors
    ///
    /// When there is no randomness.
    pub fn generate(id: KekId) -> Result<Self, KekError> {
        Self::new(id, sealing::random_key()?)
    }

    fn new(id: KekId, bytes: Zeroizing<[u8; 32]>) -> Result<Self, KekError> {
        let key = SealingKey::new(&bytes)?;
        Ok(Self { id, bytes, key })
    }

    /// The KEK as [`from_base64`](Self::from_base64) reads it: for the one place that stores it.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.bytes.as_slice()))
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &KekId {
        &self.id
    }

    /// A value to keep in the ledger beside the id; only this KEK can have made it. It differs each time.
    ///
    /// # Errors
    ///
    /// When there is no randomness for its nonce.
    pub fn canary(&self) -> Result<Vec<u8>, KekError> {
        self.seal(&self.canary_aad(), CANARY)
    }

    /// Whether this KEK made `canary`.
    ///
    /// # Errors
    ///
    /// When it did not, or the canary was made for another id or changed since.
    pub fn check_canary(&self, canary: &[u8]) -> Result<(), WrongKek> {
        match self.open(&self.canary_aad(), canary) {
            Some(opened) if *opened == CANARY => Ok(()),
            _ => Err(WrongKek { id: self.id.clone() }),
        }
    }

    fn canary_aad(&self) -> Vec<u8> {
        [CANARY_DOMAIN, self.id.0.as_bytes()].concat()
    }

    /// Seals `plain`: random nonce ‖ ciphertext ‖ tag.
    pub(crate) fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, KekError> {
        self.key.seal(aad, plain)
    }

    /// Opens what [`seal`](Self::seal) made with the same AAD, and nothing else.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.key.open(aad, sealed)
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kek").field("id", &self.id.0).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_that_opens_and_says_something_else_is_not_this_keks() {
        let kek = Kek::generate("2026".parse().unwrap()).unwrap();
        let wrong = Err(WrongKek { id: kek.id.clone() });
        for said in [b"".as_slice(), b"vaultstream kek canarY", &CANARY[1..], &[CANARY, b"."].concat()] {
            assert_eq!(kek.check_canary(&kek.seal(&kek.canary_aad(), said).unwrap()), wrong, "{said:?}");
        }
        assert_eq!(kek.check_canary(&kek.seal(&kek.canary_aad(), CANARY).unwrap()), Ok(()));
    }
}
