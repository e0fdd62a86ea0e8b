//! The rejects of a batch.

use vaultstream_ledger::{JobId, Ledger, QueryError, rejects, verify::SignedBatch};
use vaultstream_signing::{Hash, merkle};

use super::balance::Balance;

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
