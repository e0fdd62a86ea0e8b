//! The rejects that a root covers, some at a time: who writes the ledger decides how many there are, and how long their texts.

use std::ops::RangeInclusive;

use vaultstream_signing::{Hash, RecordName, merkle};

use super::SignedBatch;
use super::row_keys::BesideRecords;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::jobs::Job;

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
    job: &Job,
    ids: RangeInclusive<i64>,
    mut see: impl FnMut(&Hash),
) -> Result<Option<Hash>, QueryError> {
    let beside = BesideRecords::of(job, "x.record_id");
    let BesideRecords { join, key, .. } = &beside;
    let sql = format!(
        "SELECT x.record_id, left(x.reason, $5) AS reason, {key} AS key FROM vaultstream.tenant_rejects x{join} \
         WHERE x.job_id = $1 AND x.record_id BETWEEN $2 AND $3 ORDER BY x.record_id LIMIT $4"
    );
    let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let mut tree = merkle::Tree::new();
    let (mut next, last) = ids.into_inner();
    loop {
        let page = ledger.query("read the rejects", &sql, &[&job.id.0, &next, &last, &limit, &REASON]).await?;
        let mut after = None;
        for row in &page {
            let id: i64 = row.get("record_id");
            let key = beside.of_row(row).map(|key| key.hash());
            let leaf = merkle::reject_leaf(RecordName { id, key }, row.get("reason"));
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
    job: &Job,
    batch: &SignedBatch,
    see: impl FnMut(&Hash),
) -> Result<Hash, QueryError> {
    let root = match batch.rejected {
        ..=0 => None,
        _ => rejects_root(ledger, job, batch.first..=batch.last, see).await?,
    };
    Ok(root.unwrap_or_else(merkle::empty_root))
}
