//! Why a secret was not wrapped or unwrapped.

use std::error::Error;

use vaultstream_signing::{KekId, UnwrapError, kek::KekError};

/// The longest secret that is wrapped: a data key.
pub const SECRET_LIMIT: usize = 33;

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
    /// It is as it was when it was wrapped, and the service does not open it: its key is another one of the same id.
    #[error("the key service {} has another key than the one of the same id that wrapped this", .0.service)]
    OtherKey(#[source] ServiceFault),
    /// The wrapping key cannot be used.
    #[error("failed to use the key-encryption key")]
    Key(#[from] KekError),
    /// The service does not respond, or says that it cannot work at present: the same call may succeed later.
    #[error("the key service {} does not respond as it should", .0.service)]
    Unavailable(#[source] ServiceFault),
    /// The service refuses the call, and will until its settings or ours are changed.
    #[error("the key service {} refuses", .0.service)]
    Refused(#[source] ServiceFault),
    /// The service responds with something that no service of its kind does.
    #[error("the key service {} cannot be relied on", .0.service)]
    Unexpected(#[source] ServiceFault),
}

/// A fault of a service. Nothing in it is secret.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct ServiceFault {
    /// Which one, and which key.
    pub service: String,
    /// What happened, or what it said.
    pub why: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl WrapperError {
    /// Whether the same call may succeed later without a change by a person.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<UnwrapError> for WrapperError {
    fn from(error: UnwrapError) -> Self {
        match error {
            UnwrapError::UnknownKek(id) => Self::UnknownKey(id),
            UnwrapError::Refused => Self::Damaged,
        }
    }
}
