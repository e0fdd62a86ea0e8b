//! What is to be published, and how far it was.

use tokio_postgres::Row;

use super::lock::{self, Locked};
use super::{Step, StepError};
use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, BatchRange, JobId};
use crate::jobs::JobState;

/// Names a new generation of streams, of which nothing is published yet. A name is never used again.
///
/// # Errors
///
/// When Postgres fails.
pub async fn raise_generation(ledger: &Ledger, id: JobId) -> Result<Step<i64>, StepError> {
    const ACTION: &str = "name new streams";
    let mut client = ledger.client(ACTION).await?;
    let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
        Locked::Job(tx, job) => (tx, job),
        Locked::Busy => return Ok(Step::Busy),
        Locked::Gone => return Ok(Step::Gone),
    };
    if matches!(job.state, JobState::Complete | JobState::Failed | JobState::Deleting) {
        return Ok(Step::Elsewhere(job.state));
    }
    let raised = async {
        let row = tx
            .query_one(
                "UPDATE vaultstream.jobs SET generation = generation + 1, published = 0, \
                 published_at = coalesce(published_at, clock_timestamp()) WHERE id = $1 RETURNING generation",
                &[&id.0],
            )
            .await?;
        tx.commit().await?;
        Ok(row.get(0))
    };
    raised.await.map(Step::Done).map_err(|error| QueryError::new(ACTION, error).into())
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
    const ACTION: &str = "read the batches to publish";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT batch, first_id, last_id, rows_planned FROM vaultstream.batches \
             WHERE job_id = $1 AND batch >= $2 AND state <> 'signed' ORDER BY batch LIMIT $3",
            &[&job.0, &from, &i64::try_from(limit).unwrap_or(i64::MAX)],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows.iter().map(range).collect())
}

/// Notes that every batch below `upto` is published in this generation; answers the cursor. A note about an older
/// generation, or of less than is known, changes nothing.
///
/// # Errors
///
/// When Postgres fails.
pub async fn mark_published(ledger: &Ledger, job: JobId, generation: i64, upto: i64) -> Result<i64, QueryError> {
    const ACTION: &str = "note what was published";
    let client = ledger.client(ACTION).await?;
    let row = client
        .query_opt(
            "UPDATE vaultstream.jobs SET published = greatest(published, CASE WHEN generation = $2 THEN $3::bigint ELSE 0 END) \
             WHERE id = $1 RETURNING published",
            &[&job.0, &generation, &upto],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// The first unsigned batch from number `from` on.
///
/// # Errors
///
/// When Postgres fails.
pub async fn first_unsigned(ledger: &Ledger, job: JobId, from: BatchNo) -> Result<Option<BatchNo>, QueryError> {
    const ACTION: &str = "look for unsigned batches";
    let client = ledger.client(ACTION).await?;
    let row = client
        .query_opt(
            "SELECT batch FROM vaultstream.batches WHERE job_id = $1 AND batch >= $2 AND state <> 'signed' \
             ORDER BY batch LIMIT 1",
            &[&job.0, &from.0],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(row.map(|row| BatchNo(row.get(0))))
}

/// Batches that were published and are not signed: each should be in the stream, or be somebody's work just now.
///
/// # Errors
///
/// When Postgres fails.
pub async fn unsigned_published(ledger: &Ledger, job: JobId) -> Result<Vec<BatchRange>, QueryError> {
    const ACTION: &str = "read the batches in work";
    let client = ledger.client(ACTION).await?;
    let rows = client
        .query(
            "SELECT batch, first_id, last_id, rows_planned FROM vaultstream.batches WHERE job_id = $1 \
             AND batch < (SELECT published FROM vaultstream.jobs WHERE id = $1) AND state <> 'signed' ORDER BY batch",
            &[&job.0],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(rows.iter().map(range).collect())
}

fn range(row: &Row) -> BatchRange {
    BatchRange { batch: BatchNo(row.get(0)), first: row.get(1), last: row.get(2), rows: row.get(3) }
}
