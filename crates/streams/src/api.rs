//! Requests about a job's streams.

use crate::error::{StreamsError, classify};
use crate::names::{CONSUMER, JobStreams};
use crate::request::{Nothing, refusal, request};
use crate::streams::Streams;
use async_nats::jetstream;
use serde::{Serialize, de::DeserializeOwned};

impl Streams {
    /// Asks `$JS.API.<what>` about streams of `job`.
    pub(crate) async fn call<Q, A>(&self, job: JobStreams, what: &str, query: &Q) -> Result<A, StreamsError>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        self.ask(what, query).await?.map_err(|error| classify(error, job))
    }

    /// The same, with JetStream's own error, for callers that can ask for something else instead.
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

    /// The consumer of a stream. When one of both is missing, the generation is marked as gone.
    pub(crate) async fn look(&self, job: JobStreams, stream: &str) -> Result<jetstream::consumer::Info, StreamsError> {
        let found = self.call(job, &format!("CONSUMER.INFO.{stream}.{CONSUMER}"), &Nothing {}).await;
        if let Err(StreamsError::StreamGone(_)) = &found {
            self.generation(job).end();
        }
        found
    }
}
