//! AES-256-GCM with random nonces: what key-encryption keys and data keys have in common.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

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

/// Fills 32 bytes from the system's randomness.
pub(crate) fn random_key() -> Result<Zeroizing<[u8; 32]>, KekError> {
    let mut bytes = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(&mut *bytes).map_err(|_| KekError::Randomness)?;
    Ok(bytes)
}

/// A key of AES-256-GCM. aws-lc keeps its own copy in memory that it cleanses when it frees it.
pub struct SealingKey(LessSafeKey);

impl SealingKey {
    /// A new key, with its bytes.
    ///
    /// # Errors
    ///
    /// When there is no randomness.
    pub fn generate() -> Result<(Zeroizing<[u8; 32]>, Self), KekError> {
        let bytes = random_key()?;
        let key = Self::new(&bytes)?;
        Ok((bytes, key))
    }

    /// The key of these bytes.
    ///
    /// # Errors
    ///
    /// When AES-256-GCM cannot be set up.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, KekError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| KekError::Cipher)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals `plain`: random nonce ‖ ciphertext ‖ tag.
    ///
    /// # Errors
    ///
    /// When there is no randomness for the nonce.
    pub fn seal(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, KekError> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| KekError::Randomness)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed[NONCE_LEN..])
            .map_err(|_| KekError::Cipher)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made with the same AAD, and nothing else.
    #[must_use]
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(aad), &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealingKey").finish_non_exhaustive()
    }
}
