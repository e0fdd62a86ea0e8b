//! The receipt: when every batch is signed, lifecycle sends one `finish` message. The worker that gets it checks what it is about to sign,
//! and signs the summary of the job with the receipt key, which signs nothing else.
//!
//! ```text
//! finish ─▶ certificate, if one is wanted ─▶ evidence ─▶ lease of the receipt key ─┬─ all holds ─▶ sign, store
//!                                                                                  └─ a doubt ───▶ fault: the job ends without a receipt
//! ```

use std::time::{Duration, SystemTime};

use vaultstream_ledger::{
    Job, JobState, KeyId, Lease, jobs,
    leases::{self, LeaseOutcome},
    progress,
    steps::{self, ReceiptStored},
};
use vaultstream_signing::{
    PrivateKey, Receipt,
    backend::names,
    receipt::{ReceiptFormat, Totals},
    sign_receipt,
};
use vaultstream_streams::ChallengeBytes;

use crate::{
    certificate::{self, Certificates},
    checkpoint,
    evidence::{self, Evidence, NoEvidence, so_far::Extent},
    in_flight::InFlightMessage,
    receipt::{ReceiptFacts, receipt_of, rfc3339},
    receipt_key::{open, refuse},
    session::{Session, SessionError},
};

/// The delay before a finish message that came too early is delivered again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Signs and stores the job's receipt, then acknowledges the message.
pub(crate) async fn make_receipt(
    session: &Session,
    message: InFlightMessage,
    challenge: Option<ChallengeBytes>,
) -> Result<(), SessionError> {
    loop {
        match attempt(session, challenge).await {
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

/// One try; false when the job is not ready for its receipt, a certificate is awaited, or the key is held by another worker.
async fn attempt(session: &Session, challenge: Option<ChallengeBytes>) -> Result<bool, SessionError> {
    let ledger = &session.shared.ledger;
    let job = match jobs::by_id(ledger, session.job.id).await? {
        Some(job) if job.receipt.is_some() => return Ok(true), // A message that came twice, or too late.
        Some(job) if job.state == JobState::Finishing => job,
        Some(_) => return Ok(false),
        None => return Err(SessionError::JobOver),
    };
    let Some(key) = steps::receipt_key(ledger, job.id).await? else { return Ok(false) };
    // Before the evidence, which takes as long as the job is large.
    let Some(certificates) = certificate::find(session, &job, key, challenge).await? else { return Ok(false) };
    if job.follow.is_some() {
        return last_checkpoint(session, &job, key, (certificates, challenge)).await;
    }
    vaultstream_faults::point("before-evidence");
    // Before the lease, because it takes as long as the job is large.
    let evidence = match evidence::gather(session, &job).await {
        Ok(evidence) => Ok(evidence),
        Err(NoEvidence::Doubt(doubt)) => Err(doubt),
        Err(NoEvidence::Session(error)) => return Err(*error),
    };
    vaultstream_faults::point("evidence-gathered");
    match leases::take(ledger, job.id, key, session.job.spec.keys.lease.duration.as_std()).await? {
        LeaseOutcome::Granted(lease) => match evidence {
            Ok(evidence) => {
                let Some(opened) = open(session, &lease).await? else { return Ok(false) };
                let Some(receipt) = summary(session, &job, evidence).await? else { return Ok(false) };
                sign_and_store(session, opened, receipt, (certificates, challenge)).await
            }
            Err(doubt) => Err(refuse(session, &lease, &doubt).await?),
        },
        LeaseOutcome::HeldFor(_) | LeaseOutcome::Retired => Ok(false),
    }
}

/// The receipt of a job that followed its table is its last checkpoint.
async fn last_checkpoint(
    session: &Session,
    job: &Job,
    key: KeyId,
    certificates: (Certificates, Option<ChallengeBytes>),
) -> Result<bool, SessionError> {
    let lease = session.job.spec.keys.lease.duration.as_std();
    let lease = lease.max(checkpoint::LEASE);
    let LeaseOutcome::Granted(lease) = leases::take(&session.shared.ledger, job.id, key, lease).await? else {
        return Ok(false);
    };
    let Some(opened) = open(session, &lease).await? else { return Ok(false) };
    match checkpoint::sum_up(session, job, &opened.1, Extent::All).await {
        Ok(Some(summed)) => sign_and_store(session, opened, summed.receipt, certificates).await,
        Ok(None) => Ok(false),
        Err(NoEvidence::Doubt(doubt)) => Err(refuse(session, &lease, &doubt).await?),
        Err(NoEvidence::Session(error)) => Err(*error),
    }
}

async fn sign_and_store(
    session: &Session,
    (lease, private): (Lease, PrivateKey),
    receipt: Receipt,
    (certificates, challenge): (Certificates, Option<ChallengeBytes>),
) -> Result<bool, SessionError> {
    let Some(certificates) = certificate::certify(session, (&lease, &private), certificates, challenge).await? else {
        leases::release(&session.shared.ledger, &lease).await?;
        return Ok(false);
    };
    let jws = sign_receipt(&private, &receipt, &certificates).map_err(SessionError::Receipt)?;
    vaultstream_faults::point("before-receipt");
    let backends = names(&receipt.backends);
    let stored = steps::store_receipt(&session.shared.ledger, &lease, &jws, &receipt.merkle_root, &backends).await?;
    vaultstream_faults::point("receipt-stored");
    Ok(stored == ReceiptStored::Stored)
}

/// What the receipt says; `None` when the job is gone.
async fn summary(session: &Session, job: &Job, evidence: Evidence) -> Result<Option<Receipt>, SessionError> {
    let Some(counts) = progress(&session.shared.ledger, job.id).await? else { return Ok(None) };
    let Evidence { root, rejects_root, keys, batches, sealed, signed, rejected } = evidence;
    let facts = ReceiptFacts {
        format: ReceiptFormat::default(),
        checkpoint: None,
        records: Totals { total: signed + rejected, signed, rejected, changed: counts.changed.unsigned_abs() },
        root,
        rejects_root,
        keys,
        batches,
        sealed,
        software_version: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: rfc3339(SystemTime::now()),
    };
    // The job as this worker began it: what its row says now may be another one.
    let began = Job { uid: session.job.uid, cluster: session.job.cluster.clone(), ..job.clone() };
    Ok(Some(receipt_of(&began, facts)))
}
