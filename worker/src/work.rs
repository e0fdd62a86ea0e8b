//! One job, session after session, until it is over or the worker is told to stop.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::{Message, Source};
use vaultstream_ledger::{Job, JobState, RegisterError, jobs};
use vaultstream_signing::{Backend, KekId, MessageForm, Nonce};
use vaultstream_streams::{JobStreams, ReadAhead, StreamsError};

use crate::{
    Deps, Shutdown,
    held::HeldMessages,
    keys::{KeySource, jitter},
    metrics::Dependency,
    pace::Pace,
    pipeline,
    session::{Session, SessionError},
    sign::SignPlan,
};

/// Between two looks at a job that has no work yet.
const WAIT_FOR_WORK: Duration = Duration::from_millis(50);
/// Between two looks at a job that is being worked on, for a changed spec or new streams.
const WATCH: Duration = Duration::from_secs(1);

/// Memory for messages that wait for the gatherer.
const READ_AHEAD_BYTES: usize = 1 << 20;

/// How long the last acks may take to reach the server.
const FLUSH: Duration = Duration::from_secs(5);

/// How the work on a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The job is complete, failed or deleted.
    JobOver,
    /// The worker was told to stop; what was in flight is committed.
    Drained,
}

/// Why a worker cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// A session failed in a way that waiting cannot mend.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The job's private keys are wrapped under a key-encryption key that this worker does not have.
    #[error("wrong key-encryption key: this job's keys are encrypted with {}; use the one that the job was started with", .0.as_str())]
    WrongKek(KekId),
    /// The key-encryption key cannot be used.
    #[error(transparent)]
    Kek(#[from] RegisterError),
}

/// Works on the job `uid` until it is over or `shutdown` begins.
pub(crate) async fn work_on(deps: &Arc<Deps>, uid: Uuid, shutdown: &Shutdown) -> Result<Ended, WorkError> {
    let mut keks_checked = false;
    loop {
        let job = match next_job(deps, uid, shutdown).await? {
            Next::Work(job) => job,
            Next::Over => return Ok(Ended::JobOver),
            Next::Stopped => return Ok(Ended::Drained),
        };
        if !keks_checked {
            check_keks(deps, &job).await?;
            keks_checked = true;
        }
        match run_session(deps, *job, shutdown).await {
            Ok(()) | Err(SessionError::JobOver) => {}
            Err(SessionError::StreamsGone) => tokio::time::sleep(jitter(Duration::from_millis(200))).await,
            Err(SessionError::Aborted) => return Ok(Ended::Drained),
            Err(error) => return Err(error.into()),
        }
    }
}

enum Next {
    Work(Box<Job>),
    Over,
    Stopped,
}

/// Waits until the job has streams to pull from.
async fn next_job(deps: &Deps, uid: Uuid, shutdown: &Shutdown) -> Result<Next, SessionError> {
    loop {
        if shutdown.drain.is_cancelled() {
            return Ok(Next::Stopped);
        }
        match jobs::by_uid(&deps.ledger, uid).await {
            Ok(Some(job)) if is_over(job.state) => return Ok(Next::Over),
            Ok(Some(job)) if has_work(&job) => return Ok(Next::Work(Box::new(job))),
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Next::Over),
            Err(error) if error.is_transient() => {
                deps.postgres.trip(&error);
                deps.wait_for(Dependency::Postgres, &shutdown.drain).await;
            }
            Err(error) => return Err(error.into()),
        }
        tokio::select! {
            () = tokio::time::sleep(WAIT_FOR_WORK) => {}
            () = shutdown.drain.cancelled() => {}
        }
    }
}

fn is_over(state: JobState) -> bool {
    state.is_final() || state == JobState::Deleting
}

fn has_work(job: &Job) -> bool {
    matches!(job.state, JobState::Signing | JobState::Finishing) && job.generation > 0 && !job.suspended
}

/// A wrong KEK is found before any key is made or used.
async fn check_keks(deps: &Deps, job: &Job) -> Result<(), WorkError> {
    for used in deps.ledger.keks_of_job(job.id).await.map_err(SessionError::from)? {
        let known = used.parse::<KekId>().ok().filter(|id| deps.keks.get(id).is_some());
        if known.is_none() {
            return Err(WorkError::WrongKek(used.parse().unwrap_or_else(|_| deps.keks.current().id().clone())));
        }
    }
    Ok(deps.ledger.register_kek(deps.keks.current()).await?)
}

async fn run_session(deps: &Arc<Deps>, job: Job, shutdown: &Shutdown) -> Result<(), SessionError> {
    let topology = JobStreams { uid: job.uid, generation: job.generation };
    let abort = shutdown.abort.child_token();
    let drain = shutdown.drain.child_token();
    let session = Arc::new(open(deps, job, &topology, abort.clone()));
    note_backend(&session).await?;
    let most = pipeline::pull_ahead(&session);
    let puller = deps
        .streams
        .batches(&topology, ReadAhead { messages: most, bytes: READ_AHEAD_BYTES })
        .await
        .map_err(gone_or)?;
    tracing::info!(
        job = %session.job.name, uid = %session.job.uid, generation = topology.generation,
        backend = %session.keys.backend, lanes = pipeline::lane_count(&session), "signing"
    );
    let watcher = tokio::spawn(watch(Arc::clone(&session), drain.clone()));
    let result = pipeline::run(session, puller, drain.clone(), abort).await;
    watcher.abort();
    if let Err(error) = deps.streams.flush(FLUSH).await {
        tracing::debug!(%error, "acks may be lost; the ledger has what they confirmed");
    }
    result
}

/// Says in the ledger what this session signs with, before it does.
async fn note_backend(session: &Session) -> Result<(), SessionError> {
    if session.job.backends.contains(&session.keys.backend) {
        return Ok(());
    }
    loop {
        match jobs::signs_with(&session.deps.ledger, session.job.id, session.keys.backend).await {
            Ok(()) => return Ok(()),
            Err(error) => session.wait_out(error.into()).await?,
        }
    }
}

/// Drains the session when the ledger says something that it was not opened with.
async fn watch(session: Arc<Session>, drain: CancellationToken) {
    loop {
        tokio::time::sleep(WATCH).await;
        // Unknown is not changed: while the ledger does not answer, the session goes on with what it has.
        let Ok(now) = jobs::by_uid(&session.deps.ledger, session.job.uid).await else { continue };
        let was = &session.job;
        let same = now.is_some_and(|now| now.generation == was.generation && has_work(&now) && now.spec == was.spec);
        if !same {
            drain.cancel();
            return;
        }
    }
}

fn open(deps: &Arc<Deps>, job: Job, topology: &JobStreams, abort: CancellationToken) -> Session {
    let spec = &job.spec;
    let nonce = match spec.signing.nonce {
        vaultstream_api::Nonce::Hedged => Nonce::Hedged,
        vaultstream_api::Nonce::Deterministic => Nonce::Deterministic,
    };
    let form = match spec.signing.message {
        Message::Payload => MessageForm::Payload,
        Message::Bound => MessageForm::Bound { job: job.uid },
    };
    let keys = KeySource {
        ledger: deps.ledger.clone(),
        tokens: deps.streams.tokens(topology),
        keks: Arc::clone(&deps.keks),
        backend: Backend::effective(deps.backend, nonce),
        nonce,
        job: job.id,
        uid: job.uid,
        lease: spec.keys.lease.duration.as_std(),
        max_signatures: spec.keys.max_signatures,
        batch_size: spec.batch_size,
        generating: Semaphore::new((spec.concurrency.keys as usize).max(1)),
    };
    Session {
        deps: Arc::clone(deps),
        form,
        plan: SignPlan {
            job: job.uid,
            verify: spec.signing.verify,
            keep_digests: matches!(spec.source(), Source::Table { .. }),
        },
        keys,
        pace: Pace::new(spec.workers.max_records_per_second),
        held: HeldMessages::default(),
        abort,
        job,
    }
}

fn gone_or(error: StreamsError) -> SessionError {
    if error.is_stream_gone() { SessionError::StreamsGone } else { error.into() }
}
