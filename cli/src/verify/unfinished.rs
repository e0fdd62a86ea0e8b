//! Jobs that have not ended, or have not ended well.

use vaultstream_ledger::{Job, JobState, Ledger};

use super::problem::{Problem, ProblemKind};
use crate::{error::Failure, job::how_far};

/// The problem of a job that is not Complete.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) async fn problem(ledger: &Ledger, job: &Job) -> Result<Option<Problem>, Failure> {
    let (kind, end) = match job.state {
        JobState::Complete => return Ok(None),
        // It has no end, and is checked as far as it is.
        JobState::Signing if job.is_following() => return Ok(None),
        JobState::Failed => {
            let why = job.failure.as_deref().unwrap_or("the reason was not recorded");
            (ProblemKind::Failed, format!("the job has failed: {why}"))
        }
        JobState::Deleting => (ProblemKind::NotFinished, "the job is being deleted".to_owned()),
        state => (ProblemKind::NotFinished, format!("the job is {state}, not finished yet")),
    };
    let done = how_far(ledger, job).await?;
    Ok(Some(Problem::new(kind, format!("{end}; {done}; --partial checks what there is"))))
}
