//! The receipt: when every batch is signed, lifecycle sends one `finish` message; the worker that gets it signs the
//! summary of the job with the receipt key, which signs nothing else.

use std::time::Duration;

use vaultstream_ledger::{
    JobState, Lease, jobs,
    leases::{self, LeaseOutcome},
    progress,
    steps::{self, ReceiptStored},
    verify,
};
use vaultstream_signing::{Receipt, backend::names, receipt::ReceiptFormat, sign_receipt};

use crate::{
    in_flight::InFlightMessage,
    receipt::{key_uses, receipt_of, rejects_root},
    session::{Session, SessionError},
};

/// The delay before a finish message that came too early is delivered again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Signs and stores the job's receipt, then acknowledges the message.
pub(crate) async fn make_receipt(session: &Session, message: InFlightMessage) -> Result<(), SessionError> {
    loop {
        match attempt(session).await {
            Ok(true) => {
                message.ack();
                return Ok(());
            }
            Ok(false) => {
                message.redeliver_after(RETRY_INTERVAL);
                return Ok(());
            }
            Err(error) => session.wait_out(error).await?,
        }
    }
}

/// One try; false when the job is not ready for its receipt, or its key is held by another worker.
async fn attempt(session: &Session) -> Result<bool, SessionError> {
    let ledger = &session.shared.ledger;
    let job = session.job.id;
    match jobs::by_id(ledger, job).await? {
        Some(job) if job.state == JobState::Finishing && job.receipt.is_none() => {}
        // A message that came twice, or too late.
        Some(job) if job.receipt.is_some() => return Ok(true),
        Some(_) => return Ok(false),
        None => return Err(SessionError::JobOver),
    }
    let Some(key) = steps::receipt_key(ledger, job).await? else { return Ok(false) };
    match leases::take(ledger, job, key, session.job.spec.keys.lease.duration.as_std()).await? {
        LeaseOutcome::Granted(lease) => sign_and_store(session, lease).await,
        LeaseOutcome::HeldFor(_) | LeaseOutcome::Retired => Ok(false),
    }
}

async fn sign_and_store(session: &Session, lease: Lease) -> Result<bool, SessionError> {
    let (lease, private, _) = match session.keys.material(lease.clone()).await {
        Err(error) if error.is_damage() => {
            session.keys.set_aside(&lease, &error).await?;
            return Ok(false);
        }
        material => material?,
    };
    let Some(receipt) = summary(session).await? else { return Ok(false) };
    let jws = sign_receipt(&private, &receipt, &[]).map_err(SessionError::Receipt)?;
    vaultstream_faults::point("before-receipt");
    let backends = names(&receipt.backends);
    let stored = steps::store_receipt(&session.shared.ledger, &lease, &jws, &receipt.merkle_root, &backends).await?;
    vaultstream_faults::point("receipt-stored");
    Ok(stored == ReceiptStored::Stored)
}

/// What the receipt says; `None` when the job is gone.
async fn summary(session: &Session) -> Result<Option<Receipt>, SessionError> {
    let ledger = &session.shared.ledger;
    let Some(job) = jobs::by_id(ledger, session.job.id).await? else { return Ok(None) };
    let Some(counts) = progress(ledger, job.id).await? else { return Ok(None) };
    let format = ReceiptFormat::V2;
    let keys = key_uses(ledger, job.id, format).await??;
    let root = verify::job_root(ledger, job.id).await?.map_err(SessionError::Root)?;
    let rejects = rejects_root(ledger, job.id).await?;
    Ok(Some(receipt_of(&job, &counts, (format, keys), root, rejects)))
}
