//! What is read of jobs and never written: for people, for scaling, for verification and export.

mod job_progress;
pub mod overview;
pub mod signing_rate;
pub mod verify;

pub use job_progress::{
    ActiveJob, Failing, FollowFigures, KeyUsage, Progress, ROW_GONE, Rejected, active_jobs, failures, gone_rows,
    key_usage, progress, reject_reasons, rejects,
};
