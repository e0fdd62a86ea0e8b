//! What the maker of a checkpoint has seen for itself: the batches behind the last checkpoint, whose own sums that one has signed.

use std::time::SystemTime;

use vaultstream_ledger::{
    BatchNo, Job,
    verify::{PublicKeyRow, SignedBatch, gap_in_ranges},
};
use vaultstream_signing::{
    CheckedBatch, CheckpointState, StateError,
    receipt::{KeyUse, ReceiptFormat},
};

use super::{Doubt, NoEvidence, pages::Pages};
use crate::{receipt::key_uses_seen, session::Session};

/// Batches of one checkpoint at most: more are left to the next one, which is due at once.
const BATCHES_LIMIT: u64 = 50_000;

/// The sums over all batches that a checkpoint covers, and when the last of the new ones was signed.
pub(crate) struct SoFar {
    pub(crate) state: CheckpointState,
    pub(crate) signed_at: Option<SystemTime>,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// To the first batch that is not signed.
    Run,
    /// To the last batch of a job whose every batch is signed.
    All,
}

/// Checks the batches behind those of `before`.
///
/// # Errors
/// When something is not what a worker made, or the ledger cannot be read.
pub(crate) async fn gather(
    session: &Session,
    job: &Job,
    before: CheckpointState,
    extent: Extent,
) -> Result<SoFar, NoEvidence> {
    if extent == Extent::All
        && let Some(after) = gap_in_ranges(&session.shared.ledger, job.id).await?
    {
        return Err(Doubt::Ranges { after }.into());
    }
    let first = before.batches();
    let mut pages = Pages::from(session, job, first);
    let mut growing = before.grow();
    let mut signed_at = None;
    loop {
        let read = pages.read().await?;
        let run = if extent == Extent::All { read.len() } else { run_of(&read, pages.next()) };
        let page = &read[..run];
        if page.is_empty() || extent == Extent::Run && pages.next() - first >= BATCHES_LIMIT {
            break;
        }
        pages
            .check(page, |checked| {
                signed_at = signed_at.max(checked.batch.signed_at);
                let batch = checked.batch;
                let seen = CheckedBatch {
                    root: checked.root,
                    signed: checked.key.map(|(_, kid)| (kid, checked.signed)),
                    rejects: &checked.rejects,
                    sealed: batch.seal.is_some(),
                    changed: batch.rows.abs_diff(batch.planned),
                };
                growing.batch(&seen).map_err(|error| Doubt::State(error).into())
            })
            .await?;
    }
    if extent == Extent::All && job.batches.is_some_and(|planned| u64::try_from(planned) != Ok(pages.next())) {
        return Err(Doubt::Missing(BatchNo(i64::try_from(pages.next()).unwrap_or(i64::MAX))).into());
    }
    let mut kids = Vec::new();
    let see = |_: &PublicKeyRow, key: &KeyUse| kids.push(key.kid);
    let seen = key_uses_seen(&session.shared.ledger, job.id, ReceiptFormat::V6, see).await?;
    seen.map_err(|_| Doubt::State(StateError::Keys))?;
    let state = growing.finish(kids).map_err(Doubt::State)?;
    Ok(SoFar { state, signed_at })
}

/// How many of these batches follow each other from the batch `next` on.
fn run_of(batches: &[SignedBatch], next: u64) -> usize {
    batches.iter().zip(next..).take_while(|(batch, number)| u64::try_from(batch.batch.0) == Ok(*number)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_before_the_first_batch_that_is_not_signed() {
        let batch = |number| SignedBatch {
            batch: BatchNo(number),
            first: 1,
            last: 1,
            rows: 1,
            planned: 1,
            signed: 1,
            rejected: 0,
            key: None,
            lease: None,
            root: Vec::new(),
            tree: None,
            seal: None,
            signed_at: None,
        };
        let batches = [3, 4, 6, 7].map(batch);
        assert_eq!([2, 3, 4].map(|next| run_of(&batches, next)), [0, 2, 0]);
        assert_eq!(run_of(&batches[1..], 4), 1);
        assert_eq!(run_of(&[], 4), 0);
    }
}
