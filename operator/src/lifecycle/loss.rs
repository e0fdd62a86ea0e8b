//! A ledger that has less of a job than it had before: its row, or signatures, are gone, as after a backup was restored. Such a
//! job has failed. If it were signed again, records could get a second signature beside one that was exported already.

use std::time::Duration;

use uuid::Uuid;
use vaultstream_api::Reason;
use vaultstream_ledger::{
    JobId, Ledger,
    steps::{self, Step},
};
use vaultstream_lifecycle::fewer_signatures;
use vaultstream_streams::Streams;

use crate::{fault::ConditionFault, lifecycle::faults::lifecycle_fault};

/// The delay before a step is tried again that found the job's lock taken.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(100);

const ROW_LOST: &str = "the ledger no longer has a row of this job: the database was replaced, or restored to a time before the \
     job began, or the job was deleted there. What was signed cannot be told from what was not, so nothing is signed again. To \
     sign every record anew, delete this SigningJob and create it again";

/// The fault of a job whose row is gone. Its streams are removed: what they hold must not be signed.
pub(super) async fn row_lost(streams: &Streams, job: Uuid) -> ConditionFault {
    match streams.delete_other_generations(job, None).await {
        Ok(_) => ConditionFault::new(Reason::LedgerLost, ROW_LOST),
        Err(error) => ConditionFault::new(Reason::StreamsUnavailable, error.to_string()),
    }
}

/// Fails a job of which the ledger had `before` signatures and now has fewer, by its keys' counters and by its batches. A key's
/// row that was repaired from a backup lowers only the counters.
pub(super) async fn check_signatures(ledger: &Ledger, job: JobId, before: i64) -> Result<(), ConditionFault> {
    let found = fewer_signatures(ledger, job, before).await.map_err(|error| lifecycle_fault(&error))?;
    let Some(why) = found else { return Ok(()) };
    while let Step::Busy =
        steps::fail(ledger, job, Reason::LedgerLost, &why).await.map_err(|error| lifecycle_fault(&error.into()))?
    {
        tokio::time::sleep(LOCK_RETRY_INTERVAL).await;
    }
    Ok(())
}
