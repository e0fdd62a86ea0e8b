//! The end of a job: from the last signed batch to Complete or Failed.

use vaultstream_api::Reason;

use super::lock::{self, Locked};
use super::{Step, StepError, partitions};
use crate::connect::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::jobs::JobState;
use crate::leases::{self, Lease};

/// Whether a job can be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Every batch is signed, each record at most once; the receipt can be made.
    Ready,
    /// A record has two signatures, which only a damaged ledger can hold.
    SignedTwice {
        /// Which, in Postgres' words.
        record: String,
    },
    /// So many batches are not.
    Unsigned {
        /// How many.
        batches: i64,
    },
}

/// What came of storing a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptStored {
    /// The job has a receipt: this one, or the one that was there before.
    Stored,
    /// The lease of the receipt key is not ours any more, or the job is not Finishing.
    LeaseLost,
}

/// Goes from Signing to Finishing once every batch is signed. This builds the primary key of the signatures, which takes
/// about 0.3 s per million; until then the batches' rows are what makes a second signature impossible.
///
/// # Errors
///
/// When Postgres fails.
pub async fn begin_finish(ledger: &Ledger, id: JobId) -> Result<Step<Finish>, StepError> {
    const ACTION: &str = "finish the job";
    let mut client = ledger.client(ACTION).await?;
    let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
        Locked::Job(tx, job) => (tx, job),
        Locked::Busy => return Ok(Step::Busy),
        Locked::Gone => return Ok(Step::Gone),
    };
    match job.state {
        JobState::Signing => {}
        JobState::Finishing => return Ok(Step::Done(Finish::Ready)),
        other => return Ok(Step::Elsewhere(other)),
    }
    let done = async {
        // The row's lock keeps a split from adding a batch in between.
        tx.execute("SELECT 1 FROM vaultstream.jobs WHERE id = $1 FOR NO KEY UPDATE", &[&id.0]).await?;
        let row = tx
            .query_one(
                "SELECT count(*) FILTER (WHERE state <> 'signed'), max(signed_at) FROM vaultstream.batches WHERE job_id = $1",
                &[&id.0],
            )
            .await?;
        let batches: i64 = row.get(0);
        if batches > 0 {
            return Ok(Finish::Unsigned { batches });
        }
        let signed_at: Option<std::time::SystemTime> = row.get(1);
        tx.batch_execute(&partitions::finish_signatures(id)).await?;
        tx.execute(
            "UPDATE vaultstream.jobs SET state = 'Finishing', signed_at = $2 WHERE id = $1",
            &[&id.0, &signed_at],
        )
        .await?;
        tx.commit().await?;
        Ok(Finish::Ready)
    };
    let error = match done.await {
        Ok(finish) => return Ok(Step::Done(finish)),
        Err(error) => QueryError::new(ACTION, error),
    };
    if error.code() == Some("23505") {
        let record = error.report().and_then(|report| report.detail()).unwrap_or_default().to_owned();
        return Ok(Step::Done(Finish::SignedTwice { record }));
    }
    if lock::is_busy(&error) {
        // A worker that stands still inside a commit nobody needs any more holds a lock on the table.
        drop(client);
        leases::end_expired(ledger, id).await?;
        return Ok(Step::Busy);
    }
    Err(error.into())
}

/// The key that signs the job's receipt.
///
/// # Errors
///
/// When Postgres fails.
pub async fn receipt_key(ledger: &Ledger, job: JobId) -> Result<Option<KeyId>, QueryError> {
    const ACTION: &str = "find the receipt key";
    let client = ledger.client(ACTION).await?;
    let row = client
        .query_opt(
            "SELECT id FROM vaultstream.keys WHERE job_id = $1 AND ordinal = 0 AND state = 'active' ORDER BY version DESC LIMIT 1",
            &[&job.0],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(row.map(|row| KeyId(row.get(0))))
}

/// Stores the receipt under the lease of the receipt key, and gives that lease back. A job keeps its first receipt.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn store_receipt(
    ledger: &Ledger,
    lease: &Lease,
    receipt: &str,
    merkle_root: &[u8; 32],
    backend: &str,
) -> Result<ReceiptStored, QueryError> {
    const ACTION: &str = "store the receipt";
    let client = ledger.client(ACTION).await?;
    let row = client
        .query_one(
            "SELECT vaultstream.store_receipt($1, $2, $3, $4, $5, $6, $7)",
            &[&lease.job.0, &lease.key.0, &lease.epoch, &lease.id, &receipt, &merkle_root.as_slice(), &backend],
        )
        .await
        .map_err(|error| QueryError::new(ACTION, error))?;
    Ok(if row.get(0) { ReceiptStored::Stored } else { ReceiptStored::LeaseLost })
}

/// Goes from Finishing to Complete; the receipt must be there.
///
/// # Errors
///
/// When Postgres fails.
pub async fn complete(ledger: &Ledger, id: JobId) -> Result<Step<()>, StepError> {
    const ACTION: &str = "complete the job";
    let mut client = ledger.client(ACTION).await?;
    let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
        Locked::Job(tx, job) => (tx, job),
        Locked::Busy => return Ok(Step::Busy),
        Locked::Gone => return Ok(Step::Gone),
    };
    match job.state {
        JobState::Complete => return Ok(Step::Done(())),
        JobState::Finishing if job.receipt.is_some() => {}
        other => return Ok(Step::Elsewhere(other)),
    }
    let done = async {
        tx.execute(
            "UPDATE vaultstream.jobs SET state = 'Complete', finished_at = clock_timestamp() WHERE id = $1",
            &[&id.0],
        )
        .await?;
        tx.commit().await
    };
    done.await.map(Step::Done).map_err(|error| QueryError::new(ACTION, error).into())
}

/// Ends the job as Failed, with one of the fixed reasons and a sentence, unless it has ended already.
///
/// # Errors
///
/// When Postgres fails.
pub async fn fail(ledger: &Ledger, id: JobId, reason: Reason, why: &str) -> Result<Step<()>, StepError> {
    const ACTION: &str = "fail the job";
    let mut client = ledger.client(ACTION).await?;
    let (tx, job) = match lock::begin(&mut client, id, ACTION).await? {
        Locked::Job(tx, job) => (tx, job),
        Locked::Busy => return Ok(Step::Busy),
        Locked::Gone => return Ok(Step::Gone),
    };
    match job.state {
        JobState::Failed => return Ok(Step::Done(())),
        JobState::Complete | JobState::Deleting => return Ok(Step::Elsewhere(job.state)),
        _ => {}
    }
    let done = async {
        tx.execute(
            "UPDATE vaultstream.jobs SET state = 'Failed', failure_reason = $2, failure = $3, \
             finished_at = clock_timestamp() WHERE id = $1",
            &[&id.0, &reason.as_str(), &why],
        )
        .await?;
        tx.commit().await
    };
    done.await.map(Step::Done).map_err(|error| QueryError::new(ACTION, error).into())
}
