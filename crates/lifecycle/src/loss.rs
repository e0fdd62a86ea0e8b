//! A ledger that has less of a job than it had before: a backup was put back, or a standby was promoted that lacks the last commits.
//! Such a job has failed. Signed again, records would have a second signature beside the one that may have been exported already.

use std::time::{Duration, Instant};

use vaultstream_ledger::{BatchNo, Job, JobId, Ledger, batches, progress, steps};

use crate::{Driver, LifecycleError};

/// How often the ledger is compared with what was seen in it.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

const ADVICE: &str = "the database was restored to an earlier time, or replaced by a standby that lacked the last commits. What was \
     signed since then cannot be told from what was not, so nothing is signed again. To sign every record anew, delete this job and \
     create it again";

impl Driver {
    /// What the ledger has lost of the job, once a second.
    pub(crate) async fn find_loss(&mut self, job: &Job) -> Result<Option<String>, LifecycleError> {
        if self.seen.checked.is_some_and(|checked| checked.elapsed() < CHECK_INTERVAL) {
            return Ok(None);
        }
        let Some(now) = progress(&self.ledger, job.id).await? else { return Ok(None) };
        if now.signed < self.seen.signed
            && let Some(why) = fewer_signatures(&self.ledger, job.id, self.seen.signed).await?
        {
            return Ok(Some(why));
        }
        let changed = self.seen.server.is_some_and(|before| before != now.server_started);
        if changed
            && let Some(BatchNo(batch)) = steps::first_unsigned(&self.ledger, job.id, BatchNo(0)).await?
            && batch < self.seen.signed_below
        {
            return Ok(Some(format!(
                "the ledger has no signatures of batch {batch} of this job, and had them: {ADVICE}"
            )));
        }
        if changed {
            self.repair.note_changed_server();
        }
        self.seen.server = Some(now.server_started);
        self.seen.signed = now.signed;
        self.seen.checked = Some(Instant::now());
        Ok(None)
    }
}

/// What is missing when the ledger had `before` signatures of a job. `None` when its batches have that many: the row of a key that was
/// put right from a backup makes only the keys' counters less.
///
/// # Errors
/// When Postgres fails.
pub async fn fewer_signatures(ledger: &Ledger, job: JobId, before: i64) -> Result<Option<String>, LifecycleError> {
    let signed = batches::signed_records(ledger, job).await?;
    let why = || format!("the ledger has {signed} signatures of this job, and had {before}: {ADVICE}");
    Ok((signed < before).then(why))
}
