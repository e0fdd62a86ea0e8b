//! The streams and consumers of a job's generation: made, compared, counted, removed.

use crate::JobStreams;
use crate::connect::Streams;
use crate::error::StreamsError;
use crate::names::CONSUMER;
use async_nats::jetstream::consumer::{self, AckPolicy, IntoConsumerConfig, pull};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use tracing::info;
use uuid::Uuid;

/// Pull requests that may wait at one consumer: every lane of every worker waits for a token with one.
const MAX_WAITING: i64 = 4_096;
/// A job's most keys: each may be held, or put off, at the same time.
const MAX_KEYS: i64 = 10_000;

/// The numbers of a job's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Batches delivered and not settled, over all workers.
    pub max_ack_pending: i64,
    /// How long a delivered batch may stay without ack or progress before it is delivered again.
    pub batch_ack_wait: Duration,
    /// The same for a key token; longer than a lease.
    pub key_ack_wait: Duration,
    /// Copies of each stream in a cluster, 1 to 5.
    pub replicas: usize,
    /// Batches in the stream at once, queued or held: the pacing of publishing.
    pub max_batches: i64,
}

impl Limits {
    /// The numbers for a job: `lease_records` and `lease` of its key leases, `lanes` = units read ahead + signing lanes of a
    /// worker.
    ///
    /// `max_ack_pending` = 2 × ⌈lease records / batch size⌉ × lanes × most workers, at least 1,000: what all workers may hold
    /// or have on the way, twice, for JetStream's stall at the limit looks like an empty stream.
    pub fn for_job(batch_size: u32, lease_records: u32, lease: Duration, lanes: u32, most_workers: u32) -> Self {
        let batches_per_unit = i64::from(lease_records.div_ceil(batch_size.max(1)));
        let held = batches_per_unit.saturating_mul(i64::from(lanes)).saturating_mul(i64::from(most_workers));
        Self {
            max_ack_pending: held.saturating_mul(2).max(1_000),
            key_ack_wait: lease + Duration::from_secs(15),
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_ack_pending: 1_000,
            batch_ack_wait: Duration::from_secs(30),
            key_ack_wait: Duration::from_secs(75),
            replicas: 1,
            max_batches: 100_000,
        }
    }
}

/// What is there of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamsState {
    /// Both streams and their consumers.
    Present {
        /// Messages in the stream of batches, queued or held, a finish message among them.
        batches: u64,
        /// Tokens in the stream of keys, queued or held.
        keys: u64,
    },
    /// At least one stream or consumer is missing: raise the generation and create.
    Absent,
}

#[derive(Serialize)]
pub(crate) struct Nothing {}

#[derive(Deserialize)]
struct StreamCount {
    state: StreamMessages,
}

#[derive(Deserialize)]
struct StreamMessages {
    messages: u64,
    consumer_count: usize,
}

#[derive(Serialize)]
struct NamesQuery<'a> {
    subject: &'a str,
    offset: usize,
}

#[derive(Deserialize)]
struct Names {
    total: usize,
    streams: Option<Vec<String>>,
}

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

    /// Counts messages: two small requests, whatever the size of the job.
    ///
    /// # Errors
    /// When nobody answers: unknown is not absent.
    pub async fn state(&self, job: &JobStreams) -> Result<StreamsState, StreamsError> {
        let (batches, keys) = (self.count(job, job.batch_stream()).await?, self.count(job, job.key_stream()).await?);
        Ok(match (batches, keys) {
            (Some(batches), Some(keys)) => StreamsState::Present { batches, keys },
            _ => {
                self.generation(*job).end();
                StreamsState::Absent
            }
        })
    }

    async fn count(&self, job: &JobStreams, stream: String) -> Result<Option<u64>, StreamsError> {
        match self.call::<_, StreamCount>(*job, &format!("STREAM.INFO.{stream}"), &Nothing {}).await {
            Ok(StreamCount { state }) => Ok((state.consumer_count > 0).then_some(state.messages)),
            Err(StreamsError::StreamGone(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes both streams. What is already gone is no error.
    ///
    /// # Errors
    /// As the server says.
    pub async fn delete(&self, job: &JobStreams) -> Result<(), StreamsError> {
        self.generation(*job).end();
        for stream in [job.batch_stream(), job.key_stream()] {
            match self.call::<_, serde::de::IgnoredAny>(*job, &format!("STREAM.DELETE.{stream}"), &Nothing {}).await {
                Ok(_) | Err(StreamsError::StreamGone(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes every generation of the job but `keep`, and returns how many there were.
    ///
    /// # Errors
    /// As the server says.
    pub async fn delete_other_generations(&self, uid: Uuid, keep: Option<i64>) -> Result<usize, StreamsError> {
        let all = self.names(&format!("*.{uid}.>")).await?;
        let others: Vec<_> = all.into_iter().filter(|job| job.uid == uid && Some(job.generation) != keep).collect();
        for job in &others {
            info!(job = %uid, generation = job.generation, "removing the streams of another generation");
            self.delete(job).await?;
        }
        Ok(others.len())
    }

    /// Every generation of every job that has a stream, to find those that nobody owns any more.
    ///
    /// # Errors
    /// As the server says.
    pub async fn list(&self) -> Result<BTreeSet<JobStreams>, StreamsError> {
        let mut all = self.names("records.>").await?;
        all.extend(self.names("keys.>").await?);
        Ok(all)
    }

    async fn names(&self, subject: &str) -> Result<BTreeSet<JobStreams>, StreamsError> {
        let nobody = JobStreams { uid: Uuid::nil(), generation: 0 };
        let (mut found, mut offset) = (BTreeSet::new(), 0);
        loop {
            let page: Names = self.call(nobody, "STREAM.NAMES", &NamesQuery { subject, offset }).await?;
            let names = page.streams.unwrap_or_default();
            offset += names.len();
            found.extend(names.iter().filter_map(|name| JobStreams::from_stream_name(name)));
            if names.is_empty() || offset >= page.total {
                return Ok(found);
            }
        }
    }
}

fn batch_config(job: &JobStreams, limits: &Limits) -> (stream::Config, consumer::Config) {
    let stream = stream::Config {
        name: job.batch_stream(),
        description: Some("batches of records to sign".into()),
        subjects: vec![job.batch_subjects()],
        // Refuse what is too much or already there, rather than drop what was accepted.
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        max_messages: limits.max_batches,
        ..queue(limits)
    };
    (stream, workers(limits, limits.batch_ack_wait, limits.max_ack_pending))
}

fn key_config(job: &JobStreams, limits: &Limits) -> (stream::Config, consumer::Config) {
    let stream = stream::Config {
        name: job.key_stream(),
        description: Some("tokens of keys that are free".into()),
        subjects: vec![job.key_subjects()],
        // A token given back replaces the held one.
        discard: DiscardPolicy::Old,
        max_messages: -1,
        ..queue(limits)
    };
    (stream, workers(limits, limits.key_ack_wait, limits.max_ack_pending.max(MAX_KEYS)))
}

fn queue(limits: &Limits) -> stream::Config {
    stream::Config {
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        num_replicas: limits.replicas,
        max_messages_per_subject: 1,
        // Never set max_bytes: JetStream reserves it up front.
        max_bytes: -1,
        max_consumers: -1,
        max_message_size: -1,
        ..Default::default()
    }
}

fn workers(limits: &Limits, ack_wait: Duration, max_ack_pending: i64) -> consumer::Config {
    let pull = pull::Config {
        durable_name: Some(CONSUMER.into()),
        name: Some(CONSUMER.into()),
        ack_policy: AckPolicy::Explicit,
        ack_wait,
        max_ack_pending,
        max_waiting: MAX_WAITING,
        // Attempts are counted in the ledger; a limit here would strand messages. And no backoff list, whose first entry
        // would replace the ack wait: a retry is a NAK with a delay of ours.
        max_deliver: -1,
        num_replicas: limits.replicas,
        ..Default::default()
    };
    pull.into_consumer_config()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_follow_the_formula() {
        let lease = Duration::from_secs(60);
        let limits = Limits::for_job(50, 5_000, lease, 18, 10);
        assert_eq!(limits.max_ack_pending, 2 * 100 * 18 * 10);
        assert_eq!(limits.key_ack_wait, Duration::from_secs(75));
        assert_eq!(Limits::for_job(100_000, 5_000, lease, 2, 1).max_ack_pending, 1_000);
        assert_eq!(Limits::for_job(499, 5_000, lease, 18, 10).max_ack_pending, 2 * 11 * 18 * 10);
    }
}
