//! Why a key cannot be had or used.

use vaultstream_ledger::{KeyId, QueryError};
use vaultstream_signing::{SigningError, UnwrapError, public_key::PublicKeyError};
use vaultstream_streams::StreamsError;

use crate::custody::WrapError;

/// Why no key could be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The ledger did not answer, or refused.
    #[error("failed to lease a key")]
    Lease(#[from] QueryError),
    /// Another worker took the lease over meanwhile.
    #[error("the lease of key {} belongs to another worker now", .0.0)]
    Lost(KeyId),
    /// The key stream did not answer, or is gone.
    #[error("failed to pull a key token")]
    Token(#[from] StreamsError),
    /// The stored private key does not open.
    #[error("failed to open the private key of key {}", key.0)]
    Unwrap {
        /// The key.
        key: KeyId,
        /// Why.
        #[source]
        source: UnwrapError,
    },
    /// The ledger names a KEK in a way that no program of ours does.
    #[error("key {} is wrapped under {id:?}, which cannot be the id of a key-encryption key", key.0)]
    KekId {
        /// The key.
        key: KeyId,
        /// What its row says.
        id: String,
    },
    /// The KEK that is to wrap new keys was not noted in the ledger.
    #[error("the ledger does not know the key-encryption key {0}")]
    Unregistered(String),
    /// The job's data key is gone, although the job signs.
    #[error("the ledger has no data key of the job any more")]
    NoDataKey,
    /// A new private key could not be wrapped.
    #[error("failed to wrap a new private key")]
    Wrap(#[from] WrapError),
    /// No private key could be made.
    #[error("failed to make a key pair")]
    Generate(#[from] vaultstream_signing::key::KeyError),
    /// A new key pair did not pass its test, and was not used.
    #[error("a signature by a new key pair did not verify: this processor computes wrongly")]
    Inconsistent,
    /// The key-encryption key has wrapped as many keys as is safe.
    #[error("the key-encryption key {0} has encrypted as many keys as is safe: add a new one")]
    KekSpent(String),
    /// The stored public key cannot be read.
    #[error("failed to read the public key of key {}", key.0)]
    PublicKey {
        /// The key.
        key: KeyId,
        /// Why.
        #[source]
        source: PublicKeyError,
    },
    /// The key does not load into the backend.
    #[error("failed to load key {}", key.0)]
    Load {
        /// The key.
        key: KeyId,
        /// Why.
        #[source]
        source: SigningError,
    },
}

impl KeyError {
    /// Whether the key's row is at fault, and nothing else: its other keys may be good.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Unwrap { source: UnwrapError::Refused, .. } | Self::KekId { .. } | Self::PublicKey { .. })
    }
}
