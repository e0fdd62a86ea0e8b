//! Gathers batch messages into units: whatever the batch size, a unit is large enough that its transaction's fixed costs
//! do not show, and small enough that every lane has one.

use std::{collections::HashSet, time::Duration};

use tokio_util::sync::CancellationToken;
use vaultstream_ledger::BatchNo;
use vaultstream_streams::{BatchMessage, BatchPuller, ChallengeBytes, Delivery, StreamsError, Work};
use vaultstream_trace::Span;

use crate::{
    confirm::{HintedBatch, record_count},
    in_flight::{InFlightMessage, InFlightMessages},
    memory_budget::{self, MemoryBudget},
    metrics::{Metrics, Stage},
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
    /// `spec.batchSize`.
    pub(crate) batch_size: usize,
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
    /// The batches of a unit, as their messages name them.
    Batches(Vec<HintedBatch>),
    /// The table is to be planned. The message is held until it is acknowledged.
    Plan(InFlightMessage),
    /// All batches are signed; the receipt is wanted, and with a challenge the certificate of its key. The message is held until it is
    /// acknowledged.
    Finish(InFlightMessage, Option<ChallengeBytes>),
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
            Work::Batch(batch) => target(first.pending(), self.hinted(&batch), self.lanes, self.most()),
            Work::Plan | Work::Finish(_) => 0,
        };
        let (first, mut records) = match self.hold(first) {
            Held::Batch(batch, records) => (batch, records),
            Held::Plan(message) => return Ok(Gathered::Plan(message)),
            Held::Finish(message, challenge) => return Ok(Gathered::Finish(message, challenge)),
        };
        let mut numbers = HashSet::from([first.number]);
        let mut batches = vec![first];
        while records < target {
            let Ok(delivery) = tokio::time::timeout(GATHER_TIMEOUT, self.pull(stop)).await else { break };
            let Some(delivery) = delivery? else { break };
            if !self.fits(&delivery.work(), records) {
                *pending = Some(delivery);
                break;
            }
            match self.hold(delivery) {
                Held::Batch(batch, more) if numbers.insert(batch.number) => {
                    records += more;
                    batches.push(batch);
                }
                // Delivered twice, as after its ack wait while this worker stood still. A unit reads and signs nothing twice.
                Held::Batch(again, _) => {
                    if let Some(known) = batches.iter_mut().find(|known| known.number == again.number) {
                        known.message.join(again.message);
                    }
                }
                Held::Plan(message) | Held::Finish(message, _) => message.redeliver_after(Duration::ZERO),
            }
        }
        time.trace = Span::first_trace(batches.iter().map(|batch| &batch.trace));
        Ok(Gathered::Batches(batches))
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

    /// The records of a unit at most.
    pub(crate) fn most(&self) -> usize {
        self.max_records.min(UNIT_BYTES_LIMIT / memory_budget::BYTES_PER_RECORD).min(self.budget.records())
    }

    /// The records of a batch, as far as its message can be believed: no batch has more than twice `spec.batchSize`, and one that claims to have
    /// none still takes room.
    fn hinted(&self, batch: &BatchMessage) -> usize {
        record_count(batch.rows).clamp(1, 2 * self.batch_size.max(1))
    }

    /// Whether a unit of `records` records has room for this work.
    fn fits(&self, work: &Work, records: usize) -> bool {
        match work {
            Work::Batch(batch) => has_room(records, self.hinted(batch), self.most()),
            Work::Plan | Work::Finish(_) => false,
        }
    }

    fn hold(&self, delivery: Delivery) -> Held {
        if delivery.redelivered() {
            self.metrics.redelivered.inc();
        }
        let trace = match delivery.work() {
            Work::Batch(batch) => Span::batch(delivery.trace(), batch.batch, batch.rows),
            Work::Plan | Work::Finish(_) => Span::default(),
        };
        let (work, ack) = delivery.split();
        let message = self.in_flight.hold(ack);
        match work {
            Work::Batch(batch) => {
                let records = self.hinted(&batch);
                Held::Batch(HintedBatch { number: BatchNo(batch.batch), message, trace }, records)
            }
            Work::Plan => Held::Plan(message),
            Work::Finish(challenge) => Held::Finish(message, challenge),
        }
    }
}

enum Held {
    /// A batch, and how many records it may have.
    Batch(HintedBatch, usize),
    Plan(InFlightMessage),
    Finish(InFlightMessage, Option<ChallengeBytes>),
}

/// How many records the next unit should have, with `pending` batches like the first one still in the stream.
///
/// While much is pending a unit is as large as allowed; towards the end units shrink, so that the last ones keep
/// every lane, and every worker, busy (guided self-scheduling, Polychronopoulos and Kuck 1987).
fn target(pending: u64, batch_records: usize, lanes: usize, most: usize) -> usize {
    let batches = usize::try_from(pending).unwrap_or(usize::MAX).saturating_add(1);
    batches.div_ceil(lanes.max(1)).saturating_mul(batch_records).min(most)
}

/// Whether a unit of `records` records has room for `more`.
fn has_room(records: usize, more: usize, most: usize) -> bool {
    records.saturating_add(more) <= most
}

#[cfg(test)]
mod tests {
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
    fn a_batch_fits_up_to_the_last_record_and_one_larger_than_a_unit_is_a_unit_of_its_own() {
        assert_eq!(target(10, 5000, 2, 1000), 1000);
        assert!(!has_room(1, 5000, 1000));
        assert!(has_room(600, 400, 1000));
        assert!(!has_room(600, 401, 1000));
        assert!(!has_room(1, usize::MAX, 1000));
    }
}
