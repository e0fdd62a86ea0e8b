//! Requests to JetStream's API, with one way to fail.

use crate::JobStreams;
use crate::Streams;
use crate::denial::{Concern, Denial, Denials};
use crate::error::{BoxError, StreamsError, classify};
use crate::names::CONSUMER;
use async_nats::{Client, RequestErrorKind, jetstream};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A request without parameters.
#[derive(Serialize)]
pub(crate) struct Nothing {}

#[derive(Deserialize)]
struct MaybeError {
    error: Option<jetstream::Error>,
}

/// Why there is no answer to a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error("NATS does not allow this user to {0}")]
    Denied(Denial),
    #[error("nothing answers JetStream requests")]
    NobodyThere,
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
            error @ NoAnswer::NobodyThere => Self::Unreachable(error.into()),
            NoAnswer::Silence(source) => Self::Unreachable(source),
        }
    }
}

/// Asks without reading the answer. What the server forbids ends the wait for an answer that would never come.
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
        RequestErrorKind::NoResponders => NoAnswer::NobodyThere,
        RequestErrorKind::MaxPayloadExceeded => NoAnswer::TooLarge(error.into()),
        _ => NoAnswer::Silence(error.into()),
    })
}

/// The error that JetStream answered with, if it did.
pub(crate) fn refusal(answer: &[u8]) -> Result<Option<jetstream::Error>, serde_json::Error> {
    serde_json::from_slice(answer).map(|MaybeError { error }| error)
}

impl Streams {
    /// Asks `$JS.API.<what>` about streams of `job`.
    pub(crate) async fn call<Q, A>(&self, job: JobStreams, what: &str, query: &Q) -> Result<A, StreamsError>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        self.ask(what, query).await?.map_err(|error| classify(error, job))
    }

    /// The same, with JetStream's own error, for those who know what to ask for instead.
    pub(crate) async fn ask<Q, A>(&self, what: &str, query: &Q) -> Result<Result<A, jetstream::Error>, StreamsError>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        let payload = serde_json::to_vec(query).map_err(StreamsError::Unreadable)?;
        self.connected().await?;
        let answer = request(self.client(), self.denials(), &format!("$JS.API.{what}"), payload.into()).await?;
        match refusal(&answer).map_err(StreamsError::Unreadable)? {
            Some(error) => Ok(Err(error)),
            None => serde_json::from_slice(&answer).map(Ok).map_err(StreamsError::Unreadable),
        }
    }

    /// Whether the stream and its consumer are there. Marks the generation as gone when they are not.
    pub(crate) async fn look(&self, job: JobStreams, stream: &str) -> Result<jetstream::consumer::Info, StreamsError> {
        let found = self.call(job, &format!("CONSUMER.INFO.{stream}.{CONSUMER}"), &Nothing {}).await;
        if let Err(StreamsError::StreamGone(_)) = &found {
            self.generation(job).end();
        }
        found
    }
}
