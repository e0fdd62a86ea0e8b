//! A job's signed batches, as verification and export read them.

use vaultstream_ledger::{
    Job, Ledger, QueryError, rejects,
    verify::{SignedBatch, batch_roots},
};
use vaultstream_signing::{Hash, merkle};

/// Batches of a page. The rows of adjacent batches are read in one query.
const PAGE_SIZE: usize = 5_000;

/// Reads a page of batches, beginning with the batch numbered `from`. An empty page is the end.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn page(ledger: &Ledger, job: &Job, from: i64) -> Result<Vec<SignedBatch>, QueryError> {
    batch_roots(ledger, job.id, from, PAGE_SIZE).await
}

/// The Merkle root over a batch's rejects.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn rejects_root(ledger: &Ledger, job: &Job, batch: &SignedBatch) -> Result<Hash, QueryError> {
    let mut tree = merkle::Tree::new();
    if batch.rejected > 0 {
        let most = usize::try_from(batch.rejected).unwrap_or(usize::MAX);
        let found = rejects(ledger, job.id, batch.first.checked_sub(1), most).await?;
        for reject in found.iter().filter(|reject| reject.id <= batch.last) {
            tree.push(merkle::reject_leaf(reject.id, &reject.reason));
        }
    }
    Ok(tree.root())
}
