//! One job, session after session, until it is over or the worker is stopped.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::Source;
use vaultstream_ledger::{Job, jobs, payloads::ReadError};
use vaultstream_program::chain;
use vaultstream_signing::{Backend, Nonce};
use vaultstream_streams::{Backoff, BatchPuller, JobStreams, ReadAhead};

use crate::{
    checkpoint,
    custody::{Custody, CustodyError},
    follower,
    in_flight::InFlightMessages,
    job::{has_work, is_over, is_to_be_planned, tenant_of},
    keys::KeySource,
    metrics::Dependency,
    pipeline, planner,
    rate_limit::RateLimit,
    session::{Session, SessionError},
    shared::{Shared, Shutdown},
    sign::SignPlan,
    source_health::{self, Health, Outage},
};

/// How often a job that has no work yet is read.
const WORK_POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How often a job that is being signed is read, for a changed spec or new streams.
const JOB_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The delay before a session that could not begin, or lost its streams, is begun anew.
const RESTART: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// Memory for messages that wait for the gatherer.
const READ_AHEAD_BYTES: usize = 1 << 20;

/// How long the last acks may take to reach the server.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// How the work on a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The job is complete, failed or deleted.
    JobOver,
    /// The worker was stopped; what was in flight is committed.
    Drained,
}

/// Why a worker cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// A session failed in a way that waiting cannot mend.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The job's private keys cannot be used.
    #[error(transparent)]
    Custody(CustodyError),
}

impl From<CustodyError> for WorkError {
    fn from(error: CustodyError) -> Self {
        match error {
            CustodyError::Ledger(error) => SessionError::from(error).into(),
            // It was erased after the job was read: what the job is now is read again, after a pause.
            CustodyError::Over => SessionError::StreamsGone.into(),
            error => Self::Custody(error),
        }
    }
}

/// Works on the job `uid` until it is over or `shutdown` begins. Outages are waited out between sessions as within one.
pub(crate) async fn work_on(shared: &Arc<Shared>, uid: Uuid, shutdown: &Shutdown) -> Result<Ended, WorkError> {
    // The data key is unwrapped once, and wiped when the work on the job ends.
    let mut custody = None;
    let mut failed = 0;
    loop {
        let next = tokio::select! {
            next = next_job(shared, uid, shutdown) => next?,
            () = shutdown.drain.cancelled() => Next::Stopped,
        };
        let job = match next {
            Next::Plan(job) => {
                planner::run(shared, &job, shutdown).await?;
                continue;
            }
            Next::Work(job) => job,
            Next::Over => return Ok(Ended::JobOver),
            Next::Stopped => return Ok(Ended::Drained),
        };
        vaultstream_faults::point("job-found");
        if source_health::settle(shared, &job, &shutdown.drain).await? == Health::Outdated {
            continue;
        }
        // Nothing is held yet: a worker that is stopped need not wait for any response.
        let ready = tokio::select! {
            ready = get_ready(shared, *job, &mut custody, &shutdown.abort) => ready,
            () = shutdown.drain.cancelled() => return Ok(Ended::Drained),
        };
        let result = match ready {
            Ok((session, puller)) => {
                failed = 0;
                run_session(session, puller, shutdown).await
            }
            Err(WorkError::Session(error)) => Err(error),
            Err(error) => return Err(error),
        };
        match result {
            Ok(()) | Err(SessionError::JobOver) => continue,
            Err(SessionError::StreamsGone) => {}
            Err(SessionError::Aborted) => return Ok(Ended::Drained),
            // What is wrong with the table is looked for, told and waited out before the next session.
            Err(SessionError::Source(error @ (ReadError::Source(_) | ReadError::Gone(_) | ReadError::Query(_)))) => {
                tracing::warn!(error = chain(&error), "the source table cannot be read");
            }
            Err(error) => shared.wait_out(error, &shutdown.drain).await?,
        }
        let pause = RESTART.jittered(failed, &mut rand::rng());
        failed += 1;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.drain.cancelled() => {}
        }
    }
}

enum Next {
    Plan(Box<Job>),
    Work(Box<Job>),
    Over,
    Stopped,
}

/// Waits until the job has streams to pull from.
async fn next_job(shared: &Shared, uid: Uuid, shutdown: &Shutdown) -> Result<Next, SessionError> {
    loop {
        if shutdown.drain.is_cancelled() {
            return Ok(Next::Stopped);
        }
        match jobs::by_uid(&shared.ledger, uid).await {
            Ok(Some(job)) if is_over(job.state) => return Ok(Next::Over),
            Ok(Some(job)) if has_work(&job) => return Ok(Next::Work(Box::new(job))),
            Ok(Some(job)) if is_to_be_planned(&job) => return Ok(Next::Plan(Box::new(job))),
            Ok(Some(_)) => {}
            Ok(None) => {
                tell_unseen(uid);
                return Ok(Next::Over);
            }
            Err(error) if error.is_transient() => {
                shared.postgres.trip(&error);
                shared.wait_for(Dependency::Postgres, &shutdown.drain).await;
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(WORK_POLL_INTERVAL) => {}
            () = shutdown.drain.cancelled() => {}
        }
    }
}

/// Says why there is nothing to do for a job that is not in the ledger, as far as this login sees.
pub(crate) fn tell_unseen(uid: Uuid) {
    tracing::warn!(%uid, "this database login sees no job of this uid: it was deleted, or is another namespace's");
}

/// Everything before the first batch: keys checked, data key unwrapped, backend noted, bound to the streams.
async fn get_ready(
    shared: &Arc<Shared>,
    job: Job,
    custody: &mut Option<Arc<Custody>>,
    abort: &CancellationToken,
) -> Result<(Arc<Session>, BatchPuller), WorkError> {
    let custody = match custody {
        Some(custody) => Arc::clone(custody),
        None => {
            let opened = Custody::open(shared, &job).await?;
            Arc::clone(custody.insert(Arc::new(opened)))
        }
    };
    let topology = JobStreams::new(tenant_of(&job), job.uid, job.generation);
    let topology = shared.streams.find(&topology).await.map_err(SessionError::of_streams)?;
    let session = Arc::new(open(shared, job, custody, &topology, abort.child_token()));
    note_backend(&session).await?;
    let most = pipeline::pull_ahead(&session);
    let read_ahead = ReadAhead { messages: most, bytes: READ_AHEAD_BYTES };
    let puller = shared.streams.batches(&topology, read_ahead).await.map_err(SessionError::of_streams)?;
    Ok((session, puller))
}

async fn run_session(session: Arc<Session>, puller: BatchPuller, shutdown: &Shutdown) -> Result<(), SessionError> {
    let shared = Arc::clone(&session.shared);
    let drain = shutdown.drain.child_token();
    tracing::info!(
        job = %session.job.name, uid = %session.job.uid, generation = session.job.generation,
        backend = %session.keys.current_backend(), lanes = pipeline::lane_count(&session), "signing"
    );
    let watcher = tokio::spawn(watch(Arc::clone(&session), drain.clone()));
    let follower = tokio::spawn(follower::run(Arc::clone(&session), drain.clone()));
    let making = {
        let (session, drain) = (Arc::clone(&session), drain.clone());
        tokio::spawn(async move {
            let made = checkpoint::run(session, drain.clone()).await;
            if made.is_err() {
                drain.cancel();
            }
            made
        })
    };
    let abort = session.abort.clone();
    let result = pipeline::run(session, puller, drain.clone(), abort).await;
    watcher.abort();
    // Whatever ended the session, its planner lets another one begin.
    drain.cancel();
    if let Err(error) = follower.await {
        tracing::warn!(%error, "the planner ended");
    }
    let result = match making.await {
        Ok(Err(error)) => result.and(Err(error)),
        Ok(Ok(())) => result,
        Err(error) => {
            tracing::warn!(%error, "the maker of checkpoints ended");
            result
        }
    };
    let flushed = tokio::select! {
        flushed = shared.streams.flush(FLUSH_TIMEOUT) => flushed,
        () = shutdown.abort.cancelled() => return result,
    };
    if let Err(error) = flushed {
        tracing::debug!(%error, "acks may be lost; the ledger has what they confirmed");
    }
    result
}

/// Says in the ledger what this session signs with, before it does.
async fn note_backend(session: &Session) -> Result<(), SessionError> {
    let backend = session.keys.current_backend();
    if session.job.backends.contains(&backend) {
        return Ok(());
    }
    Ok(jobs::record_backend(&session.shared.ledger, session.job.id, backend).await?)
}

/// Drains the session when the ledger says something that it was not opened with.
async fn watch(session: Arc<Session>, drain: CancellationToken) {
    let mut outage = Outage::new(&session);
    loop {
        tokio::time::sleep(JOB_POLL_INTERVAL).await;
        outage.watch(&session).await;
        // Unknown is not changed: while the ledger does not respond, the session continues with what it has.
        let Ok(now) = jobs::by_uid(&session.shared.ledger, session.job.uid).await else { continue };
        let was = &session.job;
        let same = now.is_some_and(|now| now.generation == was.generation && has_work(&now) && now.spec == was.spec);
        if !same {
            drain.cancel();
            return;
        }
    }
}

fn open(
    shared: &Arc<Shared>,
    job: Job,
    custody: Arc<Custody>,
    topology: &JobStreams,
    abort: CancellationToken,
) -> Session {
    let spec = &job.spec;
    let nonce = match spec.signing.nonce {
        vaultstream_api::Nonce::Hedged => Nonce::Hedged,
        vaultstream_api::Nonce::Deterministic => Nonce::Deterministic,
    };
    let form = job.message_form();
    let keys = KeySource {
        ledger: shared.ledger.clone(),
        tokens: shared.streams.tokens(topology),
        custody,
        backend: Backend::effective(shared.backend, nonce),
        nonce,
        job: job.id,
        uid: job.uid,
        lease: spec.keys.lease.duration.as_std(),
        max_signatures: spec.keys.max_signatures,
        batch_size: spec.batch_size,
        generating: Semaphore::new((spec.concurrency.keys as usize).max(1)),
        metrics: Arc::clone(&shared.metrics),
    };
    Session {
        shared: Arc::clone(shared),
        form,
        plan: SignPlan {
            job: job.uid,
            verify: spec.signing.verify,
            keep_digests: matches!(spec.source(), Source::Table { .. }),
        },
        keys,
        rate_limit: RateLimit::new(spec.workers.max_records_per_second),
        in_flight: InFlightMessages::default(),
        abort,
        job,
    }
}
