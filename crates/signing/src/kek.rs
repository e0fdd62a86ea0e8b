//! Key encryption keys: what wraps private keys, and how a wrong one is noticed before anything is made with it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::Digest;

/// What a canary holds in clear; its AAD binds it to the id of the KEK.
const CANARY: &[u8] = b"vaultstream kek canary";
/// Separates a KEK's fingerprint from any other hash of it.
const ID_DOMAIN: &[u8] = b"vaultstream/kek-id/v1\0";
const CANARY_DOMAIN: &[u8] = b"vaultstream/kek-canary/v1\0";

/// Longest id: it is also part of a Secret's key, `kek.<id>`, of at most 253 characters.
const MAX_ID: usize = 128;

/// The name of a KEK, stored beside everything that it wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KekId(String);

/// A name that no KEK can have.
#[derive(Debug, thiserror::Error)]
#[error("not a valid id of a key-encryption key: it has 1 to 128 of the characters a-z A-Z 0-9 . _ -")]
pub struct BadKekId;

impl KekId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KekId {
    type Err = BadKekId;

    fn from_str(text: &str) -> Result<Self, BadKekId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if (1..=MAX_ID).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadKekId)
        }
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
    /// aws-lc keeps its own copy in memory that it cleanses when it frees it.
    aead: LessSafeKey,
}

/// Why a KEK could not be read or made, or sealing failed. Says nothing about its bytes.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The text is not base64 of exactly 32 bytes.
    #[error("a key-encryption key is 32 bytes in base64; `openssl rand -base64 32` makes one")]
    Form,
    /// The system gave no random bytes.
    #[error("the system has no randomness for a key or a nonce")]
    Randomness,
    /// AES-256-GCM could not be set up or run.
    #[error("AES-256-GCM failed")]
    Cipher,
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
    pub fn fingerprinted(text: &str) -> Result<Self, KekError> {
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
    pub fn from_base64(id: KekId, text: &str) -> Result<Self, KekError> {
        let decoded = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| KekError::Form)?);
        let mut bytes = Zeroizing::new([0; 32]);
        if decoded.len() != bytes.len() {
            return Err(KekError::Form);
        }
        bytes.copy_from_slice(&decoded);
        Self::new(id, bytes)
    }

    /// Makes a new KEK.
    ///
    /// # Errors
    ///
    /// When there is no randomness.
    pub fn generate(id: KekId) -> Result<Self, KekError> {
        let mut bytes = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| KekError::Randomness)?;
        Self::new(id, bytes)
    }

    fn new(id: KekId, bytes: Zeroizing<[u8; 32]>) -> Result<Self, KekError> {
        let key = UnboundKey::new(&AES_256_GCM, &*bytes).map_err(|_| KekError::Cipher)?;
        Ok(Self { id, bytes, aead: LessSafeKey::new(key) })
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
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| KekError::Randomness)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .aead
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed[NONCE_LEN..])
            .map_err(|_| KekError::Cipher)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made with the same AAD, and nothing else.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let length = self.aead.open_in_place(nonce, Aad::from(aad), &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }
}

impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kek").field("id", &self.id.0).finish_non_exhaustive()
    }
}
