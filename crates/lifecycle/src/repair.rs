//! Repair: what the ledger expects in the streams and does not find there, twice in a row, is published again.
//!
//! Messages can get lost (an unsynced write, a wiped server, an operator's hand); doubling one is harmless.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use vaultstream_ledger::{Job, Ledger, leases, steps};
use vaultstream_streams::{BatchMessage, JobStreams, Streams, StreamsState};

use crate::{LifecycleError, publish::message};

/// What was missing at the last comparison.
pub(crate) struct Repair {
    every: Duration,
    checked: Option<Instant>,
    missing_batches: BTreeSet<i64>,
    missing_keys: BTreeSet<i64>,
    /// The ledger's server was restarted or replaced. It may lack commits whose batches were acknowledged.
    server_changed: bool,
}

impl Repair {
    pub(crate) fn new(every: Duration) -> Self {
        Self {
            every,
            checked: Some(Instant::now()),
            missing_batches: BTreeSet::new(),
            missing_keys: BTreeSet::new(),
            server_changed: false,
        }
    }

    /// Another server may have another past.
    pub(crate) fn note_changed_server(&mut self) {
        self.server_changed = true;
    }

    pub(crate) fn check_now(&mut self) {
        self.checked = None;
    }

    /// Compares streams and ledger when it is time to.
    pub(crate) async fn check(
        &mut self,
        ledger: &Ledger,
        streams: &Streams,
        job: &Job,
        topology: &JobStreams,
    ) -> Result<(), LifecycleError> {
        if self.checked.is_some_and(|checked| checked.elapsed() < self.every) {
            return Ok(());
        }
        self.checked = Some(Instant::now());
        let StreamsState::Present { batches, keys } = streams.state(topology).await? else { return Ok(()) };
        let unsigned = steps::unsigned_published(ledger, job.id).await?;
        let active = leases::active_keys(ledger, job.id).await?;
        // Counting is cheap; which ones are missing is asked only when some are.
        if batches >= unsigned.len() as u64 && keys >= active.len() as u64 {
            self.missing_batches.clear();
            self.missing_keys.clear();
            return Ok(());
        }
        let index = streams.message_index(topology).await?;
        let lost_batches: Vec<BatchMessage> = unsigned
            .iter()
            .filter(|range| !index.batches.contains(&range.batch.0))
            .map(|range| message(job, range))
            .collect();
        // In the order of their last use, so that the least recently used one is still the first to come.
        let lost_keys: Vec<i64> = active.iter().map(|key| key.id.0).filter(|key| !index.keys.contains(key)).collect();
        self.publish_lost(streams, topology, job, lost_batches, lost_keys).await
    }

    async fn publish_lost(
        &mut self,
        streams: &Streams,
        topology: &JobStreams,
        job: &Job,
        lost_batches: Vec<BatchMessage>,
        lost_keys: Vec<i64>,
    ) -> Result<(), LifecycleError> {
        let batches_now: BTreeSet<i64> = lost_batches.iter().map(|batch| batch.batch).collect();
        let keys_now: BTreeSet<i64> = lost_keys.iter().copied().collect();
        let again: Vec<BatchMessage> =
            lost_batches.into_iter().filter(|batch| self.missing_batches.contains(&batch.batch)).collect();
        let keys: Vec<i64> = lost_keys.into_iter().filter(|key| self.missing_keys.contains(key)).collect();
        if !again.is_empty() || !keys.is_empty() {
            tracing::warn!(job = %job.name, batches = again.len(), keys = keys.len(), "publishing lost messages again");
            if self.server_changed && !again.is_empty() {
                tracing::warn!(
                    job = %job.name, batches = again.len(), first = again[0].batch,
                    "the database server was restarted or replaced, and batches that it has no signatures of are no longer in the \
                     stream: if it lost their commits, their records get a second signature"
                );
            }
            streams.publish_batches(topology, &again).await?;
            streams.publish_keys(topology, &keys).await?;
        }
        self.missing_batches = batches_now;
        self.missing_keys = keys_now;
        Ok(())
    }
}
