//! The driver: one bounded step at a time, chosen by the job's state in the ledger.

use std::time::{Duration, Instant};

use vaultstream_api::Reason;
use vaultstream_ledger::{
    Job, JobId, JobState, Ledger, QueryError, jobs, progress,
    steps::{self, Finish, SourceError, Step, StepError},
};
use vaultstream_streams::{JobStreams, Limits, Streams, StreamsError, StreamsState};

use crate::{finish, publish::Publisher, repair::Repair};

/// Between two looks at what the ledger says of a job that is being signed.
const LOOK: Duration = Duration::from_millis(100);

/// Between two checks that the streams exist and every active key has its version.
const CHECK_STREAMS: Duration = Duration::from_secs(1);

/// How lifecycle works; the defaults suit every job.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Records or batches made in one transaction while seeding.
    pub seed_chunk: u64,
    /// Copies that JetStream keeps of each stream.
    pub replicas: usize,
    /// Batch messages that a stream holds at most; publishing waits for room.
    pub max_messages: i64,
    /// Between two comparisons of streams and ledger.
    pub repair_every: Duration,
    /// How long a batch may be held without a sign of life before it is delivered elsewhere.
    pub batch_ack_wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed_chunk: 250_000,
            replicas: 1,
            max_messages: 100_000,
            repair_every: Duration::from_secs(30),
            batch_ack_wait: Duration::from_secs(30),
        }
    }
}

/// What to do after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advance {
    /// There is more to do at once.
    Again,
    /// Nothing to do before this time has passed.
    After(Duration),
    /// The job is over.
    Ended(Outcome),
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every record is signed or, within the limit, rejected.
    Complete,
    /// More records were rejected than allowed, or the source cannot be used.
    Failed,
    /// It was deleted.
    Deleted,
}

/// Why a step failed. The next one may succeed: nothing is lost.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// The ledger.
    #[error("failed to use the ledger")]
    Ledger(#[from] QueryError),
    /// The streams.
    #[error("failed to use the streams")]
    Streams(#[from] StreamsError),
    /// The source cannot be signed as the manifest says.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl LifecycleError {
    /// Whether a dependency is down and the same step should be tried again.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_transient(),
            Self::Streams(error) => error.is_unreachable() || error.is_stream_gone(),
            Self::Source(_) => false,
        }
    }
}

impl From<StepError> for LifecycleError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Source(error) => Self::Source(error),
            StepError::Query(error) => Self::Ledger(error),
        }
    }
}

/// Drives one job.
pub struct Driver {
    pub(crate) ledger: Ledger,
    pub(crate) streams: Streams,
    pub(crate) settings: Settings,
    job: JobId,
    publisher: Publisher,
    repair: Repair,
    streams_checked: Option<Instant>,
    finish: finish::Finish,
}

impl Driver {
    /// A driver of the job `job`.
    pub fn new(ledger: Ledger, streams: Streams, job: JobId, settings: Settings) -> Self {
        Self {
            ledger,
            streams,
            settings,
            job,
            publisher: Publisher::default(),
            repair: Repair::new(settings.repair_every),
            streams_checked: None,
            finish: finish::Finish::default(),
        }
    }

    /// Does one bounded step.
    ///
    /// # Errors
    /// [`LifecycleError`]; call again later when it is a dependency's.
    pub async fn advance(&mut self) -> Result<Advance, LifecycleError> {
        let Some(job) = jobs::by_id(&self.ledger, self.job).await? else { return Ok(Advance::Ended(Outcome::Deleted)) };
        match job.state {
            JobState::Complete => self.end(&job, Outcome::Complete).await,
            JobState::Failed => self.end(&job, Outcome::Failed).await,
            JobState::Deleting => self.end(&job, Outcome::Deleted).await,
            _ if job.suspended => self.rest(&job).await,
            JobState::Pending | JobState::Provisioning => done(&steps::provision(&self.ledger, job.id).await?),
            JobState::Seeding => done(&steps::seed_chunk(&self.ledger, job.id, self.settings.seed_chunk).await?),
            JobState::Signing => self.sign(&job).await,
            JobState::Finishing => self.finish(&job).await,
        }
    }

    /// Compares streams and ledger at the next step, as after a reconnect.
    pub fn look_again(&mut self) {
        self.streams_checked = None;
        self.repair.look_now();
    }

    /// Tries the rejects of a job that signs again; none where it does not sign just now. Answers how many there are.
    ///
    /// # Errors
    /// [`LifecycleError`]; call again later when it is a dependency's.
    pub async fn retry_rejects(&mut self) -> Result<Option<i64>, LifecycleError> {
        let Step::Done(retried) = steps::retry_rejects(&self.ledger, self.job).await? else { return Ok(None) };
        // Batches it had passed are open again.
        self.publisher = Publisher::default();
        self.look_again();
        Ok(Some(retried))
    }

    /// Publishes, repairs, and sees when all batches are signed.
    async fn sign(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        let Some(topology) = self.ensure_streams(job).await? else { return Ok(Advance::Again) };
        let published = self.publisher.publish(&self.ledger, &self.streams, job, &topology).await?;
        if published.more {
            return Ok(if published.full { Advance::After(LOOK / 4) } else { Advance::Again });
        }
        if self.publisher.first_open(&self.ledger, job).await?.is_none() {
            let step = steps::begin_finish(&self.ledger, job.id).await?;
            vaultstream_faults::point("finish-begun");
            if let Step::Done(Finish::SignedTwice { record }) = &step {
                let why = format!("the ledger is damaged: it holds two signatures of one record. {record}");
                return done(&steps::fail(&self.ledger, job.id, Reason::LedgerLost, &why).await?);
            }
            return done(&step);
        }
        self.repair.look(&self.ledger, &self.streams, job, &topology).await?;
        Ok(Advance::After(LOOK))
    }

    /// Has the receipt made, then ends the job.
    async fn finish(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        if job.receipt.is_some() {
            return self.judge(job).await;
        }
        let Some(topology) = self.ensure_streams(job).await? else { return Ok(Advance::Again) };
        self.finish.ask(&self.streams, &topology).await?;
        Ok(Advance::After(LOOK / 4))
    }

    /// Complete, or Failed when more was rejected than the manifest allows; everything else is signed either way.
    async fn judge(&self, job: &Job) -> Result<Advance, LifecycleError> {
        let Some(counts) = progress(&self.ledger, job.id).await? else { return Ok(Advance::Again) };
        let (rejected, total) = (counts.rejected.unsigned_abs(), counts.total.unsigned_abs());
        let allowed = job.spec.max_rejected.allowed(total);
        if rejected <= allowed {
            return done(&steps::complete(&self.ledger, job.id).await?);
        }
        let why = format!(
            "{rejected} of {total} records were rejected, and spec.maxRejected allows {allowed}; all others are signed"
        );
        done(&steps::fail(&self.ledger, job.id, Reason::TooManyRejects, &why).await?)
    }

    /// The streams of the job's present generation; makes those of a new one when they are missing, and says `None` so
    /// that the job is read again.
    async fn ensure_streams(&mut self, job: &Job) -> Result<Option<JobStreams>, LifecycleError> {
        let topology = JobStreams { uid: job.uid, generation: job.generation };
        let fresh = self.streams_checked.is_some_and(|checked| checked.elapsed() < CHECK_STREAMS);
        if fresh {
            return Ok(Some(topology));
        }
        if job.generation > 0 && matches!(self.streams.state(&topology).await?, StreamsState::Present { .. }) {
            self.streams_checked = Some(Instant::now());
            self.replace_retired_keys(job, &topology).await?;
            return Ok(Some(topology));
        }
        let Step::Done(generation) = steps::raise_generation(&self.ledger, job.id).await? else { return Ok(None) };
        vaultstream_faults::point("generation-raised");
        let topology = JobStreams { uid: job.uid, generation };
        self.streams.create(&topology, &self.limits(job)).await?;
        vaultstream_faults::point("streams-created");
        let keys = steps::active_keys(&self.ledger, job.id).await?;
        self.streams.publish_keys(&topology, &keys.iter().map(|key| key.id.0).collect::<Vec<_>>()).await?;
        vaultstream_faults::point("keys-published");
        self.streams.delete_other_generations(job.uid, Some(generation)).await?;
        tracing::info!(job = %job.name, generation, keys = keys.len(), "streams created");
        self.publisher = Publisher::default();
        self.finish = finish::Finish::default();
        Ok(None)
    }

    /// A key that has made all its signatures is followed by its next version.
    async fn replace_retired_keys(&self, job: &Job, topology: &JobStreams) -> Result<(), LifecycleError> {
        if job.spec.keys.max_signatures.is_none() {
            return Ok(());
        }
        if let Step::Done(new) = steps::insert_missing_key_versions(&self.ledger, job.id).await?
            && !new.is_empty()
        {
            vaultstream_faults::point("keys-replaced");
            self.streams.publish_keys(topology, &new.iter().map(|key| key.0).collect::<Vec<_>>()).await?;
        }
        Ok(())
    }

    fn limits(&self, job: &Job) -> Limits {
        let spec = &job.spec;
        let (lease, lanes) = (&spec.keys.lease, spec.concurrency.records + spec.concurrency.signers);
        let workers = spec.workers.max_replicas.max(1);
        Limits {
            replicas: self.settings.replicas,
            max_batches: self.settings.max_messages,
            batch_ack_wait: self.settings.batch_ack_wait,
            ..Limits::for_job(spec.batch_size, lease.records, lease.duration.as_std(), lanes, workers)
        }
    }

    /// A suspended job holds no streams, however far it is.
    async fn rest(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        self.streams.delete_other_generations(job.uid, None).await?;
        self.streams_checked = None;
        Ok(Advance::After(Duration::from_secs(1)))
    }

    async fn end(&mut self, job: &Job, outcome: Outcome) -> Result<Advance, LifecycleError> {
        self.streams.delete_other_generations(job.uid, None).await?;
        vaultstream_faults::point("streams-deleted");
        Ok(Advance::Ended(outcome))
    }
}

/// What follows a step that holds the job's lock.
fn done<T>(step: &Step<T>) -> Result<Advance, LifecycleError> {
    match step {
        Step::Busy => Ok(Advance::After(LOOK)),
        Step::Done(_) | Step::Elsewhere(_) | Step::Gone => {
            vaultstream_faults::point("lifecycle-step");
            Ok(Advance::Again)
        }
    }
}
