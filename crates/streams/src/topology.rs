//! Making the streams and consumers of a generation, and bringing them to other limits.

use crate::Streams;
use crate::error::StreamsError;
use crate::limits::{Limits, batch_config, key_config};
use crate::names::CONSUMER;
use crate::{JobStreams, api::Nothing};
use async_nats::jetstream::{consumer, stream};
use serde::Serialize;
use tracing::info;

#[derive(Serialize)]
struct NewConsumer<'a> {
    stream_name: &'a str,
    config: &'a consumer::Config,
}

impl Streams {
    /// Makes both streams and their consumers. Called again for the same generation, it finishes what was begun and does what
    /// [`Streams::adjust`] does.
    ///
    /// Raise the job's generation in the ledger before calling this for streams that [`Streams::state`] called absent: a stream
    /// made again under its old name takes late acks for messages it never sent.
    ///
    /// # Errors
    /// [`StreamsError::NoRoom`] and [`StreamsError::Refused`] as the server says; [`StreamsError::StreamGone`] when this
    /// process has seen the generation vanish.
    pub async fn create(&self, job: &JobStreams, limits: &Limits) -> Result<(), StreamsError> {
        self.bring_to(job, limits, true).await
    }

    /// Brings streams that exist to these limits; what does not differ is not touched. Never creates.
    ///
    /// # Errors
    /// [`StreamsError::StreamGone`] when something is missing; as [`Streams::create`].
    pub async fn adjust(&self, job: &JobStreams, limits: &Limits) -> Result<(), StreamsError> {
        self.bring_to(job, limits, false).await
    }

    async fn bring_to(&self, job: &JobStreams, limits: &Limits, create: bool) -> Result<(), StreamsError> {
        if self.generation(*job).has_ended() {
            return Err(StreamsError::StreamGone(*job));
        }
        for (stream, consumer) in [batch_config(job, limits), key_config(job, limits)] {
            self.bring_stream_to(job, &stream, create).await?;
            self.bring_consumer_to(job, &stream.name, &consumer, create).await?;
        }
        Ok(())
    }

    async fn bring_stream_to(
        &self,
        job: &JobStreams,
        wanted: &stream::Config,
        create: bool,
    ) -> Result<(), StreamsError> {
        let name = &wanted.name;
        let verb = match self.call::<_, stream::Info>(*job, &format!("STREAM.INFO.{name}"), &Nothing {}).await {
            Ok(found) if same_stream(&found.config, wanted) => return Ok(()),
            Ok(_) => "UPDATE",
            Err(StreamsError::StreamGone(_)) if create => "CREATE",
            Err(error) => return Err(error),
        };
        info!(stream = name, verb, "setting up a stream");
        self.call::<_, stream::Info>(*job, &format!("STREAM.{verb}.{name}"), wanted).await.map(drop)
    }

    async fn bring_consumer_to(
        &self,
        job: &JobStreams,
        stream: &str,
        wanted: &consumer::Config,
        create: bool,
    ) -> Result<(), StreamsError> {
        match self.call::<_, consumer::Info>(*job, &format!("CONSUMER.INFO.{stream}.{CONSUMER}"), &Nothing {}).await {
            Ok(found) if same_consumer(&found.config, wanted) => return Ok(()),
            Ok(_) => info!(stream, "changing the consumer's limits"),
            Err(StreamsError::StreamGone(_)) if create => {}
            Err(error) => return Err(error),
        }
        let request = NewConsumer { stream_name: stream, config: wanted };
        self.call::<_, consumer::Info>(*job, &format!("CONSUMER.CREATE.{stream}.{CONSUMER}"), &request).await.map(drop)
    }
}

/// Compares what we set; the server adds defaults of its own.
fn same_stream(found: &stream::Config, wanted: &stream::Config) -> bool {
    found.subjects == wanted.subjects
        && found.retention == wanted.retention
        && found.storage == wanted.storage
        && found.discard == wanted.discard
        && found.discard_new_per_subject == wanted.discard_new_per_subject
        && found.max_messages == wanted.max_messages
        && found.max_messages_per_subject == wanted.max_messages_per_subject
        && found.max_bytes == wanted.max_bytes
        && found.num_replicas == wanted.num_replicas
}

fn same_consumer(found: &consumer::Config, wanted: &consumer::Config) -> bool {
    found.ack_policy == wanted.ack_policy
        && found.ack_wait == wanted.ack_wait
        && found.max_ack_pending == wanted.max_ack_pending
        && found.max_deliver == wanted.max_deliver
        && found.backoff == wanted.backoff
        && found.num_replicas == wanted.num_replicas
}
