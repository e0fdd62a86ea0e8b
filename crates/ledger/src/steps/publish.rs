//! What is to be published, and how far publishing is.

use tokio_postgres::Row;

use super::lock::locked;
use super::step::{Step, StepError};
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, BatchRange, JobId};
use crate::jobs::JobState;

/// Names a new generation of streams, of which nothing is published yet. A name is never used again.
///
/// # Errors
///
/// When Postgres fails.
pub async fn raise_generation(ledger: &Ledger, id: JobId) -> Result<Step<i64>, StepError> {
    locked(ledger, id, "name new streams", async |tx, job| {
        if matches!(job.state, JobState::Complete | JobState::Failed | JobState::Deleting) {
            return Ok(Step::WrongState(job.state));
        }
        let row = tx
            .query_one(
                "UPDATE vaultstream.jobs SET generation = generation + 1, published = 0, \
                 published_at = CASE WHEN state <> 'Seeding' THEN coalesce(published_at, clock_timestamp()) END WHERE id = $1 RETURNING generation",
                &[&id.0],
            )
            .await?;
        Ok(Step::Done(row.get("generation")))
    })
    .await
}

/// Batches to publish next: the unsigned ones from number `from` on, at most `limit`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn next_to_publish(
    ledger: &Ledger,
    job: JobId,
    from: i64,
    limit: usize,
) -> Result<Vec<BatchRange>, QueryError> {
    let sql = "SELECT batch, first_id, last_id, rows_planned FROM vaultstream.batches \
         WHERE job_id = $1 AND batch >= $2 AND state <> 'signed' ORDER BY batch LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = ledger.query("read the batches to publish", sql, &[&job.0, &from, &limit]).await?;
    Ok(rows.iter().map(range).collect())
}

/// Records that every batch below `upto` is published in this generation. Returns how far publishing is. An older generation or
/// a lower number changes nothing.
///
/// # Errors
///
/// When Postgres fails.
pub async fn mark_published(ledger: &Ledger, job: JobId, generation: i64, upto: i64) -> Result<i64, QueryError> {
    let sql = "UPDATE vaultstream.jobs SET published = \
         greatest(published, CASE WHEN generation = $2 THEN $3::bigint ELSE 0 END) WHERE id = $1 RETURNING published";
    let row = ledger.query_opt("note what was published", sql, &[&job.0, &generation, &upto]).await?;
    Ok(row.map_or(0, |row| row.get("published")))
}

/// The first unsigned batch from number `from` on.
///
/// # Errors
///
/// When Postgres fails.
pub async fn first_unsigned(ledger: &Ledger, job: JobId, from: BatchNo) -> Result<Option<BatchNo>, QueryError> {
    let sql = "SELECT batch FROM vaultstream.batches WHERE job_id = $1 AND batch >= $2 AND state <> 'signed' \
         ORDER BY batch LIMIT 1";
    let row = ledger.query_opt("look for unsigned batches", sql, &[&job.0, &from.0]).await?;
    Ok(row.map(|row| BatchNo(row.get("batch"))))
}

/// Batches that were published and are not signed: each should be in the stream, queued or held by a worker.
///
/// # Errors
///
/// When Postgres fails.
pub async fn unsigned_published(ledger: &Ledger, job: JobId) -> Result<Vec<BatchRange>, QueryError> {
    let sql = "SELECT batch, first_id, last_id, rows_planned FROM vaultstream.batches WHERE job_id = $1 \
         AND batch < (SELECT published FROM vaultstream.jobs WHERE id = $1) AND state <> 'signed' ORDER BY batch";
    Ok(ledger.query("read the batches in work", sql, &[&job.0]).await?.iter().map(range).collect())
}

fn range(row: &Row) -> BatchRange {
    BatchRange {
        batch: BatchNo(row.get("batch")),
        first: row.get("first_id"),
        last: row.get("last_id"),
        rows: row.get("rows_planned"),
    }
}
