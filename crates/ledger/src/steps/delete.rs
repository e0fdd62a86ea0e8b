//! Removing what a job made, as far as its deletion policy says so.

use vaultstream_api::{DeletionPolicy, Retention};

use super::lock::{self, Locked};
use super::{Step, StepError, partitions};
use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::session::Session;
use crate::source::{records_partition, signatures_partition};

/// How far deleting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// Rows are left, or somebody's lock is in the way: call again.
    More,
    /// Done; the name is free.
    Done,
}

/// Rows deleted in one transaction.
const CHUNK: i64 = 20_000;

/// Ends the job's life: stops its signing, removes what the policy does not retain, and frees its name. What is retained
/// stays readable; a job that keeps its signatures keeps its keys, batches, rejects and receipt with them.
///
/// # Errors
///
/// When Postgres fails.
pub async fn delete(ledger: &Ledger, id: JobId, policy: &DeletionPolicy) -> Result<Step<Deleted>, StepError> {
    const ACTION: &str = "delete the job";
    let failed = |error| QueryError::new(ACTION, error);
    {
        let mut client = ledger.client(ACTION).await?;
        let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
            Locked::Job(tx, job) => (tx, job),
            Locked::Busy => return Ok(Step::Busy),
            Locked::Gone => return Ok(Step::Gone),
        };
        if !job.state.is_final() || policy.signatures == Retention::Delete {
            tx.execute("UPDATE vaultstream.jobs SET state = 'Deleting' WHERE id = $1", &[&id.0])
                .await
                .map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
    }
    // DETACH CONCURRENTLY runs in no transaction: the lock is the session's here, and goes with it.
    let session = Session::new(ledger.client(ACTION).await?);
    let Some(client) = session.client() else { return Ok(Step::Busy) };
    let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&lock::number(id)]).await.map_err(failed)?;
    if !row.get::<_, bool>(0) {
        return Ok(Step::Busy);
    }
    let targets = [
        (policy.records, "records", records_partition(id)),
        (policy.signatures, "signatures", signatures_partition(id)),
    ];
    for (retention, parent, name) in targets {
        if retention == Retention::Delete && !partitions::remove(client, parent, &name).await? {
            // Perhaps a frozen worker is what holds the lock.
            client.execute("SELECT vaultstream.end_expired($1)", &[&id.0]).await.map_err(failed)?;
            return Ok(Step::Done(Deleted::More));
        }
    }
    if policy.signatures == Retention::Delete {
        for table in ["rejects", "batches"] {
            let gone = client
                .execute(
                    &format!(
                        "DELETE FROM vaultstream.{table} WHERE ctid = ANY (ARRAY \
                         (SELECT ctid FROM vaultstream.{table} WHERE job_id = $1 LIMIT $2))"
                    ),
                    &[&id.0, &CHUNK],
                )
                .await
                .map_err(failed)?;
            if i64::try_from(gone).unwrap_or(i64::MAX) >= CHUNK {
                return Ok(Step::Done(Deleted::More));
            }
        }
        client.execute("DELETE FROM vaultstream.keys WHERE job_id = $1", &[&id.0]).await.map_err(failed)?;
    }
    if policy.signatures == Retention::Delete && policy.records == Retention::Delete {
        client.execute("DELETE FROM vaultstream.jobs WHERE id = $1", &[&id.0]).await.map_err(failed)?;
    } else {
        client.execute("UPDATE vaultstream.jobs SET live = false WHERE id = $1", &[&id.0]).await.map_err(failed)?;
    }
    client.execute("SELECT pg_advisory_unlock($1)", &[&lock::number(id)]).await.map_err(failed)?;
    session.settle();
    Ok(Step::Done(Deleted::Done))
}
