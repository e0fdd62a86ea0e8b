//! The numbers of a job's streams, and the configuration that follows from them.

use crate::JobStreams;
use crate::names::CONSUMER;
use async_nats::jetstream::consumer::{self, AckPolicy, IntoConsumerConfig, pull};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use std::time::Duration;

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
        ..queue(limits)
    };
    (stream, workers(limits, limits.batch_ack_wait, limits.max_ack_pending))
}

/// The stream of key tokens and its consumer.
pub(crate) fn key_config(job: &JobStreams, limits: &Limits) -> (stream::Config, consumer::Config) {
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
