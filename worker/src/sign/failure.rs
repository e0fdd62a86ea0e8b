//! Why a unit, a batch or a record was not signed.

use vaultstream_ledger::BatchNo;
use vaultstream_signing::{SigningError, backend::Refused};

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
    /// The backend sealed it, and the other implementation did not accept the seal.
    #[error("the seal did not pass the check by another implementation")]
    Seal,
}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignedThing {
    /// A record of the batch.
    Record(i64),
    /// The root of the batch.
    Seal,
}

/// Why nothing of a unit may be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The lease's own deadline passed: nothing signed under it can be committed any more.
    LeaseEnded,
    /// The backend computes wrongly: another one has to sign.
    Faulty(BackendFault),
    /// The key signed two digests with one nonce.
    NonceRepeated {
        /// What came second.
        thing: SignedThing,
        /// Its batch.
        batch: BatchNo,
    },
}

/// What a backend did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BackendFault {
    /// Its signature is wrong.
    Signature {
        /// The first such record.
        record: i64,
    },
    /// Its seal is wrong.
    Seal {
        /// The first such batch.
        batch: BatchNo,
    },
    /// Each signature is right, and its own sums over them say otherwise.
    Sums,
    /// It refused a slice, for a reason that does not come about by chance.
    Refused(Refused),
}
