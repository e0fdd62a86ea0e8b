//! Failures of NATS, classified once: whether they pass, whether a person has to act, or whether the two programs do not understand
//! each other.

use crate::GenerationId;
use crate::denial::Denial;
use async_nats::jetstream::{self, ErrorCode};

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whether a failed request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// It ends by itself: a server that is down or starting, an election, a stream that is made anew. Try again later.
    Transient,
    /// NATS understood and refuses: a person has to grant, raise or make room.
    Refused,
    /// What was sent cannot be understood, and will not be next time.
    Permanent,
}

/// Why a request to the streams failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamsError {
    /// The streams of this generation do not exist (any more). Read the generation from the ledger anew and bind to it;
    /// handles of this one are dead.
    #[error("the streams of generation {} of job {} are gone", .0.generation, .0.uid)]
    StreamGone(GenerationId),
    /// Every server that has a copy of the streams is down. They come back with it, or are made anew elsewhere.
    #[error("every NATS server that holds the streams of generation {} of job {} is down", .0.generation, .0.uid)]
    Offline(GenerationId),
    /// NATS did not answer. What was asked may or may not have happened; trying again is safe.
    #[error("NATS cannot be reached")]
    Unreachable(#[source] BoxError),
    /// NATS has no room for it: its disk or the account's limit.
    #[error(
        "NATS has no space left: free some, raise the limits of the account, or ask for less with --nats-max-bytes"
    )]
    NoRoom(#[source] jetstream::Error),
    /// The permissions of our login do not allow it.
    #[error("NATS does not allow this user to {0}")]
    Denied(Denial),
    /// The login is not accepted any more.
    #[error("NATS refuses the login that it accepted before: was it changed, or has it expired?")]
    Login,
    /// The message is larger than the server takes.
    #[error("NATS only accepts smaller messages: raise max_payload to at least 4096")]
    TooLarge(#[source] BoxError),
    /// NATS refused it, and will refuse it again.
    #[error("NATS refused a request{}", advice(.0).map(|advice| format!(": {advice}")).unwrap_or_default())]
    Refused(#[source] jetstream::Error),
    /// A response or a message cannot be read or written.
    #[error("NATS sent something that cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl StreamsError {
    /// Whether the same request may succeed later.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::StreamGone(_) | Self::Offline(_) | Self::Unreachable(_) => ErrorKind::Transient,
            Self::NoRoom(_) | Self::Denied(_) | Self::Login | Self::TooLarge(_) | Self::Refused(_) => {
                ErrorKind::Refused
            }
            Self::Unreadable(_) => ErrorKind::Permanent,
        }
    }

    /// True when the caller has to bind anew with the job's present generation.
    pub fn is_stream_gone(&self) -> bool {
        matches!(self, Self::StreamGone(_))
    }

    /// True when the same request may succeed later.
    pub fn is_unreachable(&self) -> bool {
        self.kind() == ErrorKind::Transient && !self.is_stream_gone()
    }
}

/// Classifies an error that JetStream returned for a request about the streams of a generation.
pub(crate) fn classify(error: jetstream::Error, id: GenerationId) -> StreamsError {
    match error.error_code() {
        ErrorCode::STREAM_NOT_FOUND | ErrorCode::CONSUMER_NOT_FOUND => StreamsError::StreamGone(id),
        ErrorCode::STREAM_OFFLINE
        | ErrorCode::CONSUMER_OFFLINE
        | ErrorCode::STREAM_OFFLINE_REASON
        | ErrorCode::CONSUMER_OFFLINE_REASON => StreamsError::Offline(id),
        ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED => StreamsError::NoRoom(error),
        _ if error.to_string().contains("no space left") => StreamsError::NoRoom(error),
        ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => StreamsError::Refused(error),
        // JetStream starting, electing a leader, shutting down.
        _ if error.code() == 503 => StreamsError::Unreachable(error.into()),
        _ => StreamsError::Refused(error),
    }
}

/// What a person can do about a refusal: raise a limit of the server, or set an option of ours that asks for less.
fn advice(error: &jetstream::Error) -> Option<&'static str> {
    Some(match error.error_code() {
        ErrorCode::MAXIMUM_STREAMS_LIMIT => {
            "a job that is being signed has two streams: raise max_streams of the account"
        }
        ErrorCode::MAXIMUM_CONSUMERS_LIMIT => "each stream has one consumer: raise max_consumers of the account",
        ErrorCode::STREAM_MAX_BYTES_REQUIRED => "set --nats-max-bytes",
        ErrorCode::CONSUMER_MAX_PENDING_ACK_EXCESS => "set --nats-max-ack-pending",
        ErrorCode::CLUSTER_NO_PEERS | ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED => {
            "the cluster has too few servers for these copies: set --nats-replicas"
        }
        ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => "enable JetStream for the account",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use uuid::Uuid;

    fn error(code: u64, err_code: ErrorCode, description: &str) -> StreamsError {
        let body = json!({"code": code, "err_code": err_code.0, "description": description});
        classify(serde_json::from_value(body).unwrap(), GenerationId { uid: Uuid::nil(), generation: 1 })
    }

    #[test]
    fn every_error_of_jetstream_has_its_kind() {
        for code in [ErrorCode::STREAM_NOT_FOUND, ErrorCode::CONSUMER_NOT_FOUND] {
            let gone = error(404, code, "not found");
            assert!(gone.is_stream_gone() && !gone.is_unreachable() && gone.kind() == ErrorKind::Transient);
        }
        assert!(matches!(error(503, ErrorCode::STREAM_OFFLINE, "offline"), StreamsError::Offline(_)));
        assert!(error(503, ErrorCode::STREAM_OFFLINE, "offline").is_unreachable());
        for (code, text) in [
            (ErrorCode::INSUFFICIENT_RESOURCES, "insufficient resources"),
            (ErrorCode::ACCOUNT_RESOURCES_EXCEEDED, "resource limits exceeded for account"),
            (ErrorCode::STREAM_STORE_FAILED, "write: no space left on device"),
        ] {
            let full = error(503, code, text);
            assert!(matches!(full, StreamsError::NoRoom(_)) && full.kind() == ErrorKind::Refused, "{text}");
        }
        assert!(error(503, ErrorCode::CLUSTER_NOT_AVAILABLE, "no leader").is_unreachable());
        assert_eq!(error(503, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT, "").kind(), ErrorKind::Refused);
        assert_eq!(error(400, ErrorCode::BAD_REQUEST, "bad request").kind(), ErrorKind::Refused);
    }

    #[test]
    fn a_refusal_says_what_helps_where_something_does() {
        let told = error(400, ErrorCode::MAXIMUM_STREAMS_LIMIT, "maximum number of streams reached").to_string();
        assert!(told.ends_with("raise max_streams of the account"), "{told}");
        assert_eq!(error(400, ErrorCode::BAD_REQUEST, "bad request").to_string(), "NATS refused a request");
    }
}
