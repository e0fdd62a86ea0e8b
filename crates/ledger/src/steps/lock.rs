//! The lock that lets one program at a time advance a job.

use super::step::{Step, StepError};
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;
use crate::jobs::{self, Job};
use crate::queries::Queries;

/// Sets our advisory locks apart from those of other programs; the job's number fills the lower half.
const NAMESPACE: i64 = 0x5653 << 48;

/// The lock's number.
pub(super) fn number(job: JobId) -> i64 {
    NAMESPACE | (job.0 & 0xffff_ffff_ffff)
}

/// Runs `step` in a transaction that holds the job's lock, with the job as it is in it. What the step returns as done is
/// committed, everything else is rolled back.
pub(super) async fn locked<T>(
    ledger: &Ledger,
    id: JobId,
    action: &str,
    step: impl AsyncFnOnce(&Queries<'_>, &Job) -> Result<Step<T>, StepError>,
) -> Result<Step<T>, StepError> {
    let mut client = ledger.client(action).await?;
    let failed = |error| QueryError::new(action, error);
    let tx = client.transaction().await.map_err(failed)?;
    let inside = Queries::over(tx.client(), action);
    let row = inside.query_one("SELECT pg_try_advisory_xact_lock($1) AS locked", &[&number(id)]).await?;
    if !row.get::<_, bool>("locked") {
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
