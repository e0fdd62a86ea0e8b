//! Custody of data keys: a [`KeyWrapper`] encrypts and decrypts them with a key of its own.
//!
//! ```text
//! key-encryption key ──wraps──▶ data key of a job ──encrypts──▶ private keys of the job
//!   KeyWrapper                    ledger: data_keys               ledger: keys
//! ```
//!
//! | wrapper | where its key is |
//! | --- | --- |
//! | `KekRing` of `vaultstream-signing` | in files of the connection Secret |
//! | [`Transit`] | in the transit engine of Vault or OpenBao |
//! | [`kms()`] | behind a KMS v2 plugin of Kubernetes |
//!
//! A worker has [`Wrappers`]: one of them wraps, and all of them unwrap. It unwraps one data key for a job, so that a service on the
//! network is called once for each worker and job.

mod error;
mod file;
mod kms;
mod retry;
mod transit;
mod wrappers;

use std::fmt;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use uuid::Uuid;
use vaultstream_signing::{DataKey, KekId, WrappedKey};
use zeroize::Zeroizing;

pub use error::{SECRET_LIMIT, ServiceFault, WrapperError};
pub use kms::{KMS_SCHEME, KmsError, kms};
pub use transit::{
    AuthoritiesError, Transit, TransitError, TransitFiles, TransitLogin, TransitLoginError, TransitUrlError,
};
pub use wrappers::Wrappers;

/// What the canary of a service's key holds in clear, and what it is bound to.
const CANARY: &[u8] = b"vaultstream kek canary";
const CANARY_AAD: &[u8] = b"vaultstream/service-canary/v1\0";

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

    /// Whether the id is one of its keys', present or earlier. Makes no request.
    fn has(&self, id: &KekId) -> bool;

    /// A canary of a service's key: a known text that is wrapped, with the id of the key that wraps at present. It is stored in the ledger
    /// beside the id. Keys in files have canaries of their own (`Kek::canary`).
    fn canary(&self) -> BoxFuture<'_, Result<WrappedKey, WrapperError>> {
        self.wrap(CANARY_AAD, CANARY)
    }

    /// Whether the service has the key that made this canary, so that what it does not open is damaged. The id of a service's key is no
    /// secret, and another tenant may have stored something else under it: a canary that does not open is a hint, and no proof of a wrong
    /// key.
    fn opens_canary<'a>(&'a self, canary: &'a WrappedKey) -> BoxFuture<'a, Result<bool, WrapperError>> {
        let opened = self.unwrap(CANARY_AAD, canary);
        async move {
            match opened.await {
                Ok(opened) => Ok(*opened == CANARY),
                Err(WrapperError::Damaged) => Ok(false),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }
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
