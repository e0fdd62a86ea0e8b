//! The lifecycle of jobs, outside of reconciles: a task for each job, and what the tasks share.
//!
//! ```text
//! reconcile ─▶ job_supervisor ─JobRequest─▶ job_task: provision ─▶ seed ─▶ wait for admission ─▶ publish, watch, repair ─▶ finish
//!     ▲                                        │ JobSnapshot
//!     └──────────────── requeue ◀──────────────┘
//! ```

pub(crate) mod admission;
mod faults;
#[cfg(test)]
mod fixtures;
mod job_row;
pub(crate) mod job_supervisor;
pub(crate) mod job_task;
pub(crate) mod limit_queue;
mod loss;
pub(crate) mod queue_position;
pub(crate) mod request;
pub(crate) mod requeue;
pub(crate) mod seeding_turns;
pub(crate) mod snapshot;
