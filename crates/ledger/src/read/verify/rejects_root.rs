//! The rejects that a root covers, some at a time: who writes the ledger decides how many there are, and how long their texts.

use std::ops::RangeInclusive;

use vaultstream_signing::{Hash, merkle};

use super::SignedBatch;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;

/// Rejects read in one statement.
const PAGE: usize = 5_000;

/// Characters of a reason that are read. Workers give reasons of one word. A longer one is no worker's, and makes no worker's root.
const REASON: i32 = 200;

/// The Merkle root over the job's rejects with these ids, ascending; `None` when there are none. Each leaf is shown to `see`. Memory does not
/// grow with their number, and not with their texts.
///
/// # Errors
///
/// When Postgres fails.
pub async fn rejects_root(
    ledger: &Ledger,
    job: JobId,
    ids: RangeInclusive<i64>,
    mut see: impl FnMut(&Hash),
) -> Result<Option<Hash>, QueryError> {
    let sql = "SELECT record_id, left(reason, $5) AS reason FROM vaultstream.tenant_rejects \
         WHERE job_id = $1 AND record_id BETWEEN $2 AND $3 ORDER BY record_id LIMIT $4";
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let mut tree = merkle::Tree::new();
    let (mut next, last) = ids.into_inner();
    loop {
        let page = ledger.query("read the rejects", sql, &[&job.0, &next, &last, &limit, &REASON]).await?;
        let mut after = None;
        for row in &page {
            let id: i64 = row.get("record_id");
            let leaf = merkle::reject_leaf(id, row.get("reason"));
            see(&leaf);
            tree.push(leaf);
            after = id.checked_add(1);
        }
        match after {
            Some(after) if page.len() == PAGE => next = after,
            _ => return Ok((!tree.is_empty()).then(|| tree.root())),
        }
    }
}

/// As [`rejects_root`], for those of a batch; the root over nothing when it has none.
///
/// # Errors
///
/// When Postgres fails.
pub async fn batch_rejects_root(
    ledger: &Ledger,
    job: JobId,
    batch: &SignedBatch,
    see: impl FnMut(&Hash),
) -> Result<Hash, QueryError> {
    let root = match batch.rejected {
        ..=0 => None,
        _ => rejects_root(ledger, job, batch.first..=batch.last, see).await?,
    };
    Ok(root.unwrap_or_else(merkle::empty_root))
}
