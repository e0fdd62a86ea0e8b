//! One request to JetStream's API, with one way to fail.

use crate::denial::{Concern, Denial, Denials};
use crate::error::{BoxError, StreamsError};
use async_nats::{Client, RequestErrorKind, jetstream};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A request without parameters.
#[derive(Serialize)]
pub(crate) struct Nothing {}

#[derive(Deserialize)]
struct MaybeError {
    error: Option<jetstream::Error>,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("NATS does not allow this user to {0}")]
    Denied(Denial),
    #[error("nothing responds to JetStream requests")]
    NoResponders,
    #[error("the request is larger than the server accepts")]
    TooLarge(#[source] BoxError),
    #[error("there was no answer")]
    Silence(#[source] BoxError),
}

impl From<NoAnswer> for StreamsError {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Denied(denial) => Self::Denied(denial),
            NoAnswer::TooLarge(source) => Self::TooLarge(source),
            // An outage: JetStream is starting, or has no leader.
            error @ NoAnswer::NoResponders => Self::Unreachable(error.into()),
            NoAnswer::Silence(source) => Self::Unreachable(source),
        }
    }
}

/// Sends a request and returns the response as bytes. A request that the server forbids fails at once, because it gets no response.
pub(crate) async fn request(
    client: &Client,
    denials: &Denials,
    subject: &str,
    payload: Bytes,
) -> Result<Bytes, NoAnswer> {
    let mut listener = denials.listen(Concern::Request(subject.to_owned()));
    let answer = tokio::select! {
        answer = client.request(subject.to_owned(), payload) => answer,
        denial = listener.denied() => return Err(NoAnswer::Denied(denial)),
    };
    answer.map(|message| message.payload).map_err(|error| match error.kind() {
        RequestErrorKind::NoResponders => NoAnswer::NoResponders,
        RequestErrorKind::MaxPayloadExceeded => NoAnswer::TooLarge(error.into()),
        _ => NoAnswer::Silence(error.into()),
    })
}

/// The error that JetStream returned, if it did.
pub(crate) fn refusal(answer: &[u8]) -> Result<Option<jetstream::Error>, serde_json::Error> {
    serde_json::from_slice(answer).map(|MaybeError { error }| error)
}
