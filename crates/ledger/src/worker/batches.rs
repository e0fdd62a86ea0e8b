//! Batches: failed attempts, and splitting.

use tokio_postgres::Row;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, BatchRange, JobId};

/// The outcome of splitting a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// The tail is this new batch, which is published like any other.
    Done(BatchNo),
    /// The range ended before that id already: another worker has split the batch.
    Already,
    /// The batch is signed.
    Signed,
    /// No such batch, or the job does not sign.
    JobGone,
}

/// Moves the ids from `at` on out of the batch's range into a new batch. `head_rows` is the number of rows before `at`.
///
/// The new batch has the next number of the job, `job.batches` grows by one, and publishing, which goes by
/// `published < batches`, reaches it like any other. A message that was published before carries the old range: the
/// fence returns the new one ([`Committed::RangeChanged`](super::commit::Committed::RangeChanged)).
///
/// # Errors
///
/// When Postgres fails, or `at` is not inside the range.
pub async fn split(ledger: &Ledger, job: JobId, batch: BatchNo, at: i64, head_rows: i64) -> Result<Split, QueryError> {
    // migrations/V14__tenants.sql
    let sql = "SELECT vaultstream.split_batch($1, $2, $3, $4) AS new";
    match ledger.query_one("split a batch", sql, &[&job.0, &batch.0, &at, &head_rows]).await {
        Ok(row) => Ok(row.get::<_, Option<i64>>("new").map_or(Split::Already, |new| Split::Done(BatchNo(new)))),
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
    let sql = "SELECT coalesce(sum(signed), 0)::bigint AS signed FROM vaultstream.tenant_batches \
         WHERE job_id = $1 AND state = 'signed'";
    let row = ledger.query_one("count the signed records of the job's batches", sql, &[&job.0]).await?;
    Ok(row.get("signed"))
}

/// A batch as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownBatch {
    /// Its ids, and the records that it was planned with.
    pub range: BatchRange,
    /// Whether it is signed.
    pub signed: bool,
}

/// Those of these batches that the job has, and perhaps others between them.
///
/// # Errors
///
/// When Postgres fails.
pub async fn look_up(ledger: &Ledger, job: JobId, batches: &[BatchNo]) -> Result<Vec<KnownBatch>, QueryError> {
    const ACTION: &str = "look batches up";
    let Some((first, last)) = batches.iter().min().zip(batches.iter().max()) else { return Ok(Vec::new()) };
    let rows = if last.0.saturating_sub(first.0) < 2 * batches.len() as i64 {
        // Most often they follow each other: one walk through the index, a tenth of the cost of one look for each.
        let sql = "SELECT batch, first_id, last_id, rows_planned, state = 'signed' AS signed FROM vaultstream.tenant_batches \
             WHERE job_id = $1 AND batch BETWEEN $2 AND $3 ORDER BY batch";
        ledger.query_prepared(ACTION, sql, &[&job.0, &first.0, &last.0]).await?
    } else {
        // One by one through the index, whatever the statistics say of the job's batches.
        let sql = "SELECT b.* FROM unnest($2::bigint[]) AS u (wanted) CROSS JOIN LATERAL \
             (SELECT batch, first_id, last_id, rows_planned, state = 'signed' AS signed FROM vaultstream.tenant_batches \
               WHERE job_id = $1 AND batch = u.wanted OFFSET 0) b";
        ledger.query_prepared(ACTION, sql, &[&job.0, &numbers(batches)]).await?
    };
    let known = |row: &Row| {
        let (batch, first, last) = (BatchNo(row.get("batch")), row.get("first_id"), row.get("last_id"));
        KnownBatch {
            range: BatchRange { batch, first, last, rows: row.get("rows_planned") },
            signed: row.get("signed"),
        }
    };
    Ok(rows.iter().map(known).collect())
}

/// Counts a failed attempt of these batches, or of records in them, with its reason. Returns the attempts so far. Batches that were
/// signed meanwhile are left out.
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
    // migrations/V14__tenants.sql
    let sql = "SELECT batch, attempts FROM vaultstream.count_attempt($1, $2, $3)";
    let rows = ledger.query("count a failed attempt", sql, &[&job.0, &numbers(batches), &why]).await?;
    Ok(rows.iter().map(|row| (BatchNo(row.get("batch")), row.get("attempts"))).collect())
}

fn numbers(batches: &[BatchNo]) -> Vec<i64> {
    batches.iter().map(|batch| batch.0).collect()
}
