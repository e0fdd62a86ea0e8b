//! The steps that take a job from Pending to Complete. Each is one bounded transaction that holds the job's lock and
//! reads its state anew: a paused former leader can do no harm, and everything resumes where it stopped.

mod delete;
mod finish;
mod lock;
mod look;
mod partitions;
mod plan;
mod provision;
mod publish;
mod retry;
mod seed;

use crate::error::QueryError;
use crate::jobs::JobState;

pub use crate::leases::active_keys;
pub use crate::source::{Lack, Lacking, SourceError};
pub use delete::{Deleted, delete};
pub use finish::{Finish, ReceiptStored, begin_finish, complete, fail, receipt_key, store_receipt};
pub use look::{check_source, look_at_table};
pub use provision::{insert_missing_key_versions, provision};
pub use publish::{first_unsigned, mark_published, next_to_publish, raise_generation, unsigned_published};
pub use retry::retry_rejects;
pub use seed::{Seeding, seed_chunk};

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// It was done, or had been done before.
    Done(T),
    /// Somebody else is at this job, or what the step needs is locked: later.
    Busy,
    /// The job is in a state in which there is nothing to do for this step.
    Elsewhere(JobState),
    /// No such job.
    Gone,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The source table cannot be signed; somebody must change something.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}
