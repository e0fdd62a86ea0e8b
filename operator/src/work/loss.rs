//! A ledger that has less of a job than it had before: its row, or signatures, are gone, as after a restored backup. Such a job
//! has failed. Signed again, it would give records a second signature beside the one that may have been exported already.

use std::time::Duration;

use uuid::Uuid;
use vaultstream_api::Reason;
use vaultstream_ledger::{
    JobId, Ledger, batches,
    steps::{self, Step},
};
use vaultstream_streams::Streams;

use super::faults::{ledger_fault, lifecycle_fault};
use crate::dependencies::Fault;

/// Before a step is tried again that found the job's lock taken.
const BUSY: Duration = Duration::from_millis(100);

const ROW_LOST: &str = "the ledger no longer has a row of this job: the database was replaced, or restored to a time before the \
     job began, or the job was deleted there. What was signed cannot be told from what was not, so nothing is signed again. To \
     sign every record anew, delete this SigningJob and create it again";

/// What has been seen in the ledger before, by whoever led then. Less than that is a ledger that has lost something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// The job had more than a row: partitions and keys were made for it.
    pub(crate) begun: bool,
    /// Records signed.
    pub(crate) signed: i64,
}

/// The fault of a job whose row is gone. Whatever its streams hold must not be signed.
pub(super) async fn of_row(streams: &Streams, job: Uuid) -> Fault {
    match streams.delete_other_generations(job, None).await {
        Ok(_) => Fault::new(Reason::LedgerLost, ROW_LOST),
        Err(error) => Fault::new(Reason::StreamsUnavailable, error.to_string()),
    }
}

/// Ends a job of which the ledger had `before` signatures, and has fewer by its keys' counters and by its batches, too. A key's
/// row that was put right from a backup makes only the counters less.
pub(super) async fn of_signatures(ledger: &Ledger, job: JobId, before: i64) -> Result<(), Fault> {
    let signed = batches::signed_records(ledger, job).await.map_err(|error| ledger_fault(&error))?;
    if signed >= before {
        return Ok(());
    }
    let why = format!(
        "the ledger has {signed} signatures of this job, and had {before}: the database was restored to an earlier time. What was \
         signed since then cannot be told from what was not, so nothing is signed again. To sign every record anew, delete this \
         SigningJob and create it again"
    );
    while let Step::Busy =
        steps::fail(ledger, job, Reason::LedgerLost, &why).await.map_err(|error| lifecycle_fault(&error.into()))?
    {
        tokio::time::sleep(BUSY).await;
    }
    Ok(())
}
