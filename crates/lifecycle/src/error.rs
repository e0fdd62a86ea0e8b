//! Why a step failed, and whether the next one may succeed.

use vaultstream_ledger::{QueryError, SourceFault, limits::LimitExceeded, steps::StepError};
use vaultstream_streams::{ErrorKind, StreamsError};

/// Why a step failed. The next one may succeed: nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The ledger.
    #[error("failed to use the ledger")]
    Ledger(#[from] QueryError),
    /// The streams.
    #[error("failed to use the streams")]
    Streams(#[from] StreamsError),
    /// The job's workers cannot read its table.
    #[error("{}", .0.why)]
    Source(SourceFault),
    /// The job would take more of the ledger than is allowed; it may begin later.
    #[error(transparent)]
    Limit(LimitExceeded),
    /// Every key that may sign is damaged.
    #[error(
        "no key of the job can be used: all {damaged} that are left are damaged in the ledger and were set aside. Restore \
         their rows of vaultstream.keys from a backup, with state 'active'"
    )]
    NoKeys {
        /// How many.
        damaged: usize,
    },
}

impl LifecycleError {
    /// Whether a dependency is down and the same step should be tried again.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_transient(),
            Self::Streams(error) => error.kind() == ErrorKind::Transient,
            Self::Source(fault) => fault.passes,
            Self::Limit(_) | Self::NoKeys { .. } => false,
        }
    }
}

impl From<StepError> for LifecycleError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Limit(error) => Self::Limit(error),
            StepError::Query(error) => Self::Ledger(error),
        }
    }
}
