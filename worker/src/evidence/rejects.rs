//! The rejects, by batch and then by job.

use vaultstream_ledger::{JobId, Ledger, QueryError, rejects, verify::SignedBatch};
use vaultstream_signing::{Hash, merkle};

use super::balance::Balance;

/// Rejects read at a time.
const REJECTS_PAGE: usize = 20_000;

/// The root over the rejects of a batch, which are added to the balance.
pub(super) async fn root_of_batch(
    ledger: &Ledger,
    job: JobId,
    batch: &SignedBatch,
    balance: &mut Balance,
) -> Result<Hash, QueryError> {
    let mut tree = merkle::Tree::new();
    if batch.rejected > 0 {
        let most = usize::try_from(batch.rejected).unwrap_or(usize::MAX);
        let found = rejects(ledger, job, batch.first.checked_sub(1), most).await?;
        for reject in found.iter().filter(|reject| reject.id <= batch.last) {
            let leaf = merkle::reject_leaf(reject.id, &reject.reason);
            balance.add(&leaf, 1);
            tree.push(leaf);
        }
    }
    Ok(tree.root())
}

/// The root over all rejects by id, which are taken from the balance; `None` when there are none.
pub(super) async fn root_of_job(
    ledger: &Ledger,
    job: JobId,
    balance: &mut Balance,
) -> Result<Option<Hash>, QueryError> {
    let mut tree = merkle::Tree::new();
    let mut last = None;
    loop {
        let page = rejects(ledger, job, last, REJECTS_PAGE).await?;
        let Some(end) = page.last() else { return Ok(last.map(|_| tree.root())) };
        last = Some(end.id);
        for reject in &page {
            let leaf = merkle::reject_leaf(reject.id, &reject.reason);
            balance.take(&leaf, 1);
            tree.push(leaf);
        }
    }
}
