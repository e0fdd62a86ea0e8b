//! The steps that take a job from Pending to Complete. Each is one bounded transaction that holds the job's lock and reads its
//! state again: a former leader that was paused can do no harm, and everything resumes where it stopped.

mod delete;
mod finish;
mod generate;
mod lock;
mod partitions;
mod plan;
mod provision;
mod publish;
mod retry;
mod seed;
mod seeding;
mod step;

pub use crate::source::{Lack, Lacking, SourceError, look_at_table};
pub use delete::{Deleted, delete};
pub use finish::{Finish, ReceiptStored, begin_finish, complete, fail, receipt_key, store_receipt};
pub use plan::{oversee_growth, oversee_plan};
pub use provision::{insert_missing_key_versions, provision};
pub use publish::{first_unsigned, mark_published, next_to_publish, raise_generation, unsigned_published};
pub use retry::retry_rejects;
pub use seed::seed_chunk;
pub use seeding::Seeding;
pub use step::{Step, StepError};
