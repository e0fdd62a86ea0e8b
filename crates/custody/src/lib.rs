//! Custody of data keys: a [`KeyWrapper`] encrypts and decrypts them with a key of its own.
//!
//! ```text
//! key-encryption key ──wraps──▶ data key of a job ──encrypts──▶ private keys of the job
//!   KeyWrapper                    ledger: data_keys               ledger: keys
//! ```
//!
//! A worker unwraps one data key for a job, so that a wrapper may be a service on the network. `KekRing` of `vaultstream-signing`, the
//! keys in files of the connection Secret, is one.

mod file;

use std::fmt;

use futures_util::future::BoxFuture;
use uuid::Uuid;
use vaultstream_signing::{DataKey, KekId, UnwrapError, WrappedKey, kek::KekError};
use zeroize::Zeroizing;

/// The longest secret that is wrapped.
pub const SECRET_LIMIT: usize = 32;

/// Why a secret was not wrapped or unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum WrapperError {
    /// The secret has too many bytes.
    #[error("a secret of {0} bytes is not wrapped: at most {SECRET_LIMIT} are")]
    TooLong(usize),
    /// It is wrapped under a key that this wrapper does not have.
    #[error("the key-encryption key {0} is not loaded")]
    UnknownKey(KekId),
    /// It was changed, or wrapped for another purpose.
    #[error("it was changed, or belongs to another job")]
    Damaged,
    /// The wrapping key cannot be used.
    #[error("failed to use the key-encryption key")]
    Key(#[from] KekError),
}

/// Encrypts short secrets with a key that it does not hand out. It may be a service: every call may take a round trip.
pub trait KeyWrapper: fmt::Debug + Send + Sync {
    /// Wraps a secret of at most [`SECRET_LIMIT`] bytes and binds it to `aad`. The outcome names the key that was used: a service may
    /// have replaced its key since the last call.
    fn wrap<'a>(&'a self, aad: &'a [u8], secret: &'a [u8]) -> BoxFuture<'a, Result<WrappedKey, WrapperError>>;

    /// Unwraps what [`wrap`](Self::wrap) made with the same `aad`, under this key or an earlier one.
    fn unwrap<'a>(
        &'a self,
        aad: &'a [u8],
        wrapped: &'a WrappedKey,
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, WrapperError>>;

    /// Whether it can wrap. Returns the id of the key that it wraps with at present.
    fn health(&self) -> BoxFuture<'_, Result<KekId, WrapperError>>;
}

/// Wraps the data key of a job.
///
/// # Errors
/// [`WrapperError`].
pub async fn wrap_data_key(wrapper: &dyn KeyWrapper, job: Uuid, key: &DataKey) -> Result<WrappedKey, WrapperError> {
    wrapper.wrap(&DataKey::aad(job), key.bytes()).await
}

/// Unwraps the data key of a job.
///
/// # Errors
/// [`WrapperError`].
pub async fn unwrap_data_key(
    wrapper: &dyn KeyWrapper,
    job: Uuid,
    wrapped: &WrappedKey,
) -> Result<DataKey, WrapperError> {
    let bytes = wrapper.unwrap(&DataKey::aad(job), wrapped).await?;
    Ok(DataKey::from_bytes(&bytes)?)
}

impl From<UnwrapError> for WrapperError {
    fn from(error: UnwrapError) -> Self {
        match error {
            UnwrapError::UnknownKek(id) => Self::UnknownKey(id),
            UnwrapError::Refused => Self::Damaged,
        }
    }
}
