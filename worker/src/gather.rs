//! Gathers batch messages into units: whatever the batch size, a unit is large enough that its transaction's fixed costs
//! do not show, and small enough that every lane has one.

use std::{collections::HashSet, time::Duration};

use tokio_util::sync::CancellationToken;
use vaultstream_ledger::{BatchNo, BatchRange};
use vaultstream_streams::{BatchMessage, BatchPuller, Delivery, StreamsError, Work};
use vaultstream_trace::Span;

use crate::{
    in_flight::{InFlightMessage, InFlightMessages},
    memory_budget::{self, MemoryBudget},
    metrics::{Metrics, Stage},
    unit::{PulledBatch, Unit},
};

/// A unit is closed when no further batch has arrived within this time.
const GATHER_TIMEOUT: Duration = Duration::from_millis(5);

/// The memory of one unit, whatever its batches.
const UNIT_BYTES_LIMIT: usize = 8 << 20;

/// Turns deliveries into units.
pub(crate) struct Gatherer<'a> {
    /// The job's batch messages.
    pub(crate) puller: BatchPuller,
    /// Where the messages of units are held.
    pub(crate) in_flight: &'a InFlightMessages,
    /// Memory for units.
    pub(crate) budget: &'a MemoryBudget,
    /// The worker's metrics.
    pub(crate) metrics: &'a Metrics,
    /// `spec.keys.lease.records`, or less under a rate limit.
    pub(crate) max_records: usize,
    /// Lanes that wait for units.
    pub(crate) lanes: usize,
    /// True once pulling was stopped.
    pub(crate) stopped: bool,
}

/// What [`Gatherer::next`] returns.
pub(crate) enum Gathered {
    /// A unit to sign.
    Unit(Unit),
    /// All batches are signed; the receipt is wanted. The message is held until it is acknowledged.
    Finish(InFlightMessage),
    /// Pulling was stopped and everything that had arrived was handed over.
    End,
}

impl Gatherer<'_> {
    /// Waits for the next unit. After `stop`, hands over what has arrived already, then [`Gathered::End`].
    ///
    /// # Errors
    /// [`StreamsError`] of the puller.
    pub(crate) async fn next(
        &mut self,
        pending: &mut Option<Delivery>,
        stop: &CancellationToken,
    ) -> Result<Gathered, StreamsError> {
        let first = match pending.take() {
            Some(delivery) => delivery,
            None => match self.pull(stop).await? {
                Some(delivery) => delivery,
                None => return Ok(Gathered::End),
            },
        };
        let mut time = self.metrics.time(Stage::Gather, None);
        let target = match first.work() {
            Work::Batch(batch) => target(first.pending(), record_count(batch.rows), self.lanes, self.most()),
            Work::Finish => 0,
        };
        let first = match self.hold(first) {
            Held::Batch(batch) => batch,
            Held::Finish(message) => return Ok(Gathered::Finish(message)),
        };
        let mut records = record_count(first.range.rows);
        let mut numbers = HashSet::from([first.range.batch]);
        let mut batches = vec![first];
        while records < target {
            let Ok(delivery) = tokio::time::timeout(GATHER_TIMEOUT, self.pull(stop)).await else { break };
            let Some(delivery) = delivery? else { break };
            if !fits(&delivery.work(), records, self.most()) {
                *pending = Some(delivery);
                break;
            }
            match self.hold(delivery) {
                Held::Batch(batch) if numbers.insert(batch.range.batch) => {
                    records += record_count(batch.range.rows);
                    batches.push(batch);
                }
                // Delivered twice, as after its ack wait while this worker stood still. A unit reads and signs nothing twice.
                Held::Batch(again) => {
                    if let Some(known) = batches.iter_mut().find(|known| known.is_same(&again)) {
                        known.join(again);
                    }
                }
                Held::Finish(message) => message.redeliver_after(Duration::ZERO),
            }
        }
        time.trace = Span::first_trace(batches.iter().map(|batch| &batch.trace));
        let Some(share) = self.budget.take(records).await else { return Ok(Gathered::End) };
        vaultstream_faults::point("unit-gathered");
        Ok(Gathered::Unit(Unit { batches, share }))
    }

    async fn pull(&mut self, stop: &CancellationToken) -> Result<Option<Delivery>, StreamsError> {
        tokio::select! {
            // Under a rate limit there is always something to take, and that must not hide the wish to stop.
            biased;
            () = stop.cancelled(), if !self.stopped => {
                self.stopped = true;
                self.puller.stop();
                self.puller.next().await
            }
            delivery = self.puller.next() => delivery,
        }
    }

    fn most(&self) -> usize {
        self.max_records.min(UNIT_BYTES_LIMIT / memory_budget::BYTES_PER_RECORD).min(self.budget.records())
    }

    fn hold(&self, delivery: Delivery) -> Held {
        let redelivered = delivery.redelivered();
        if redelivered {
            self.metrics.redelivered.inc();
        }
        let trace = match delivery.work() {
            Work::Batch(batch) => Span::batch(delivery.trace(), batch.batch, batch.rows),
            Work::Finish => Span::default(),
        };
        let (work, ack) = delivery.split();
        let message = self.in_flight.hold(ack);
        match work {
            Work::Batch(BatchMessage { job: _, batch, first, last, rows }) => {
                let range = BatchRange { batch: BatchNo(batch), first, last, rows };
                Held::Batch(PulledBatch { range, message, redelivered, trace })
            }
            Work::Finish => Held::Finish(message),
        }
    }
}

enum Held {
    Batch(PulledBatch),
    Finish(InFlightMessage),
}

/// How many records the next unit should have, with `pending` batches like the first one still in the stream.
///
/// While much is pending a unit is as large as allowed; towards the end units shrink, so that the last ones keep
/// every lane, and every worker, busy (guided self-scheduling, Polychronopoulos and Kuck 1987).
fn target(pending: u64, batch_records: usize, lanes: usize, most: usize) -> usize {
    let batches = usize::try_from(pending).unwrap_or(usize::MAX).saturating_add(1);
    batches.div_ceil(lanes.max(1)).saturating_mul(batch_records).min(most)
}

/// Whether a unit of `records` records has room for this work.
fn fits(work: &Work, records: usize, most: usize) -> bool {
    match work {
        Work::Batch(batch) => records.saturating_add(record_count(batch.rows)) <= most,
        Work::Finish => false,
    }
}

fn record_count(rows: i64) -> usize {
    usize::try_from(rows).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_unit_is_as_large_as_allowed_while_much_is_pending_and_shrinks_towards_the_end() {
        for (pending, lanes, records) in [
            (0, 4, 50),
            (3, 4, 50),
            (4, 4, 100),
            (79, 4, 1000),
            (80, 4, 1000),
            (u64::MAX, 4, 1000),
            (9, 1, 500),
            (9, 0, 500),
        ] {
            assert_eq!(target(pending, 50, lanes, 1000), records, "{pending} pending, {lanes} lanes");
        }
    }

    #[test]
    fn one_batch_larger_than_a_unit_is_a_unit_of_its_own() {
        assert_eq!(target(10, 5000, 2, 1000), 1000);
        assert!(!fits(&batch(1), 5000, 1000));
    }

    #[test]
    fn a_batch_fits_up_to_the_last_record() {
        assert!(fits(&batch(400), 600, 1000));
        assert!(!fits(&batch(401), 600, 1000));
        assert!(fits(&batch(-1), 1000, 1000), "a count that makes no sense takes no room");
        assert!(!fits(&Work::Finish, 0, 1000), "a finish message never joins a unit");
    }

    fn batch(rows: i64) -> Work {
        Work::Batch(BatchMessage { job: Uuid::nil(), batch: 0, first: 0, last: 0, rows })
    }
}
