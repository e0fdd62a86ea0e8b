//! A job's signed batches, as verification and export read them.

use vaultstream_ledger::{
    Job, Ledger, QueryError,
    verify::{SignedBatch, batch_roots},
};

/// Batches of a page. The rows of adjacent batches are read in one query.
const PAGE_SIZE: usize = 5_000;

/// Reads a page of batches, beginning with the batch numbered `from`. An empty page is the end.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn page(ledger: &Ledger, job: &Job, from: i64) -> Result<Vec<SignedBatch>, QueryError> {
    batch_roots(ledger, job.id, from, PAGE_SIZE).await
}
