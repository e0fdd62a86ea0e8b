//! The lock that lets one program at a time advance a job: its row of `job_locks`, which only logins that may drive jobs can lock.
//!
//! Programs before V14 take an advisory lock instead, which any login of the database can hold. It is taken, too, so that they are
//! kept out, and counts only when a login that may drive jobs has it.

use tokio_postgres::Client;

use super::step::{Step, StepError};
use crate::connection::{Ledger, Session};
use crate::error::QueryError;
use crate::ids::JobId;
use crate::jobs::{self, Job};
use crate::queries::Queries;
use crate::worker::leases;

/// Sets our advisory locks apart from those of other programs; the job's number fills the lower half.
const NAMESPACE: i64 = 0x5653 << 48;

/// The advisory lock's number.
pub(super) fn number(job: JobId) -> i64 {
    NAMESPACE | (job.0 & 0xffff_ffff_ffff)
}

/// Runs `step` in a transaction that holds the job's lock, with the job as it is in it. What the step returns as done is
/// committed, everything else is rolled back. When the caller drops it, the connection is closed, and the server ends the statement.
pub(super) async fn locked<T>(
    ledger: &Ledger,
    id: JobId,
    action: &str,
    step: impl AsyncFnOnce(&Queries<'_>, &Job) -> Result<Step<T>, StepError>,
) -> Result<Step<T>, StepError> {
    let mut session = Session::new(ledger.client(action).await?);
    let Some(client) = session.client_mut() else { return Ok(Step::Busy) };
    let outcome = in_transaction(client, id, action, step).await;
    session.settle();
    outcome
}

async fn in_transaction<T>(
    client: &mut Client,
    id: JobId,
    action: &str,
    step: impl AsyncFnOnce(&Queries<'_>, &Job) -> Result<Step<T>, StepError>,
) -> Result<Step<T>, StepError> {
    let failed = |error| QueryError::new(action, error);
    let tx = client.transaction().await.map_err(failed)?;
    let inside = Queries::over(tx.client(), action);
    let sql = "SELECT pg_try_advisory_xact_lock($2) AS locked FROM vaultstream.job_locks WHERE job_id = $1 \
         FOR UPDATE SKIP LOCKED";
    let Some(row) = inside.query_opt(sql, &[&id.0, &number(id)]).await? else {
        let there = inside.query_opt("SELECT FROM vaultstream.job_locks WHERE job_id = $1", &[&id.0]).await?;
        return Ok(if there.is_some() { Step::Busy } else { Step::Gone });
    };
    if !row.get::<_, bool>("locked") && driver_holds(&inside, id).await? {
        return Ok(Step::Busy);
    }
    let sql = format!("SELECT {} FROM vaultstream.jobs WHERE id = $1", jobs::COLUMNS);
    let Some(row) = inside.query_opt(&sql, &[&id.0]).await? else { return Ok(Step::Gone) };
    let outcome = step(&inside, &jobs::from_row(&row)?).await?;
    if matches!(outcome, Step::Done(_)) {
        tx.commit().await.map_err(failed)?;
    }
    Ok(outcome)
}

/// Whether the job's advisory lock is held by a login that may drive jobs. Another one's is of no account.
pub(super) async fn driver_holds(queries: &Queries<'_>, job: JobId) -> Result<bool, QueryError> {
    // migrations/V16__operator.sql
    let row = queries.query_one("SELECT vaultstream.driver_holds($1) AS held", &[&number(job)]).await?;
    Ok(row.get("held"))
}

/// Locks the job's keys, for a step that ends the job: with its new state, the keys are erased (migrations/V15__data_keys.sql, V16__operator.sql).
pub(super) async fn lock_keys(tx: &Queries<'_>, id: JobId) -> Result<(), QueryError> {
    tx.execute("SELECT vaultstream.lock_keys($1)", &[&id.0]).await.map(drop)
}

/// The outcome of a step that may wait for a frozen worker's lock. Sessions under expired leases are ended, so that the same step
/// succeeds later.
pub(super) async fn end_frozen<T>(
    ledger: &Ledger,
    id: JobId,
    outcome: Result<Step<T>, StepError>,
) -> Result<Step<T>, StepError> {
    match outcome {
        Err(error) if error.is_contention() => {
            leases::end_expired(ledger, id).await?;
            Ok(Step::Busy)
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_has_a_lock_of_its_own_in_our_range() {
        assert_eq!(number(JobId(1)), 0x5653_0000_0000_0001);
        assert_ne!(number(JobId(1)), number(JobId(2)));
        assert_eq!(number(JobId(-1)) >> 48, 0x5653);
    }
}
