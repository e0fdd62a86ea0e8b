//! Requests about a job's streams.

use crate::error::{StreamsError, classify};
use crate::names::{GenerationId, JobStreams, Naming};
use crate::request::{Nothing, refusal, request};
use crate::streams::Streams;
use async_nats::jetstream;
use serde::{Serialize, de::DeserializeOwned};

impl Streams {
    /// Asks `$JS.API.<what>` about streams of this generation.
    pub(crate) async fn call<Q, A>(&self, id: GenerationId, what: &str, query: &Q) -> Result<A, StreamsError>
    where
        Q: Serialize + ?Sized,
        A: DeserializeOwned,
    {
        self.ask(what, query).await?.map_err(|error| classify(error, id))
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

    /// The streams of this generation under the names that they have.
    ///
    /// # Errors
    /// [`StreamsError::StreamGone`] when there are none; as the server says.
    pub async fn find(&self, job: &JobStreams) -> Result<JobStreams, StreamsError> {
        for naming in [Naming::Tenant, Naming::Earlier] {
            let job = job.clone().named(naming);
            let what = format!("CONSUMER.INFO.{}.{}", job.batch_stream(), job.consumer());
            match self.call::<_, serde::de::IgnoredAny>(job.id(), &what, &Nothing {}).await {
                Ok(_) => return Ok(job),
                Err(StreamsError::StreamGone(_)) => {}
                // A user that is confined to its tenant cannot ask for names without one.
                Err(StreamsError::Denied(_)) if naming == Naming::Earlier => {}
                Err(error) => return Err(error),
            }
        }
        Err(StreamsError::StreamGone(job.id()))
    }

    /// The consumer of a stream. When one of both is missing, the generation is marked as gone.
    pub(crate) async fn look(&self, job: &JobStreams, stream: &str) -> Result<jetstream::consumer::Info, StreamsError> {
        let found = self.call(job.id(), &format!("CONSUMER.INFO.{stream}.{}", job.consumer()), &Nothing {}).await;
        if let Err(StreamsError::StreamGone(_)) = &found {
            self.end_generation(job.id());
        }
        found
    }
}
