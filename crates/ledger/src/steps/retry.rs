//! Rejects that are tried again.

use super::lock::locked;
use super::step::{Step, StepError};
use crate::connection::Ledger;
use crate::ids::JobId;
use crate::jobs::JobState;

/// Lets a job that signs try its rejects again: those in batches of which nothing is signed. Returns their number. Their batches
/// have to be published again.
///
/// # Errors
///
/// When Postgres fails.
pub async fn retry_rejects(ledger: &Ledger, id: JobId) -> Result<Step<i64>, StepError> {
    locked(ledger, id, "try rejects again", async |tx, job| {
        if job.state != JobState::Signing {
            return Ok(Step::WrongState(job.state));
        }
        // migrations/V16__operator.sql
        let row = tx.query_one("SELECT vaultstream.retry_rejects($1) AS retried", &[&id.0]).await?;
        Ok(Step::Done(row.get("retried")))
    })
    .await
}
