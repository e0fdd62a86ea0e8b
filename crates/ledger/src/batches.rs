//! Batches: attempts that failed, and splitting.

use tokio_postgres::error::DbError;

use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, JobId};

/// What came of splitting a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The tail is this new batch, which is published like any other.
    Done(BatchNo),
    /// The range ended before that id already: somebody else has split the batch.
    Already,
    /// The batch is signed.
    Signed,
    /// No such batch, or the job does not sign.
    JobGone,
}

/// Moves the ids from `at` on out of the batch's range into a new batch. `head_rows` is what was seen before `at`.
///
/// The new batch has the next number of the job, `job.batches` grows by one, and publishing, which goes by
/// `published < batches`, reaches it like any other. A message that was published before carries the old range: the
/// fence answers it with the new one ([`Committed::RangeChanged`](crate::commit::Committed::RangeChanged)).
///
/// # Errors
///
/// When Postgres fails, or `at` is not inside the range.
pub async fn split(ledger: &Ledger, job: JobId, batch: BatchNo, at: i64, head_rows: i64) -> Result<Split, QueryError> {
    const ACTION: &str = "split a batch";
    let client = ledger.client(ACTION).await?;
    let answer = client
        .query_one("SELECT vaultstream.split_batch($1, $2, $3, $4)", &[&job.0, &batch.0, &at, &head_rows])
        .await
        .map_err(|error| QueryError::new(ACTION, error));
    match answer {
        Ok(row) => Ok(row.get::<_, Option<i64>>(0).map_or(Split::Already, |new| Split::Done(BatchNo(new)))),
        Err(error) => match error.code() {
            Some("VS001") => Ok(Split::Signed),
            Some("VS004") => Ok(Split::JobGone),
            _ => Err(error),
        },
    }
}

/// Records signed, counted from the job's batches rather than from its keys.
///
/// # Errors
///
/// When Postgres fails.
pub async fn signed_records(ledger: &Ledger, job: JobId) -> Result<i64, QueryError> {
    const ACTION: &str = "count the signed records of the job's batches";
    let client = ledger.client(ACTION).await?;
    let row = client
        .query_one(
            "SELECT coalesce(sum(signed), 0)::bigint FROM vaultstream.batches WHERE job_id = $1 AND state = 'signed'",
            &[&job.0],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(row.get(0))
}

/// Which of these batches are signed.
///
/// # Errors
///
/// When Postgres fails.
pub async fn signed_among(ledger: &Ledger, job: JobId, batches: &[BatchNo]) -> Result<Vec<BatchNo>, QueryError> {
    const ACTION: &str = "look batches up";
    let numbers: Vec<i64> = batches.iter().map(|batch| batch.0).collect();
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT batch FROM vaultstream.batches WHERE job_id = $1 AND batch = ANY ($2) AND state = 'signed'",
            &[&job.0, &numbers],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows.iter().map(|row| BatchNo(row.get(0))).collect())
}

/// Counts a failure that names these batches, or records of them, with its reason; answers the attempts so far. Batches
/// that are signed meanwhile are left out.
///
/// # Errors
///
/// When Postgres fails.
pub async fn count_attempt(
    ledger: &Ledger,
    job: JobId,
    batches: &[BatchNo],
    why: &str,
) -> Result<Vec<(BatchNo, i32)>, QueryError> {
    const ACTION: &str = "count a failed attempt";
    let numbers: Vec<i64> = batches.iter().map(|batch| batch.0).collect();
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            // Locked in batch order first, as everywhere.
            "WITH mine AS (SELECT batch FROM vaultstream.batches WHERE job_id = $1 AND batch = ANY ($2) \
                           AND state <> 'signed' ORDER BY batch FOR NO KEY UPDATE) \
             UPDATE vaultstream.batches b SET attempts = b.attempts + 1, last_error = left($3, 500) FROM mine \
             WHERE b.job_id = $1 AND b.batch = mine.batch RETURNING b.batch, b.attempts",
            &[&job.0, &numbers, &why],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows.iter().map(|row| (BatchNo(row.get(0)), row.get(1))).collect())
}

/// Numbers in the DETAIL of one of our own errors.
pub(crate) fn numbers(report: Option<&DbError>) -> Vec<i64> {
    let detail = report.and_then(DbError::detail).unwrap_or_default();
    detail.split([',', ';']).filter_map(|number| number.parse().ok()).collect()
}
