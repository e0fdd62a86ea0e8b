//! Why a unit, a batch or a record was not signed.

use vaultstream_ledger::BatchNo;
use vaultstream_signing::SigningError;

/// The reason of a record that could not be signed.
pub(crate) const SIGNING_FAILED: &str = "SigningFailed";

/// Why a batch, or a record alone, was not signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignFailure {
    /// The backend refused.
    #[error("the backend failed to sign")]
    Backend(#[from] SigningError),
    /// The backend signed, and the other implementation did not accept it.
    #[error("the signature of record {record} did not pass the check by another implementation")]
    Check {
        /// The first such record.
        record: i64,
    },
}

/// Why nothing of a unit may be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The lease's own deadline passed: nothing signed under it can be committed any more.
    LeaseEnded,
    /// The backend makes wrong signatures: another one has to sign.
    Faulty {
        /// The first record whose signature is wrong; `None` when the backend only contradicts itself.
        record: Option<i64>,
    },
    /// The key signed two digests with one nonce.
    NonceRepeated {
        /// The record that came second.
        record: i64,
        /// Its batch.
        batch: BatchNo,
    },
}
