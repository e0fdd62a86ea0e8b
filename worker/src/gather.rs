//! Gathers batch messages into units: whatever the batch size, a unit is large enough that its transaction's fixed costs
//! do not show, and small enough that every lane has one.

use std::{collections::HashSet, time::Duration};

use tokio_util::sync::CancellationToken;
use vaultstream_streams::{BatchPuller, Delivery, StreamsError, Work};

use crate::{
    budget::Budget,
    held::HeldMessages,
    metrics::{Metrics, Stage},
    unit::{HeldBatch, Unit},
};

/// A unit is closed when no further batch has arrived for so long.
const QUIET: Duration = Duration::from_millis(5);

/// Bytes of one unit at most, whatever its batches.
const MAX_UNIT_BYTES: usize = 8 << 20;

/// Turns deliveries into units.
pub(crate) struct Gatherer<'a> {
    /// The job's batch messages.
    pub(crate) puller: BatchPuller,
    /// Where what is held is kept alive.
    pub(crate) held: &'a HeldMessages,
    /// Memory for units.
    pub(crate) budget: &'a Budget,
    /// The worker's metrics.
    pub(crate) metrics: &'a Metrics,
    /// `spec.keys.lease.records`, or less under a rate limit.
    pub(crate) max_records: usize,
    /// Lanes that wait for units.
    pub(crate) lanes: usize,
    /// Whether pulling was stopped.
    pub(crate) stopped: bool,
}

/// What the gatherer has to say.
pub(crate) enum Gathered {
    /// A unit to sign.
    Unit(Unit),
    /// All batches are signed; the receipt is wanted. The message is held until it is acknowledged.
    Finish(crate::held::HeldMessage),
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
        let _time = self.metrics.time(Stage::Gather);
        let target = self.target(&first);
        let first = match self.hold(first) {
            Held::Batch(batch) => batch,
            Held::Finish(message) => return Ok(Gathered::Finish(message)),
        };
        let mut records = batch_records(&first);
        let mut numbers = HashSet::from([first.message.batch]);
        let mut batches = vec![first];
        while records < target {
            let Ok(delivery) = tokio::time::timeout(QUIET, self.pull(stop)).await else { break };
            let Some(delivery) = delivery? else { break };
            if !fits(&delivery, records, self.most()) {
                *pending = Some(delivery);
                break;
            }
            match self.hold(delivery) {
                Held::Batch(batch) if numbers.insert(batch.message.batch) => {
                    records += batch_records(&batch);
                    batches.push(batch);
                }
                // Delivered twice, as after its ack wait while this worker stood still. A unit reads and signs nothing twice.
                Held::Batch(again) => {
                    if let Some(known) = batches.iter_mut().find(|known| known.is_same(&again)) {
                        known.join(again);
                    }
                }
                Held::Finish(message) => message.give_back(Duration::ZERO),
            }
        }
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

    /// While much is pending a unit is as large as allowed; towards the end units shrink, so that the last ones keep
    /// every lane, and every worker, busy (guided self-scheduling, Polychronopoulos and Kuck 1987).
    fn target(&self, first: &Delivery) -> usize {
        let Work::Batch(batch) = first.work() else { return 0 };
        let pending = usize::try_from(first.pending()).unwrap_or(usize::MAX).saturating_add(1);
        let per_lane = pending.div_ceil(self.lanes.max(1)).saturating_mul(usize::try_from(batch.rows).unwrap_or(0));
        per_lane.min(self.most())
    }

    fn most(&self) -> usize {
        self.max_records.min(MAX_UNIT_BYTES / crate::budget::BYTES_PER_RECORD).min(self.budget.records())
    }

    fn hold(&self, delivery: Delivery) -> Held {
        let redelivered = delivery.redelivered();
        if redelivered {
            self.metrics.redelivered.inc();
        }
        let (work, ack) = delivery.split();
        let held = self.held.hold(ack);
        match work {
            Work::Batch(message) => Held::Batch(HeldBatch { message, held, redelivered }),
            Work::Finish => Held::Finish(held),
        }
    }
}

enum Held {
    Batch(HeldBatch),
    Finish(crate::held::HeldMessage),
}

fn batch_records(batch: &HeldBatch) -> usize {
    usize::try_from(batch.message.rows).unwrap_or(0)
}

fn fits(delivery: &Delivery, records: usize, most: usize) -> bool {
    match delivery.work() {
        Work::Batch(batch) => records + usize::try_from(batch.rows).unwrap_or(0) <= most,
        Work::Finish => false,
    }
}
