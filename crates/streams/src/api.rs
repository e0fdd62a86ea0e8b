//! Requests to JetStream's API, with one way to fail.

use crate::JobStreams;
use crate::Streams;
use crate::error::{BoxError, StreamsError, classify};
use crate::names::CONSUMER;
use async_nats::{RequestErrorKind, jetstream};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A request without parameters.
#[derive(Serialize)]
pub(crate) struct Nothing {}

#[derive(Deserialize)]
struct MaybeError {
    error: Option<jetstream::Error>,
}

impl Streams {
    /// Asks `$JS.API.<what>` about streams of `job`.
    pub(crate) async fn call<Q, A>(&self, job: JobStreams, what: &str, query: &Q) -> Result<A, StreamsError>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        let payload = serde_json::to_vec(query).map_err(StreamsError::Unreadable)?;
        self.connected().await?;
        let answer = self.ask(what, payload.into()).await.map_err(StreamsError::Unreachable)?;
        let MaybeError { error } = serde_json::from_slice(&answer).map_err(StreamsError::Unreadable)?;
        match error {
            Some(error) => Err(classify(error, job)),
            None => serde_json::from_slice(&answer).map_err(StreamsError::Unreadable),
        }
    }

    /// Asks without reading the answer. An API that nobody answers is an outage: JetStream is starting, or has no leader.
    async fn ask(&self, what: &str, payload: Bytes) -> Result<Bytes, BoxError> {
        let request = self.client().request(format!("$JS.API.{what}"), payload);
        match request.await {
            Ok(message) => Ok(message.payload),
            Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                Err("nothing answers JetStream requests".into())
            }
            Err(error) => Err(error.into()),
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
