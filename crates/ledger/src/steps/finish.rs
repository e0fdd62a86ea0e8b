//! The end of a job: from the last signed batch to Complete or Failed.

use std::time::SystemTime;

use vaultstream_api::Reason;

use super::lock::{end_frozen, lock_keys, locked};
use super::step::{Step, StepError};
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::jobs::JobState;
use crate::queries::Params;
use crate::worker::leases::Lease;

/// Takes the rights on the job's partitions from workers, but for those to read. See migrations/V16__operator.sql.
pub(super) const CLOSE_PARTITIONS: &str = "SELECT vaultstream.close_partitions($1)";

/// Whether a job can be finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Every batch is signed, each record at most once; the receipt can be made.
    Ready,
    /// A record has two signatures, which only a damaged ledger can hold.
    SignedTwice {
        /// Which one, as Postgres names it.
        record: String,
    },
    /// Batches are not signed.
    Unsigned {
        /// How many.
        batches: i64,
    },
}

/// The outcome of storing a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptStored {
    /// The job has a receipt: this one, or the one that was there before.
    Stored,
    /// The lease of the receipt key is over, or the job is not Finishing.
    LeaseLost,
}

/// Goes from Signing to Finishing once every batch is signed. This builds the primary key of the signatures, which takes
/// about 0.3 s per million; until then the batches' rows are what makes a second signature impossible.
///
/// # Errors
///
/// When Postgres fails.
pub async fn begin_finish(ledger: &Ledger, id: JobId) -> Result<Step<Finish>, StepError> {
    let begun = locked(ledger, id, "finish the job", async |tx, job| {
        match job.state {
            JobState::Signing => {}
            JobState::Finishing => return Ok(Step::Done(Finish::Ready)),
            other => return Ok(Step::WrongState(other)),
        }
        // The row's lock keeps a split from adding a batch in between.
        tx.execute("SELECT 1 FROM vaultstream.jobs WHERE id = $1 FOR NO KEY UPDATE", &[&id.0]).await?;
        let row = tx
            .query_one(
                "SELECT count(*) FILTER (WHERE state <> 'signed') AS unsigned, max(signed_at) AS signed_at \
                   FROM vaultstream.batches WHERE job_id = $1",
                &[&id.0],
            )
            .await?;
        let batches: i64 = row.get("unsigned");
        if batches > 0 {
            return Ok(Step::Done(Finish::Unsigned { batches }));
        }
        let signed_at: Option<SystemTime> = row.get("signed_at");
        // migrations/V16__operator.sql
        tx.execute("SELECT vaultstream.complete_signatures($1)", &[&id.0]).await?;
        let finishing = "UPDATE vaultstream.jobs SET state = 'Finishing', signed_at = $2 WHERE id = $1";
        tx.execute(finishing, &[&id.0, &signed_at]).await?;
        Ok(Step::Done(Finish::Ready))
    });
    match begun.await {
        Err(StepError::Query(error)) if error.code() == Some("23505") => {
            let record = error.report().and_then(|report| report.detail()).unwrap_or_default().to_owned();
            Ok(Step::Done(Finish::SignedTwice { record }))
        }
        // A worker that was frozen in a commit that no longer counts may hold a lock on the table.
        outcome => end_frozen(ledger, id, outcome).await,
    }
}

/// The key that signs the job's receipt.
///
/// # Errors
///
/// When Postgres fails.
pub async fn receipt_key(ledger: &Ledger, job: JobId) -> Result<Option<KeyId>, QueryError> {
    let sql = "SELECT id FROM vaultstream.tenant_keys WHERE job_id = $1 AND ordinal = 0 AND state = 'active' \
         ORDER BY version DESC LIMIT 1";
    Ok(ledger.query_opt("find the receipt key", sql, &[&job.0]).await?.map(|row| KeyId(row.get("id"))))
}

/// Stores the receipt under the lease of the receipt key, and returns that lease. A job keeps its first receipt.
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
    // migrations/V14__tenants.sql
    let sql = "SELECT vaultstream.store_receipt($1, $2, $3, $4, $5, $6, $7) AS stored";
    let params: Params<'_> =
        &[&lease.job.0, &lease.key.0, &lease.epoch, &lease.id, &receipt, &merkle_root.as_slice(), &backend];
    let row = ledger.query_one("store the receipt", sql, params).await?;
    Ok(if row.get("stored") { ReceiptStored::Stored } else { ReceiptStored::LeaseLost })
}

/// Goes from Finishing to Complete; the receipt must be there, and no fault reported. The job's data key and wrapped private keys are
/// erased with it, unless its spec retains them.
///
/// # Errors
///
/// When Postgres fails.
pub async fn complete(ledger: &Ledger, id: JobId) -> Result<Step<()>, StepError> {
    let completed = locked(ledger, id, "complete the job", async |tx, job| {
        match job.state {
            JobState::Complete => return Ok(Step::Done(())),
            JobState::Finishing if job.receipt.is_some() && job.fault.is_none() => {}
            other => return Ok(Step::WrongState(other)),
        }
        lock_keys(tx, id).await?;
        let sql = "UPDATE vaultstream.jobs SET state = 'Complete', finished_at = clock_timestamp() WHERE id = $1";
        tx.execute(sql, &[&id.0]).await?;
        tx.execute(CLOSE_PARTITIONS, &[&id.0]).await?;
        Ok(Step::Done(()))
    });
    end_frozen(ledger, id, completed.await).await
}

/// Ends the job as Failed, with one of the fixed reasons and a sentence, unless it has ended already. That is final: keys are erased as
/// by [`complete`].
///
/// # Errors
///
/// When Postgres fails.
pub async fn fail(ledger: &Ledger, id: JobId, reason: Reason, why: &str) -> Result<Step<()>, StepError> {
    let failed = locked(ledger, id, "fail the job", async |tx, job| {
        match job.state {
            JobState::Failed => return Ok(Step::Done(())),
            JobState::Complete | JobState::Deleting => return Ok(Step::WrongState(job.state)),
            _ => {}
        }
        lock_keys(tx, id).await?;
        tx.execute(
            "UPDATE vaultstream.jobs SET state = 'Failed', failure_reason = $2, failure = $3, \
             finished_at = clock_timestamp() WHERE id = $1",
            &[&id.0, &reason.as_str(), &why],
        )
        .await?;
        tx.execute(CLOSE_PARTITIONS, &[&id.0]).await?;
        Ok(Step::Done(()))
    });
    end_frozen(ledger, id, failed.await).await
}
