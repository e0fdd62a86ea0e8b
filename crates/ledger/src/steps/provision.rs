//! Making what a job needs before its first record: partitions, and rows for its keys.

use vaultstream_api::Source;

use super::lock::locked;
use super::step::{Step, StepError};
use crate::connection::Ledger;
use crate::ids::{JobId, KeyId};
use crate::jobs::JobState;
use crate::limits;

/// Makes the partitions and the rows of the data key and of the keys, without material, and sets the job to Seeding, if that is within the
/// ledger's limits. Does nothing once that is done.
///
/// # Errors
///
/// The limit that the job would exceed, or that Postgres failed.
pub async fn provision(ledger: &Ledger, id: JobId) -> Result<Step<()>, StepError> {
    let provisioned = locked(ledger, id, "provision the job", async |tx, job| {
        match job.state {
            JobState::Pending => {}
            JobState::Seeding | JobState::Signing => return Ok(Step::Done(false)),
            other => return Ok(Step::WrongState(other)),
        }
        limits::check_start(tx, job, &ledger.settings.limits).await??;
        let generated = matches!(job.spec.source, Source::Generate(_));
        let keys = job.spec.keys.count;
        // migrations/V16__operator.sql
        tx.batch(&format!("SELECT vaultstream.provision({id}, {keys}, {generated})")).await?;
        Ok(Step::Done(true))
    });
    match provisioned.await {
        // A parent's lock: another job is being attached or detached.
        Err(error) if error.is_contention() => Ok(Step::Busy),
        outcome => match outcome?.done() {
            Ok(now) => {
                if now {
                    vaultstream_faults::point("provisioned");
                }
                Ok(Step::Done(()))
            }
            Err(outcome) => Ok(outcome),
        },
    }
}

/// Gives every key whose versions are all worn out its next version. Returns the new ones, whose tokens are to be published.
///
/// # Errors
///
/// When Postgres fails.
pub async fn insert_missing_key_versions(ledger: &Ledger, id: JobId) -> Result<Step<Vec<KeyId>>, StepError> {
    locked(ledger, id, "add key versions", async |tx, job| {
        if job.state != JobState::Signing {
            return Ok(Step::WrongState(job.state));
        }
        let rows = tx
            .query(
                "INSERT INTO vaultstream.keys (job_id, ordinal, version) \
                 SELECT job_id, ordinal, max(version) + 1 FROM vaultstream.keys WHERE job_id = $1 AND ordinal > 0 \
                 GROUP BY job_id, ordinal HAVING bool_and(state IN ('retired', 'revoked')) ORDER BY ordinal RETURNING id",
                &[&id.0],
            )
            .await?;
        Ok(Step::Done(rows.iter().map(|row| KeyId(row.get("id"))).collect()))
    })
    .await
}
