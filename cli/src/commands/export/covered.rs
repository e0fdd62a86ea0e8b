//! What the bundle of a job that goes on covers.

use std::collections::HashMap;

use vaultstream_ledger::{
    Job, KeyId, Ledger, QueryError,
    checkpoints::{self, CheckpointRow},
    verify::key_uses_below,
};

use crate::{error::Failure, job::title};

/// What the bundle of a job that is not over proves.
pub(super) struct Covered {
    pub(super) last: CheckpointRow,
    /// Signatures that each key made in it, of those that signed or sealed there.
    pub(super) keys: HashMap<KeyId, i64>,
}

impl Covered {
    /// What the job's last checkpoint covers; `None` of a job that has its receipt.
    ///
    /// # Errors
    /// When there is no checkpoint, or the ledger cannot be read.
    pub(super) async fn of(ledger: &Ledger, job: &Job) -> Result<Option<Self>, Failure> {
        if job.receipt.is_some() {
            return Ok(None);
        }
        let failed = |error: QueryError| Failure::of(&error);
        let last = checkpoints::last(ledger, job.id).await.map_err(failed)?;
        let Some(last) = last else {
            return Err(Failure::bad_input(format!(
                "{} has no checkpoint yet, so it has no bundle: spec.follow.checkpoint says how often one is made",
                title(job)
            )));
        };
        let keys = key_uses_below(ledger, job.id, last.batches).await.map_err(failed)?;
        Ok(Some(Self { last, keys: keys.into_iter().collect() }))
    }
}
