//! What the ledger says of the batches that messages name.
//!
//! Whoever may publish to a job's stream can name any batch, with any range and any number of records. So a message is a hint: range, records and
//! state come from the ledger, by one query a unit. A batch that the ledger does not know is removed from the stream.

use std::collections::HashMap;

use vaultstream_ledger::{
    BatchNo,
    batches::{self, KnownBatch},
};
use vaultstream_trace::Span;

use crate::{
    in_flight::InFlightMessage,
    session::{Session, SessionError},
    unit::PulledBatch,
};

/// A batch that messages name.
#[derive(Debug)]
pub(crate) struct HintedBatch {
    pub(crate) number: BatchNo,
    /// The message in the stream; dropping it unacknowledged has it delivered again.
    pub(crate) message: InFlightMessage,
    /// Its trace, where it has one.
    pub(crate) trace: Span,
}

/// Returns the batches that are to be signed, cut into units of up to `max_records` records. Batches that are signed are acknowledged.
///
/// # Errors
/// [`SessionError`], when the ledger cannot tell and waiting does not help.
pub(crate) async fn confirm(
    session: &Session,
    hinted: Vec<HintedBatch>,
    max_records: usize,
) -> Result<Vec<Vec<PulledBatch>>, SessionError> {
    let numbers: Vec<BatchNo> = hinted.iter().map(|batch| batch.number).collect();
    let known = loop {
        match batches::look_up(&session.shared.ledger, session.job.id, &numbers).await {
            Ok(known) => break known,
            Err(error) => session.wait_out(error.into()).await?,
        }
    };
    let mut known: HashMap<BatchNo, KnownBatch> = known.into_iter().map(|known| (known.range.batch, known)).collect();
    let metrics = &session.shared.metrics;
    let mut to_sign = Vec::with_capacity(known.len());
    for HintedBatch { number, message, trace } in hinted {
        match known.remove(&number) {
            Some(KnownBatch { range, signed: false }) => to_sign.push(PulledBatch { range, message, trace }),
            Some(KnownBatch { signed: true, .. }) => {
                metrics.already_signed.inc();
                drop(trace.child("ack"));
                message.ack();
            }
            None => {
                if metrics.unknown.get() == 0 {
                    tracing::warn!(
                        job = %session.job.name, batch = number.0,
                        "removing a message that names a batch which the ledger does not know; further ones are counted only"
                    );
                }
                metrics.unknown.inc();
                message.terminate();
            }
        }
    }
    Ok(cut(to_sign, |batch| record_count(batch.range.rows), max_records))
}

/// Cuts a list into parts that count up to `most`; one item that counts more is a part of its own.
fn cut<T>(items: Vec<T>, count: impl Fn(&T) -> usize, most: usize) -> Vec<Vec<T>> {
    let (mut parts, mut part, mut counted) = (Vec::new(), Vec::new(), 0_usize);
    for item in items {
        let next = count(&item);
        if !part.is_empty() && counted.saturating_add(next) > most {
            parts.push(std::mem::take(&mut part));
            counted = 0;
        }
        counted = counted.saturating_add(next);
        part.push(item);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The records that a batch was planned with, as a count in memory.
pub(crate) fn record_count(rows: i64) -> usize {
    usize::try_from(rows).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_that_are_larger_than_their_messages_said_are_cut_into_units_that_fit() {
        let cut = |counts: &[usize]| cut(counts.to_vec(), |count| *count, 100);
        assert_eq!(cut(&[]), Vec::<Vec<usize>>::new());
        assert_eq!(cut(&[40, 60]), [[40, 60]]);
        assert_eq!(cut(&[40, 61, 39]), [vec![40], vec![61, 39]]);
        assert_eq!(cut(&[500, 1, usize::MAX, usize::MAX]), [vec![500], vec![1], vec![usize::MAX], vec![usize::MAX]]);
    }
}
