//! Rejects that are tried again.

use super::{
    Step, StepError,
    lock::{self, Locked},
};
use crate::{connect::Ledger, error::QueryError, ids::JobId, jobs::JobState};

/// Lets a job that signs try its rejects again: those in batches of which nothing is signed. Answers how many. Their batches
/// have to be published anew.
///
/// # Errors
///
/// When Postgres fails.
pub async fn retry_rejects(ledger: &Ledger, id: JobId) -> Result<Step<i64>, StepError> {
    const ACTION: &str = "try rejects again";
    let mut client = ledger.client(ACTION).await?;
    let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
        Locked::Job(tx, job) => (tx, job),
        Locked::Busy => return Ok(Step::Busy),
        Locked::Gone => return Ok(Step::Gone),
    };
    if job.state != JobState::Signing {
        return Ok(Step::Elsewhere(job.state));
    }
    let done = async {
        let row = tx.query_one("SELECT vaultstream.retry_rejects($1)", &[&id.0]).await?;
        tx.commit().await?;
        Ok(row.get(0))
    };
    done.await.map(Step::Done).map_err(|error| QueryError::new(ACTION, error).into())
}
