//! How a job's private keys are encrypted.
//!
//! ```text
//! check_keks ──▶ data_key_of ──none──▶ private keys under the key-encryption key of a file
//!                     │ ├─unmade──▶ generate ─▶ wrap ─▶ store ─▶ cipher
//!                     └─made──▶ unwrap ─▶ cipher
//! ```
//!
//! The first worker makes the job's data key, and every worker unwraps it once, before its first unit: that is the one call of a service
//! that holds the key-encryption key. The data key remains in memory that is wiped for as long as the worker works on the job. A job that a
//! version without data keys made has its private keys wrapped under a key-encryption key in a file instead, and keeps that to its end.

mod waiting;

use std::sync::Arc;

use uuid::Uuid;
use vaultstream_api::Reason;
use vaultstream_custody::{KeyWrapper as _, WrapperError, Wrappers, unwrap_data_key, wrap_data_key};
use vaultstream_ledger::{
    Job, Ledger, QueryError, RegisterError,
    data_keys::{self, JobDataKey, StoredDataKey, WrappedDataKey},
    leases::{Material, Wrapping},
};
use vaultstream_signing::{
    DataKey, JobCipher, KekId, PrivateKey, PublicKey, UnwrapError, WrapContext, WrappedKey, kek::KekError,
};

/// How often a data key is wrapped, at most, before a service's key counts as unknown to the ledger: its key may be replaced meanwhile.
const STORE_ATTEMPTS: usize = 3;

/// Opens and encrypts the private keys of one job.
pub(crate) struct Custody {
    /// The job's data key; `None` for a job without one.
    cipher: Option<JobCipher>,
    wrappers: Arc<Wrappers>,
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
    /// The key-encryption key that the job needs is not there, or another one has its name.
    #[error(
        "wrong key-encryption key: this job's keys are encrypted with {0}; use the one that the job was started with"
    )]
    WrongKek(KekId),
    /// A service has another key under the id of the job's key-encryption key.
    #[error(
        "the key service has another key under the id {0} than the one that wrapped the job's data key: give the service the earlier \
         key back"
    )]
    OtherKey(KekId),
    /// A key-encryption key in a file cannot be used.
    #[error(transparent)]
    Kek(RegisterError),
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

/// Why a new private key cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum WrapError {
    /// There is no randomness, or the cipher failed.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// A version without data keys made the job, and the connection has no key-encryption key in a file.
    #[error(
        "the job began without a data key: its private keys need a key-encryption key in a file, and there is none"
    )]
    NoFile,
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
    /// Unwraps the job's data key, or makes it.
    ///
    /// # Errors
    /// [`CustodyError`].
    async fn of_job(ledger: &Ledger, wrappers: &Arc<Wrappers>, job: &Job) -> Result<Self, CustodyError> {
        check_keks(ledger, wrappers, job).await?;
        let key = match data_keys::of_job(ledger, job.id).await? {
            JobDataKey::None => None,
            JobDataKey::NotMade => Some(make(ledger, wrappers, job).await?),
            JobDataKey::Made(wrapped) => Some(unwrap(ledger, wrappers, job.uid, wrapped).await?),
            JobDataKey::Erased => return Err(CustodyError::Over),
        };
        let cipher = key.map(DataKey::into_cipher).transpose().map_err(WrapperError::from)?;
        Ok(Self { cipher, wrappers: Arc::clone(wrappers) })
    }

    /// Encrypts a new key pair.
    pub(crate) fn wrap(&self, private: &PrivateKey, context: &WrapContext) -> Result<Material, WrapError> {
        let (wrapped_key, wrapping) = match (&self.cipher, self.wrappers.ring()) {
            (Some(cipher), _) => (cipher.wrap(private, context)?, Wrapping::DataKey),
            (None, Some(ring)) => {
                let WrappedKey { kek_id, bytes } = ring.wrap(private, context)?;
                (bytes, Wrapping::Kek(kek_id.as_str().to_owned()))
            }
            (None, None) => return Err(WrapError::NoFile),
        };
        Ok(Material { public_key: private.public().spki_der().to_vec(), wrapped_key, wrapping })
    }

    /// The proof that `public` was made for its row; `None` for a job without a data key.
    pub(crate) fn origin(&self, context: &WrapContext, public: &PublicKey) -> Result<Option<Vec<u8>>, WrapError> {
        Ok(self.cipher.as_ref().map(|cipher| cipher.origin(context, public)).transpose()?)
    }

    /// Whether this is the proof that `public` was made for its row.
    pub(crate) fn is_origin(&self, origin: &[u8], context: &WrapContext, public: &PublicKey) -> bool {
        self.cipher.as_ref().is_some_and(|cipher| cipher.is_origin(origin, context, public))
    }

    /// Whether every batch of the job is sealed: no worker that seals none could work on it.
    pub(crate) fn seals_all(&self) -> bool {
        self.cipher.as_ref().is_some_and(JobCipher::seals_all)
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
                let id: KekId = id.parse().map_err(|_| OpenError::KekId(id.clone()))?;
                match self.wrappers.ring() {
                    Some(ring) => ring.unwrap(&id, &material.wrapped_key, context, public),
                    None => Err(UnwrapError::UnknownKek(id)),
                }
            }
        }
        .map_err(OpenError::Unwrap)
    }
}

/// A key-encryption key that is not there, or a wrong one in a file, is found before any key is made or used. A row that names none at all
/// is damaged, and is set aside when its key's turn comes. A service is not called: whether its key is the right one shows when it unwraps.
async fn check_keks(ledger: &Ledger, wrappers: &Wrappers, job: &Job) -> Result<(), CustodyError> {
    for used in ledger.keks_of_job(job.id).await? {
        let Ok(id) = used.parse::<KekId>() else { continue };
        if !wrappers.has(&id) {
            return Err(CustodyError::WrongKek(id));
        }
        let Some(kek) = wrappers.ring().and_then(|ring| ring.get(&id)) else { continue };
        // Its name is no proof: what it cannot open would be taken for damaged.
        if let Some(canary) = ledger.kek_canary(id.as_str()).await? {
            kek.check_canary(&canary).map_err(|wrong| CustodyError::Kek(wrong.into()))?;
        }
    }
    match wrappers.ring() {
        Some(ring) => ledger.register_kek(ring.current()).await.map_err(CustodyError::from),
        None => Ok(()),
    }
}

/// Makes the job's data key. When another worker was faster, its data key is the job's.
async fn make(ledger: &Ledger, wrappers: &Wrappers, job: &Job) -> Result<DataKey, CustodyError> {
    let key = DataKey::generate().map_err(WrapperError::from)?;
    let mut attempt = 1;
    loop {
        let WrappedKey { kek_id, bytes } = wrap_data_key(wrappers, job.uid, &key).await?;
        vaultstream_faults::point("data-key-made");
        return match data_keys::store(ledger, job.id, &bytes, kek_id.as_str()).await? {
            StoredDataKey::Stored(stored) if stored.bytes == bytes => Ok(key),
            StoredDataKey::Stored(of_another) => unwrap(ledger, wrappers, job.uid, of_another).await,
            StoredDataKey::Over => Err(CustodyError::Over),
            StoredDataKey::WrapLimit => Err(CustodyError::KekSpent(kek_id)),
            StoredDataKey::UnknownKek if wrappers.is_service() && attempt < STORE_ATTEMPTS => {
                // The first use of this version of the service's key with this ledger.
                let canary = wrappers.canary().await?;
                ledger.insert_kek_canary(canary.kek_id.as_str(), &canary.bytes).await?;
                attempt += 1;
                continue;
            }
            StoredDataKey::UnknownKek => Err(CustodyError::Unregistered(kek_id)),
        };
    }
}

async fn unwrap(
    ledger: &Ledger,
    wrappers: &Wrappers,
    job: Uuid,
    wrapped: WrappedDataKey,
) -> Result<DataKey, CustodyError> {
    let WrappedDataKey { bytes, kek_id } = wrapped;
    let kek_id: KekId = kek_id.parse().map_err(|_| CustodyError::Damaged {
        why: format!("it is wrapped under {kek_id:?}, which cannot be the id of a key-encryption key"),
    })?;
    let wrapped = WrappedKey { kek_id, bytes };
    match unwrap_data_key(wrappers, job, &wrapped).await {
        Err(WrapperError::Damaged) => Err(why_damaged(ledger, wrappers, wrapped.kek_id).await?),
        unwrapped => Ok(unwrapped?),
    }
}

/// Whether a data key that does not open is damaged, or a service has another key of that id.
async fn why_damaged(ledger: &Ledger, wrappers: &Wrappers, kek_id: KekId) -> Result<CustodyError, CustodyError> {
    let damaged = CustodyError::Damaged { why: WrapperError::Damaged.to_string() };
    if kek_id.of_service().is_none() {
        return Ok(damaged);
    }
    let Some(bytes) = ledger.kek_canary(kek_id.as_str()).await? else { return Ok(damaged) };
    let canary = WrappedKey { kek_id, bytes };
    Ok(if wrappers.opens_canary(&canary).await? { damaged } else { CustodyError::OtherKey(canary.kek_id) })
}

impl CustodyError {
    /// Whether a service may respond later.
    fn is_transient(&self) -> bool {
        matches!(self, Self::Wrapper(error) if error.is_transient())
    }

    /// Whether what a person has given is at fault.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::WrongKek(_)
                | Self::OtherKey(_)
                | Self::Kek(RegisterError::Wrong(_))
                | Self::Wrapper(WrapperError::Refused(_) | WrapperError::OtherKey(_))
        )
    }

    /// The reason that a condition of the job carries.
    pub(crate) fn reason(&self) -> Option<Reason> {
        match self {
            Self::WrongKek(_)
            | Self::OtherKey(_)
            | Self::Kek(RegisterError::Wrong(_))
            | Self::Wrapper(WrapperError::OtherKey(_)) => Some(Reason::WrongKek),
            Self::Damaged { .. } => Some(Reason::KeysDamaged),
            Self::Wrapper(WrapperError::Unavailable(_)) => Some(Reason::KeyServiceUnavailable),
            Self::Wrapper(WrapperError::Refused(_) | WrapperError::Unexpected(_)) => Some(Reason::KeyServiceRefused),
            _ => None,
        }
    }
}

impl From<RegisterError> for CustodyError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Ledger(error) => Self::Ledger(error),
            error => Self::Kek(error),
        }
    }
}

impl From<WrapperError> for CustodyError {
    fn from(error: WrapperError) -> Self {
        match error {
            WrapperError::UnknownKey(id) => Self::WrongKek(id),
            WrapperError::Damaged => Self::Damaged { why: WrapperError::Damaged.to_string() },
            error => Self::Wrapper(error),
        }
    }
}
