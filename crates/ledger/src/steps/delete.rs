//! Removing what a job made, as far as its deletion policy says so.

use vaultstream_api::{DeletionPolicy, Retention};

use super::finish::CLOSE_PARTITIONS;
use super::lock::{self, end_frozen, lock_keys, locked};
use super::partitions::{self, Partition};
use super::step::{Step, StepError};
use crate::connection::{Ledger, Session};
use crate::error::QueryError;
use crate::ids::JobId;
use crate::queries::Queries;

/// How far deleting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// Rows are left, or another session's lock is in the way: call again.
    More,
    /// Done; the name is free.
    Done,
}

/// Rows deleted in one transaction.
const CHUNK: i64 = 20_000;

/// Ends the job's life: stops its signing, removes what the policy does not retain, and frees its name. What is retained
/// stays readable; a job that keeps its signatures keeps its public keys, batches, rejects and receipt with them. Private keys are erased
/// in any case.
///
/// # Errors
///
/// When Postgres fails.
pub async fn delete(ledger: &Ledger, id: JobId, policy: &DeletionPolicy) -> Result<Step<Deleted>, StepError> {
    const ACTION: &str = "delete the job";
    let stopped = locked(ledger, id, ACTION, async |tx, job| {
        if !job.state.is_terminal() || policy.signatures == Retention::Delete {
            lock_keys(tx, id).await?;
            tx.execute("UPDATE vaultstream.jobs SET state = 'Deleting' WHERE id = $1", &[&id.0]).await?;
            tx.execute(CLOSE_PARTITIONS, &[&id.0]).await?;
        }
        Ok(Step::Done(()))
    });
    if let Err(outcome) = end_frozen(ledger, id, stopped.await).await?.done() {
        return Ok(outcome);
    }
    // Each statement is a transaction of its own: the lock is the session's here, and is released with it. A login that may drive no job
    // may hold it for ever; then two programs might delete the same job at a time, which does no harm.
    let session = Session::new(ledger.client(ACTION).await?);
    let Some(client) = session.client() else { return Ok(Step::Busy) };
    let queries = Queries::over(client, ACTION);
    let row = queries.query_one("SELECT pg_try_advisory_lock($1) AS locked", &[&lock::number(id)]).await?;
    let ours: bool = row.get("locked");
    if !ours && lock::driver_holds(&queries, id).await? {
        return Ok(Step::Busy);
    }
    let deleted = remove(&queries, id, policy).await?;
    if deleted == Deleted::Done {
        if ours {
            queries.execute("SELECT pg_advisory_unlock($1)", &[&lock::number(id)]).await?;
        }
        session.settle();
    }
    Ok(Step::Done(deleted))
}

/// Removes as much as one call may. Expects the job's lock.
async fn remove(queries: &Queries<'_>, id: JobId, policy: &DeletionPolicy) -> Result<Deleted, QueryError> {
    for (retention, partition) in [(policy.records, Partition::Records), (policy.signatures, Partition::Signatures)] {
        if retention == Retention::Delete && !partitions::remove(queries, id, partition).await? {
            // A frozen worker may hold the lock.
            queries.execute("SELECT vaultstream.end_expired($1)", &[&id.0]).await?;
            return Ok(Deleted::More);
        }
    }
    if policy.signatures == Retention::Delete {
        for table in ["rejects", "batches"] {
            let sql = format!(
                "DELETE FROM vaultstream.{table} WHERE ctid = ANY (ARRAY \
                 (SELECT ctid FROM vaultstream.{table} WHERE job_id = $1 LIMIT $2))"
            );
            let rows = queries.execute(&sql, &[&id.0, &CHUNK]).await?;
            if i64::try_from(rows).unwrap_or(i64::MAX) >= CHUNK {
                return Ok(Deleted::More);
            }
        }
        queries.execute("DELETE FROM vaultstream.keys WHERE job_id = $1", &[&id.0]).await?;
    }
    let sql = if policy.signatures == Retention::Delete && policy.records == Retention::Delete {
        "DELETE FROM vaultstream.jobs WHERE id = $1"
    } else {
        "UPDATE vaultstream.jobs SET live = false WHERE id = $1"
    };
    queries.execute(sql, &[&id.0]).await?;
    Ok(Deleted::Done)
}
