//! The outcome of a step.

use crate::class::Class;
use crate::error::QueryError;
use crate::jobs::JobState;
use crate::limits::LimitExceeded;

/// The outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// It was done, or had been done before.
    Done(T),
    /// Another program is advancing this job, or what the step needs is locked: try again later.
    Busy,
    /// The job is in a state in which this step has nothing to do.
    WrongState(JobState),
    /// No such job.
    Gone,
}

impl<T> Step<T> {
    /// What was done, or the outcome for a caller that returns it when nothing was.
    pub(super) fn done<U>(self) -> Result<T, Step<U>> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Busy => Err(Step::Busy),
            Self::WrongState(state) => Err(Step::WrongState(state)),
            Self::Gone => Err(Step::Gone),
        }
    }
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The job would take more of the ledger than is allowed. Nothing was done.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl StepError {
    /// True after a lock_timeout or a deadlock: nothing was done, and the same step may succeed later.
    pub(super) fn is_contention(&self) -> bool {
        matches!(self, Self::Query(error) if error.class() == Class::Contention)
    }
}
