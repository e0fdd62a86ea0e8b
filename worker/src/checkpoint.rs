//! Checkpoints: while a job follows its table, what is signed so far is summed up and signed with the receipt key, now and then, each
//! checkpoint with the digest of the one before. Any worker may make one: the ledger stores it only behind the last one.
//!
//! ```text
//! due? ─▶ lease of the receipt key ─▶ last checkpoint, verified ─▶ its sums ─▶ the batches since, checked ─▶ sign ─▶ store
//! ```

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio_util::sync::CancellationToken;
use vaultstream_ledger::{
    Job, Lease,
    checkpoints::{self, NewCheckpoint},
    jobs,
    leases::{self, LeaseOutcome},
    steps,
};
use vaultstream_program::chain;
use vaultstream_signing::{
    CheckpointState, PrivateKey, Receipt,
    backend::names,
    receipt::{Checkpoint, SignedCheckpoint, canonical_json},
    sign_receipt,
};

use crate::{
    certificate,
    evidence::{
        Doubt, NoEvidence,
        so_far::{self, Extent, SoFar},
    },
    planner,
    receipt::{ReceiptFacts, receipt_of},
    receipt_key::{open, refuse},
    session::{Session, SessionError},
};

/// How often it is looked whether a checkpoint is due.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The least time for which the receipt key is leased: the first checkpoint has all rows that were there.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// Makes checkpoints when they are due, until `stop` or until the job does not follow any more.
pub(crate) async fn run(session: Arc<Session>, stop: CancellationToken) -> Result<(), SessionError> {
    if !session.job.is_following() {
        return Ok(());
    }
    let policy = session.job.spec.follow.clone().unwrap_or_default().checkpoint;
    let every = policy.every.as_std().as_secs_f64();
    let records = i64::try_from(policy.records).unwrap_or(i64::MAX);
    loop {
        let pause = POLL_INTERVAL.mul_f64(rand::random_range(0.5..1.0));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return Ok(()),
        }
        match checkpoints::is_due(&session.shared.ledger, session.job.id, every, records).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                tracing::debug!(error = chain(&error), "whether a checkpoint is due cannot be read");
                continue;
            }
        }
        let made = tokio::select! {
            made = make(&session) => made,
            () = stop.cancelled() => return Ok(()),
        };
        match made {
            Ok(()) => {}
            Err(error) if error.dependency().is_some() => {
                tracing::warn!(job = %session.job.name, error = chain(&error), "a checkpoint was not made");
            }
            Err(error) => return Err(error),
        }
    }
}

/// Makes the next checkpoint, unless another worker is about to.
async fn make(session: &Session) -> Result<(), SessionError> {
    let ledger = &session.shared.ledger;
    let Some(job) = jobs::by_id(ledger, session.job.id).await? else { return Ok(()) };
    let Some(key) = steps::receipt_key(ledger, job.id).await? else { return Ok(()) };
    let lease = session.job.spec.keys.lease.duration.as_std().max(LEASE);
    let LeaseOutcome::Granted(lease) = leases::take(ledger, job.id, key, lease).await? else { return Ok(()) };
    let made = Box::pin(make_under(session, &job, &lease)).await;
    if made.is_err() {
        // The next one need not wait until the lease of one that failed runs out.
        planner::give_up(leases::release(ledger, &lease)).await;
    }
    made
}

async fn make_under(session: &Session, job: &Job, lease: &Lease) -> Result<(), SessionError> {
    let ledger = &session.shared.ledger;
    let Some((lease, private)) = open(session, lease).await? else { return Ok(()) };
    let certificates = match certificate::find(session, job, lease.key, None).await? {
        Some(found) => certificate::certify(session, (&lease, &private), found, None).await?.unwrap_or_default(),
        // An issuer of the cluster is asked for the receipt of the end.
        None => Vec::new(),
    };
    let summed = match sum_up(session, job, &private, Extent::Run).await {
        Err(NoEvidence::Doubt(doubt)) => return Err(refuse(session, &lease, &doubt).await?),
        Err(NoEvidence::Session(error)) => return Err(*error),
        Ok(summed) => summed,
    };
    let Some(Summed { receipt, state, place }) = summed else {
        leases::release(ledger, &lease).await?;
        return Ok(());
    };
    let jws = sign_receipt(&private, &receipt, &certificates).map_err(SessionError::Receipt)?;
    vaultstream_faults::point("checkpoint-made");
    let new = NewCheckpoint {
        previous: place.previous(),
        checkpoint: &jws,
        batches: i64::try_from(state.batches()).unwrap_or(i64::MAX),
        records: i64::try_from(receipt.records.total).unwrap_or(i64::MAX),
        root: &receipt.merkle_root,
        spec: &canonical_json(&job.spec),
        state: &state.encode(),
        backend: &names(&receipt.backends),
    };
    if checkpoints::store(ledger, &lease, &new).await? {
        vaultstream_faults::point("checkpoint-stored");
        tracing::info!(
            job = %job.name, number = place.number(), records = receipt.records.total, batches = new.batches, "checkpoint"
        );
    }
    Ok(())
}

/// A checkpoint that is to be signed.
pub(crate) struct Summed {
    pub(crate) receipt: Receipt,
    state: CheckpointState,
    place: Checkpoint,
}

/// Sums up what is signed behind the last checkpoint, which `private` has to have signed. Nothing when that is nothing new, unless all is
/// wanted.
pub(crate) async fn sum_up(
    session: &Session,
    job: &Job,
    private: &PrivateKey,
    extent: Extent,
) -> Result<Option<Summed>, NoEvidence> {
    let (before, place) = match checkpoints::last(&session.shared.ledger, job.id).await? {
        None => (CheckpointState::new(), Checkpoint::first()),
        Some(row) => {
            let last = SignedCheckpoint::verify(&private.public(), &row.checkpoint).map_err(|_| Doubt::Checkpoint)?;
            if last.receipt().uid != session.job.uid {
                return Err(Doubt::Checkpoint.into());
            }
            let state = row.state.as_deref().ok_or(Doubt::Checkpoint)?;
            let state = CheckpointState::resume(state, &last).map_err(Doubt::State)?;
            (state, last.next().ok_or(Doubt::Checkpoint)?)
        }
    };
    let covered = before.batches();
    let SoFar { state, signed_at } = so_far::gather(session, job, before, extent).await?;
    if extent == Extent::Run && state.batches() == covered {
        return Ok(None);
    }
    let place = if extent == Extent::All { place.as_last() } else { place };
    // The job as this worker began it: what its row says now may be another one.
    let mut began = Job { uid: session.job.uid, cluster: session.job.cluster.clone(), ..job.clone() };
    began.times.signed = signed_at.or(began.times.signed);
    let receipt = receipt_of(&began, ReceiptFacts::of_checkpoint(&state, place, SystemTime::now()));
    Ok(Some(Summed { receipt, state, place }))
}
