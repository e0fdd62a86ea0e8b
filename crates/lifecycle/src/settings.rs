//! What can be set, and the streams' limits that follow from it and from the job.

use std::time::Duration;

use vaultstream_ledger::Job;
use vaultstream_streams::{Limits, Shape};

/// The limit of a small job's stream follows its number of batches in steps of this size.
const STEP: i64 = 1_000;

/// How lifecycle works; the defaults suit every job.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Records or batches made in one transaction while seeding.
    pub seed_chunk: u64,
    /// Copies that JetStream keeps of each stream; `None` leaves it to what the server offers.
    pub replicas: Option<usize>,
    /// Bytes that a job's stream of batches reserves; `None` for as few as the account demands.
    pub max_bytes: Option<i64>,
    /// Messages at most that a job's workers hold unsettled; `None` for as many as can keep them all busy.
    pub max_ack_pending: Option<i64>,
    /// Batch messages that a stream holds at most; publishing waits for room.
    pub max_messages: i64,
    /// How often streams and ledger are compared.
    pub repair_every: Duration,
    /// How long a batch may be held without a progress report before it is delivered to another worker.
    pub batch_ack_wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed_chunk: 250_000,
            replicas: None,
            max_bytes: None,
            max_ack_pending: None,
            max_messages: 100_000,
            repair_every: Duration::from_secs(30),
            batch_ack_wait: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// What the streams of this job may hold.
    pub(crate) fn limits(&self, job: &Job) -> Limits {
        let spec = &job.spec;
        // Room for the message that asks for the receipt and for batches that are split, in steps: not every split changes it.
        let batches = job.batches.filter(|_| !job.is_following());
        let batches = batches.map_or(self.max_messages, |batches| (batches / STEP + 2).saturating_mul(STEP));
        let limits = Limits {
            replicas: self.replicas,
            max_batches: self.max_messages.min(batches),
            max_bytes: self.max_bytes,
            batch_ack_wait: self.batch_ack_wait,
            ..Limits::for_job(&Shape {
                batch_size: spec.batch_size,
                lease_records: spec.keys.lease.records,
                lease: spec.keys.lease.duration.as_std(),
                lanes: spec.concurrency.records + spec.concurrency.signers,
                workers: spec.workers.max_replicas,
                keys: spec.keys.count,
            })
        };
        match self.max_ack_pending {
            Some(most) => limits.with_ack_pending_at_most(most),
            None => limits,
        }
    }
}
