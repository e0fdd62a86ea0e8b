//! What can go wrong with streams, by what the caller should do about it.

use crate::JobStreams;
use async_nats::jetstream;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why something asked of the streams did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamsError {
    /// The streams of this generation do not exist (any more). Read the generation from the ledger anew and bind to it;
    /// handles of this one are dead.
    #[error("the streams of generation {} of job {} are gone", .0.generation, .0.uid)]
    StreamGone(JobStreams),
    /// NATS did not answer. What was asked may or may not have happened; trying again is safe.
    #[error("nats cannot be reached")]
    Unreachable(#[source] BoxError),
    /// NATS has no room for it: its disk or the account's limit.
    #[error("nats has no room left")]
    NoRoom(#[source] jetstream::Error),
    /// NATS refused it, and will again.
    #[error("nats refused the request")]
    Refused(#[source] jetstream::Error),
    /// An answer or a message cannot be read or written.
    #[error("nats sent something that cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl StreamsError {
    /// Whether to bind anew with the job's present generation.
    pub fn is_stream_gone(&self) -> bool {
        matches!(self, Self::StreamGone(_))
    }

    /// Whether trying again later, unchanged, may help.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}

/// Sorts an error that JetStream answered with. `job` is whose streams were asked for.
pub(crate) fn classify(error: jetstream::Error, job: JobStreams) -> StreamsError {
    use jetstream::ErrorCode;
    match error.error_code() {
        ErrorCode::STREAM_NOT_FOUND | ErrorCode::CONSUMER_NOT_FOUND => StreamsError::StreamGone(job),
        ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED => StreamsError::NoRoom(error),
        _ if error.to_string().contains("no space left") => StreamsError::NoRoom(error),
        // JetStream starting, electing a leader, shutting down.
        _ if error.code() == 503 => StreamsError::Unreachable(error.into()),
        _ => StreamsError::Refused(error),
    }
}
