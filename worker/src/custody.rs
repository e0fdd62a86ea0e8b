//! How a job's private keys are encrypted.
//!
//! With the job's data key: the first worker makes it, and every worker unwraps it once, before its first unit. It stays in memory that is
//! wiped for as long as the worker works on the job. A job that a version without data keys made has its private keys wrapped under the
//! key-encryption key instead, and keeps that to its end.

use std::sync::Arc;

use uuid::Uuid;
use vaultstream_custody::{KeyWrapper, WrapperError, unwrap_data_key, wrap_data_key};
use vaultstream_ledger::{
    Job, Ledger, QueryError,
    data_keys::{self, JobDataKey, StoredDataKey, WrappedDataKey},
    leases::{Material, Wrapping},
};
use vaultstream_signing::{
    DataKey, JobCipher, KekId, KekRing, PrivateKey, PublicKey, UnwrapError, WrapContext, WrappedKey, kek::KekError,
};

/// Opens and encrypts the private keys of one job.
pub(crate) struct Custody {
    /// The job's data key; `None` for a job without one.
    cipher: Option<JobCipher>,
    keks: Arc<KekRing>,
}

/// Why the private keys of a job cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The ledger did not respond, or refused.
    #[error("failed to get the job's data key")]
    Ledger(#[from] QueryError),
    /// The job signs no more.
    #[error("the job's data key is erased: the job is over")]
    Over,
    /// The data key is wrapped under a key-encryption key that this worker does not have.
    #[error("the job's data key is wrapped under the key-encryption key {0}, which is not loaded")]
    UnknownKek(KekId),
    /// The row of the data key is damaged.
    #[error(
        "the job's data key is damaged in the ledger: {why}. Nothing is lost, and nothing can be signed without it: restore \
         the job's row of vaultstream.data_keys from a backup"
    )]
    Damaged {
        /// What is wrong with it.
        why: String,
    },
    /// The data key cannot be made, or not be unwrapped for a reason that is not in the ledger.
    #[error("failed to use the job's data key")]
    Wrapper(#[source] WrapperError),
    /// The key-encryption key has wrapped as many keys as is safe.
    #[error("the key-encryption key {0} has encrypted as many keys as is safe: add a new one")]
    KekSpent(KekId),
    /// The key-encryption key was not noted in the ledger.
    #[error("the ledger does not know the key-encryption key {0}")]
    Unregistered(KekId),
}

/// Why a private key cannot be opened.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// It does not open.
    Unwrap(UnwrapError),
    /// Its row names a key-encryption key in a way that no program of ours does.
    KekId(String),
}

impl Custody {
    /// Unwraps the job's data key, or makes it. Expects that the current key-encryption key is registered in the ledger.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub(crate) async fn of_job(ledger: &Ledger, keks: &Arc<KekRing>, job: &Job) -> Result<Self, CustodyError> {
        let wrapper: &dyn KeyWrapper = &**keks;
        let key = match data_keys::of_job(ledger, job.id).await? {
            JobDataKey::None => None,
            JobDataKey::NotMade => Some(make(ledger, wrapper, job).await?),
            JobDataKey::Made(wrapped) => Some(unwrap(wrapper, job.uid, wrapped).await?),
            JobDataKey::Erased => return Err(CustodyError::Over),
        };
        let cipher = key.map(DataKey::into_cipher).transpose().map_err(WrapperError::from)?;
        Ok(Self { cipher, keks: Arc::clone(keks) })
    }

    /// The key-encryption key that wraps at present.
    pub(crate) fn kek(&self) -> &KekId {
        self.keks.current().id()
    }

    /// Encrypts a new key pair.
    pub(crate) fn wrap(&self, private: &PrivateKey, context: &WrapContext) -> Result<Material, KekError> {
        let (wrapped_key, wrapping) = match &self.cipher {
            Some(cipher) => (cipher.wrap(private, context)?, Wrapping::DataKey),
            None => {
                let WrappedKey { kek_id, bytes } = self.keks.wrap(private, context)?;
                (bytes, Wrapping::Kek(kek_id.as_str().to_owned()))
            }
        };
        Ok(Material { public_key: private.public().spki_der().to_vec(), wrapped_key, wrapping })
    }

    /// Opens a private key whose public key is `public`.
    pub(crate) fn unwrap(
        &self,
        material: &Material,
        context: &WrapContext,
        public: &PublicKey,
    ) -> Result<PrivateKey, OpenError> {
        match (&material.wrapping, &self.cipher) {
            (Wrapping::DataKey, Some(cipher)) => cipher.unwrap(&material.wrapped_key, context, public),
            // A job without a data key has no such row, unless it is damaged.
            (Wrapping::DataKey, None) => Err(UnwrapError::Refused),
            (Wrapping::Kek(id), _) => {
                let id = id.parse().map_err(|_| OpenError::KekId(id.clone()))?;
                self.keks.unwrap(&id, &material.wrapped_key, context, public)
            }
        }
        .map_err(OpenError::Unwrap)
    }
}

/// Makes the job's data key. When another worker was faster, its data key is the job's.
async fn make(ledger: &Ledger, wrapper: &dyn KeyWrapper, job: &Job) -> Result<DataKey, CustodyError> {
    let key = DataKey::generate().map_err(WrapperError::from)?;
    let WrappedKey { kek_id, bytes } = wrap_data_key(wrapper, job.uid, &key).await?;
    vaultstream_faults::point("data-key-made");
    match data_keys::store(ledger, job.id, &bytes, kek_id.as_str()).await? {
        StoredDataKey::Stored(stored) if stored.bytes == bytes => Ok(key),
        StoredDataKey::Stored(of_another) => unwrap(wrapper, job.uid, of_another).await,
        StoredDataKey::Over => Err(CustodyError::Over),
        StoredDataKey::WrapLimit => Err(CustodyError::KekSpent(kek_id)),
        StoredDataKey::UnknownKek => Err(CustodyError::Unregistered(kek_id)),
    }
}

async fn unwrap(wrapper: &dyn KeyWrapper, job: Uuid, wrapped: WrappedDataKey) -> Result<DataKey, CustodyError> {
    let WrappedDataKey { bytes, kek_id } = wrapped;
    let kek_id = kek_id.parse().map_err(|_| CustodyError::Damaged {
        why: format!("it is wrapped under {kek_id:?}, which cannot be the id of a key-encryption key"),
    })?;
    Ok(unwrap_data_key(wrapper, job, &WrappedKey { kek_id, bytes }).await?)
}

impl From<WrapperError> for CustodyError {
    fn from(error: WrapperError) -> Self {
        match error {
            WrapperError::UnknownKey(id) => Self::UnknownKek(id),
            WrapperError::Damaged => Self::Damaged { why: WrapperError::Damaged.to_string() },
            error @ (WrapperError::TooLong(_) | WrapperError::Key(_)) => Self::Wrapper(error),
        }
    }
}
