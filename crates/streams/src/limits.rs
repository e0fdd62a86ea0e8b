//! The numbers of a job's streams, and the configuration that follows from them.

use crate::JobStreams;
use crate::names::Naming;
use async_nats::jetstream::consumer::{self, AckPolicy, IntoConsumerConfig, pull};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use std::time::Duration;

/// Pull requests that may wait at one consumer: every lane of every worker waits for a token with one.
const WAITING_LIMIT: i64 = 4_096;
/// The least limit of pending messages: a limit that is reached looks like an empty stream.
const MIN_PENDING: i64 = 100;
/// Bytes of one message in a stream at most, with subject, headers and bookkeeping. The server refuses a larger one.
const MESSAGE_BYTES: i32 = 512;
/// Tokens beside those of the keys that are in use: of keys that have just been retired.
const SPARE_TOKENS: i64 = 100;
/// Room beside the messages.
const SPARE_BYTES: i64 = 1 << 20;

/// The properties of a job that decide its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Records of a batch.
    pub batch_size: u32,
    /// Records that one lease of a key may sign.
    pub lease_records: u32,
    /// How long a lease lasts.
    pub lease: Duration,
    /// Units that a worker reads ahead, and its signing lanes.
    pub lanes: u32,
    /// Workers at most.
    pub workers: u32,
    /// Keys of the job.
    pub keys: u32,
}

/// The numbers of a job's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Batches delivered and not settled, over all workers.
    pub max_ack_pending: i64,
    /// Key tokens delivered and not settled.
    pub key_ack_pending: i64,
    /// Time without ack or progress after which a delivered batch is delivered again.
    pub batch_ack_wait: Duration,
    /// The same for a key token; longer than a lease.
    pub key_ack_wait: Duration,
    /// Copies of each stream, 1 to 5. `None`: three in a cluster that has room for them, else one.
    pub replicas: Option<usize>,
    /// Batches in the stream at once, queued or held: the pacing of publishing.
    pub max_batches: i64,
    /// Keys of the job; each has one token.
    pub keys: i64,
    /// Bytes that the stream of batches reserves. `None`: only where the account demands a number, and then enough for all.
    pub max_bytes: Option<i64>,
}

impl Limits {
    /// The numbers for a job.
    ///
    /// `max_ack_pending` = 2 × ⌈lease records / batch size⌉ × lanes × most workers: what all workers may hold or have on the
    /// way, twice, because JetStream's stall at the limit looks like an empty stream. A key may be held or delayed, and its token
    /// replaced at the same moment: two for each key.
    pub fn for_job(shape: &Shape) -> Self {
        let batches_per_unit = i64::from(shape.lease_records.div_ceil(shape.batch_size.max(1)));
        let held = batches_per_unit.saturating_mul(shape.lanes.into()).saturating_mul(shape.workers.max(1).into());
        Self {
            max_ack_pending: held.saturating_mul(2).max(MIN_PENDING),
            key_ack_pending: i64::from(shape.keys).saturating_mul(2).max(MIN_PENDING),
            key_ack_wait: shape.lease + Duration::from_secs(15),
            keys: shape.keys.into(),
            ..Self::default()
        }
    }

    /// No more than `most` may be delivered and not settled, of batches as of tokens.
    #[must_use]
    pub fn with_ack_pending_at_most(self, most: i64) -> Self {
        let (max_ack_pending, key_ack_pending) = (self.max_ack_pending.min(most), self.key_ack_pending.min(most));
        Self { max_ack_pending, key_ack_pending, ..self }
    }

    /// Bytes that hold all batches that may be queued.
    pub(crate) fn bytes_of_batches(&self) -> i64 {
        self.max_batches.saturating_mul(MESSAGE_BYTES.into()).saturating_add(SPARE_BYTES)
    }

    /// A token of each key, and another one that is about to replace it.
    fn max_tokens(&self) -> i64 {
        self.keys.saturating_mul(2).saturating_add(SPARE_TOKENS)
    }

    /// Bytes that hold all tokens.
    pub(crate) fn bytes_of_keys(&self) -> i64 {
        self.max_tokens().saturating_mul(MESSAGE_BYTES.into()).saturating_add(SPARE_BYTES)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_ack_pending: 1_000,
            key_ack_pending: 1_000,
            batch_ack_wait: Duration::from_secs(30),
            key_ack_wait: Duration::from_secs(75),
            replicas: None,
            max_batches: 100_000,
            keys: 1_000,
            max_bytes: None,
        }
    }
}

/// The stream of batches and its consumer.
pub(crate) fn batch_config(job: &JobStreams, limits: &Limits) -> (stream::Config, consumer::Config) {
    let stream = stream::Config {
        name: job.batch_stream(),
        description: Some("batches of records to sign".into()),
        subjects: vec![job.batch_subjects()],
        // Refuse what is too much or already there, rather than drop what was accepted.
        discard: DiscardPolicy::New,
        discard_new_per_subject: true,
        max_messages: limits.max_batches,
        max_bytes: limits.max_bytes.unwrap_or(-1),
        ..queue(limits)
    };
    (stream, pull_config(job, limits.batch_ack_wait, limits.max_ack_pending).into_consumer_config())
}

/// The stream of key tokens and its consumer.
pub(crate) fn key_config(job: &JobStreams, limits: &Limits) -> (stream::Config, consumer::Config) {
    let stream = stream::Config {
        name: job.key_stream(),
        description: Some("tokens of keys that are free".into()),
        subjects: vec![job.key_subjects()],
        // A requeued token replaces the held one.
        discard: DiscardPolicy::Old,
        // Workers publish here, too.
        max_messages: limits.max_tokens(),
        max_bytes: limits.max_bytes.map_or(-1, |_| limits.bytes_of_keys()),
        ..queue(limits)
    };
    // A worker names the subject that the server sends its messages to, and the server checks no right to publish there. What it has
    // published here could so get into another tenant's stream: no payload is delivered.
    let headers_only = job.naming == Naming::Tenant;
    let tokens = pull::Config { headers_only, ..pull_config(job, limits.key_ack_wait, limits.key_ack_pending) };
    (stream, tokens.into_consumer_config())
}

fn queue(limits: &Limits) -> stream::Config {
    stream::Config {
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        num_replicas: limits.replicas.unwrap_or(1),
        max_messages_per_subject: 1,
        // JetStream reserves it up front: set only where it is asked for.
        max_bytes: -1,
        max_consumers: -1,
        max_message_size: MESSAGE_BYTES,
        ..Default::default()
    }
}

fn pull_config(job: &JobStreams, ack_wait: Duration, max_ack_pending: i64) -> pull::Config {
    pull::Config {
        durable_name: Some(job.consumer().to_owned()),
        name: Some(job.consumer().to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait,
        max_ack_pending,
        max_waiting: WAITING_LIMIT,
        // Attempts are counted in the ledger; a limit here would strand messages. Without a backoff list, whose first entry
        // would replace the ack wait: a retry is a NAK with a delay.
        max_deliver: -1,
        // As many as the stream.
        num_replicas: 0,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape =
        Shape { batch_size: 50, lease_records: 5_000, lease: Duration::from_secs(60), lanes: 18, workers: 10, keys: 4 };

    #[test]
    fn limits_follow_the_formula() {
        let limits = Limits::for_job(&SHAPE);
        assert_eq!(limits.max_ack_pending, 2 * 100 * 18 * 10);
        assert_eq!(limits.key_ack_wait, Duration::from_secs(75));
        assert_eq!(limits.key_ack_pending, 100);
        assert_eq!(Limits::for_job(&Shape { keys: 10_000, ..SHAPE }).key_ack_pending, 20_000);
        let small = Shape { batch_size: 100_000, lanes: 2, workers: 1, ..SHAPE };
        assert_eq!(Limits::for_job(&small).max_ack_pending, 100);
        assert_eq!(Limits::for_job(&Shape { batch_size: 499, ..SHAPE }).max_ack_pending, 2 * 11 * 18 * 10);
    }

    #[test]
    fn a_limit_on_what_is_pending_holds_for_both_streams() {
        let limits = Limits::for_job(&Shape { keys: 10_000, ..SHAPE }).with_ack_pending_at_most(70);
        assert_eq!((limits.max_ack_pending, limits.key_ack_pending), (70, 70));
        assert_eq!(Limits::for_job(&SHAPE).with_ack_pending_at_most(1 << 20), Limits::for_job(&SHAPE));
    }
}
