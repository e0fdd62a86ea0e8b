//! Making what a job needs before its first record: partitions, and rows for its keys.

use vaultstream_api::Source;

use super::lock::{self, Locked};
use super::{Step, StepError, partitions};
use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::jobs::JobState;

/// Makes the partitions and the keys' rows, without material, and goes on to Seeding. A no-op once that is done.
///
/// # Errors
///
/// When Postgres fails.
pub async fn provision(ledger: &Ledger, id: JobId) -> Result<Step<()>, StepError> {
    const ACTION: &str = "provision the job";
    let mut client = ledger.client(ACTION).await?;
    let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
        Locked::Job(tx, job) => (tx, job),
        Locked::Busy => return Ok(Step::Busy),
        Locked::Gone => return Ok(Step::Gone),
    };
    match job.state {
        JobState::Pending | JobState::Provisioning => {}
        JobState::Seeding | JobState::Signing => return Ok(Step::Done(())),
        other => return Ok(Step::Elsewhere(other)),
    }
    let made = async {
        let generated = matches!(job.spec.source, Source::Generate(_));
        tx.batch_execute(&partitions::create(id, generated)).await?;
        tx.execute(
            "INSERT INTO vaultstream.keys (job_id, ordinal) SELECT $1, generate_series(0, $2::int) \
             ON CONFLICT DO NOTHING",
            &[&id.0, &i32::try_from(job.spec.keys.count).unwrap_or(i32::MAX)],
        )
        .await?;
        tx.execute("UPDATE vaultstream.jobs SET state = 'Seeding' WHERE id = $1", &[&id.0]).await?;
        tx.commit().await
    };
    match made.await.map_err(|error| QueryError::new(ACTION, error)) {
        Ok(()) => {
            vaultstream_faults::point("provisioned");
            Ok(Step::Done(()))
        }
        Err(error) if lock::is_busy(&error) => Ok(Step::Busy),
        Err(error) => Err(error.into()),
    }
}

/// Gives every key that is worn out its next version; answers the new ones, whose tokens are to be published.
///
/// # Errors
///
/// When Postgres fails.
pub async fn insert_missing_key_versions(ledger: &Ledger, id: JobId) -> Result<Step<Vec<KeyId>>, StepError> {
    const ACTION: &str = "add key versions";
    let mut client = ledger.client(ACTION).await?;
    let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
        Locked::Job(tx, job) => (tx, job),
        Locked::Busy => return Ok(Step::Busy),
        Locked::Gone => return Ok(Step::Gone),
    };
    if job.state != JobState::Signing {
        return Ok(Step::Elsewhere(job.state));
    }
    let made = async {
        let rows = tx
            .query(
                "INSERT INTO vaultstream.keys (job_id, ordinal, version) \
                 SELECT job_id, ordinal, max(version) + 1 FROM vaultstream.keys WHERE job_id = $1 AND ordinal > 0 \
                 GROUP BY job_id, ordinal HAVING bool_and(state = 'retired') ORDER BY ordinal RETURNING id",
                &[&id.0],
            )
            .await?;
        tx.commit().await?;
        Ok(rows.iter().map(|row| KeyId(row.get(0))).collect())
    };
    made.await.map(Step::Done).map_err(|error| QueryError::new(ACTION, error).into())
}
