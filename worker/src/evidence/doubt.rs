//! Why there is no evidence for a receipt.

use vaultstream_ledger::{BatchNo, KeyId, QueryError, verify::ReadError};
use vaultstream_signing::StateError;

use crate::{cpu::ThreadEnded, keys::KeyError, session::SessionError};

/// Something in the ledger that no worker made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Doubt {
    #[error("the ranges of the batches overlap or leave a gap after the id {after}")]
    Ranges { after: i64 },
    #[error("batch {} is missing", .0.0)]
    Missing(BatchNo),
    #[error("batch {} has signatures and names no key", .0.0)]
    NoKey(BatchNo),
    #[error("batch {} names key {}, which the job does not have", batch.0, key.0)]
    StrangeKey { batch: BatchNo, key: KeyId },
    #[error(
        "key {}, which batch {} names, does not open under the job's data key: the public key in the ledger may be another one", key.0, batch.0
    )]
    Key { batch: BatchNo, key: KeyId },
    #[error("batch {} has a root that is not the one of its range, counts, key, rejects and records", .0.0)]
    Root(BatchNo),
    #[error("batch {} has no seal", .0.0)]
    NoSeal(BatchNo),
    #[error("batch {} has a seal that key {} did not make over its root", batch.0, key.0)]
    Seal { batch: BatchNo, key: KeyId },
    #[error("batch {} has a signature of record {record} that key {} did not make", batch.0, key.0)]
    Signature { batch: BatchNo, record: i64, key: KeyId },
    #[error("the keys say other numbers of signatures than the batches")]
    Keys,
    #[error("there are rejects that no batch has, or other ones")]
    Rejects,
    #[error("the last checkpoint is not one that this job's receipt key has signed")]
    Checkpoint,
    #[error("{0}")]
    State(StateError),
}

/// Why there is no evidence for a receipt.
#[derive(Debug)]
pub(crate) enum NoEvidence {
    /// The job must not get a receipt.
    Doubt(Doubt),
    /// It cannot be decided now.
    Session(Box<SessionError>),
}

impl From<Doubt> for NoEvidence {
    fn from(doubt: Doubt) -> Self {
        Self::Doubt(doubt)
    }
}

impl From<SessionError> for NoEvidence {
    fn from(error: SessionError) -> Self {
        Self::Session(Box::new(error))
    }
}

impl From<QueryError> for NoEvidence {
    fn from(error: QueryError) -> Self {
        Self::Session(Box::new(error.into()))
    }
}

impl From<ThreadEnded> for NoEvidence {
    fn from(error: ThreadEnded) -> Self {
        Self::Session(Box::new(error.into()))
    }
}

impl From<KeyError> for NoEvidence {
    fn from(error: KeyError) -> Self {
        Self::Session(Box::new(error.into()))
    }
}

impl From<ReadError> for NoEvidence {
    fn from(error: ReadError) -> Self {
        Self::Session(Box::new(SessionError::Signatures(error)))
    }
}
