//! The batches of a unit, as a lane takes them apart.

use std::time::Duration;

use vaultstream_ledger::BatchRange;
use vaultstream_trace::{Span, TraceId};

use crate::{session::Session, unit::ReadBatch};

/// The batches at the front that a key may still sign; always one, so that the commit's own check decides for a batch
/// that is larger than what is left.
pub(super) fn split_off_fitting(batches: &mut Vec<ReadBatch>, left: u64) -> Vec<ReadBatch> {
    let fitting = fitting(batches.iter().map(|batch| batch.records.ids.len() as u64), left);
    let rest = batches.split_off(fitting);
    std::mem::replace(batches, rest)
}

/// How many of these numbers of records, from the first, make `left` at most; at least one.
fn fitting(records: impl Iterator<Item = u64>, left: u64) -> usize {
    let mut sum = 0_u64;
    let fitting = records.take_while(|records| {
        sum = sum.saturating_add(*records);
        sum <= left
    });
    fitting.count().max(1)
}

/// Another worker has split these batches. What was cut off is a batch of its own.
pub(super) fn narrow(part: &mut [ReadBatch], ranges: &[BatchRange]) {
    for batch in part {
        if let Some(range) = ranges.iter().find(|range| range.batch == batch.records.number()) {
            tracing::warn!(
                batch = range.batch.0,
                first = range.first,
                last = range.last,
                "a batch's range has changed"
            );
            batch.records.narrow_to(range);
        }
    }
}

/// A step of the traces of these batches, until it is dropped.
pub(super) fn traced(batches: &[ReadBatch], step: &'static str) -> Vec<Span> {
    Span::children(batches.iter().map(|batch| &batch.trace), step)
}

/// The first trace of these batches.
pub(super) fn first_trace(batches: &[ReadBatch]) -> Option<TraceId> {
    Span::first_trace(batches.iter().map(|batch| &batch.trace))
}

pub(super) fn ack(batches: impl IntoIterator<Item = ReadBatch>) {
    for batch in batches {
        batch.ack();
    }
}

pub(super) fn redeliver(batches: Vec<ReadBatch>, delay: Duration) {
    for batch in batches {
        batch.redeliver_after(delay);
    }
}

/// Counts a unit as in flight until it is dropped.
pub(super) struct UnitInFlight<'a>(&'a Session);

impl<'a> UnitInFlight<'a> {
    pub(super) fn new(session: &'a Session) -> Self {
        session.shared.metrics.in_flight.inc();
        Self(session)
    }
}

impl Drop for UnitInFlight<'_> {
    fn drop(&mut self) {
        self.0.shared.metrics.in_flight.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_the_batches_that_it_has_signatures_for_and_always_one() {
        for (batches, left, taken) in [
            (&[50, 50, 50][..], u64::MAX, 3),
            (&[50, 50, 50], 150, 3),
            (&[50, 50, 50], 149, 2),
            (&[50, 50, 50], 99, 1),
            (&[50], 49, 1),
            (&[50, 50], 0, 1),
            (&[0, 0, 50], 0, 2),
            (&[u64::MAX, 1], u64::MAX - 1, 1),
        ] {
            assert_eq!(fitting(batches.iter().copied(), left), taken, "{batches:?}, {left} left");
        }
    }
}
