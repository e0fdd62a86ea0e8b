//! The driver: one bounded step at a time, chosen by the job's state in the ledger.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tracing::Instrument as _;
use vaultstream_api::{Reason, Source};
use vaultstream_ledger::{
    Class, Job, JobId, JobState, Ledger, checkpoints, gone_rows, jobs, progress,
    steps::{self, Finish, Seeding, Step, StepError},
};
use vaultstream_streams::{FinishChallenge, Naming, Streams};
use vaultstream_trace::SpanRef;

use crate::{
    LifecycleError, Settings,
    job_trace::JobTrace,
    publish::Publisher,
    repair::Repair,
    request::Requests,
    seen::Seen,
    stream_state::{Checked, Making},
};

/// How often a job that is being signed is read from the ledger.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How often the checkpoints and the growth of a job that follows its table are looked at.
const TEND_INTERVAL: Duration = Duration::from_secs(1);

/// How often a job is read whose receipt waits for a certificate: an issuer may take a second or a day.
const ISSUER_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The least that a chunk of seeding is cut to after timeouts.
const SEED_CHUNK_LEAST: u64 = 16;

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

/// Drives one job.
pub struct Driver {
    pub(crate) ledger: Ledger,
    pub(crate) streams: Streams,
    pub(crate) settings: Settings,
    job: JobId,
    /// Records of the next chunk of seeding.
    seed_chunk: u64,
    /// When a job that follows its table was last tended.
    tended: Option<Instant>,
    /// The number of the last checkpoint that was announced.
    announced: i64,
    pub(crate) publisher: Publisher,
    pub(crate) repair: Repair,
    pub(crate) checked: Checked,
    /// How the present streams are named, and those that replace them will be.
    pub(crate) naming: Naming,
    pub(crate) seen: Seen,
    pub(crate) making: Option<Making>,
    pub(crate) requests: Requests,
    pub(crate) trace: JobTrace,
}

impl Driver {
    /// A driver of the job `job`.
    pub fn new(ledger: Ledger, streams: Streams, job: JobId, settings: Settings) -> Self {
        Self {
            ledger,
            streams,
            settings,
            job,
            seed_chunk: settings.seed_chunk,
            tended: None,
            announced: 0,
            publisher: Publisher::default(),
            repair: Repair::new(settings.repair_every),
            checked: Checked::default(),
            naming: Naming::default(),
            seen: Seen::default(),
            making: None,
            requests: Requests::default(),
            trace: JobTrace::default(),
        }
    }

    /// Workers get this challenge with the message that asks for the receipt, to have its key certified.
    pub fn set_challenge(&mut self, challenge: Option<FinishChallenge>) {
        self.requests.set_challenge(challenge);
    }

    /// Does one bounded step.
    ///
    /// # Errors
    /// [`LifecycleError`]; call again later when it is a dependency's.
    pub fn advance(&mut self) -> BoxFuture<'_, Result<Advance, LifecycleError>> {
        self.step().boxed()
    }

    async fn step(&mut self) -> Result<Advance, LifecycleError> {
        let Some(job) = jobs::by_id(&self.ledger, self.job).await? else { return Ok(Advance::Ended(Outcome::Deleted)) };
        let span = tracing::info_span!("step", job = %job.name, state = %job.state);
        self.trace.begin_step(&job);
        let result = self.step_of(&job).instrument(span).await;
        result.inspect_err(|error| self.trace.fail(error))
    }

    async fn step_of(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        // Of a suspended job, too: no worker signs it any more.
        if let (JobState::Signing | JobState::Finishing, Some(fault)) = (job.state, &job.fault) {
            return after(&steps::fail(&self.ledger, job.id, fault.reason, &fault.why).await?);
        }
        match job.state {
            JobState::Complete => self.clean_up(job, Outcome::Complete).await,
            JobState::Failed => self.clean_up(job, Outcome::Failed).await,
            JobState::Deleting => self.clean_up(job, Outcome::Deleted).await,
            _ if job.suspended => self.while_suspended(job).await,
            JobState::Pending => after(&steps::provision(&self.ledger, job.id).await?),
            JobState::Seeding => match job.spec.source {
                Source::Generate(_) => self.seed(job).await,
                Source::Table(_) => self.plan(job).await,
            },
            JobState::Signing => self.sign(job).await,
            JobState::Finishing => self.await_receipt(job).await,
        }
    }

    /// Seeds a chunk. One that takes too long on this server is followed by smaller ones.
    async fn seed(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        match steps::seed_chunk(&self.ledger, job.id, self.seed_chunk).await {
            Err(StepError::Query(error)) if error.class() == Class::CutOff && self.seed_chunk > SEED_CHUNK_LEAST => {
                self.seed_chunk = (self.seed_chunk / 4).max(SEED_CHUNK_LEAST);
                tracing::warn!(job = %job.name, records = self.seed_chunk, "a statement took too long: seeding smaller chunks");
                Ok(Advance::Again)
            }
            seeded => after(&seeded?),
        }
    }

    /// Has a worker plan the table, and sees when that is done.
    async fn plan(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        match steps::oversee_plan(&self.ledger, job.id).await? {
            Step::Done(Seeding::More { .. }) => {}
            step => return after(&step),
        }
        let Some(topology) = self.ensure_streams(job).await? else { return Ok(Advance::Again) };
        self.requests.plan(&self.streams, &topology).await?;
        readable_source(job)?;
        Ok(Advance::After(POLL_INTERVAL / 2))
    }

    /// The state of the job in the ledger; `None` when it is gone.
    pub(crate) async fn state(&self) -> Result<Option<JobState>, LifecycleError> {
        Ok(jobs::by_id(&self.ledger, self.job).await?.map(|job| job.state))
    }

    /// The job in the traces of this process, from its first step: what other traces link to.
    pub fn trace(&self) -> SpanRef {
        self.trace.reference()
    }

    /// Compares streams and ledger at the next step, as after a reconnect.
    pub fn recheck(&mut self) {
        self.checked = Checked::default();
        self.repair.check_now();
    }

    /// Has the rejects of a job that signs tried again, and returns their number. `None` when the job does not sign at present.
    ///
    /// # Errors
    /// [`LifecycleError`]; call again later when it is a dependency's.
    pub async fn retry_rejects(&mut self) -> Result<Option<i64>, LifecycleError> {
        // Batches it had passed are open again: noted before, because an error does not tell whether the step was committed. Open
        // batches that were not expected would be taken for a loss.
        self.publisher = Publisher::default();
        self.seen.batches_are_opened();
        self.recheck();
        let Step::Done(retried) = steps::retry_rejects(&self.ledger, self.job).await? else { return Ok(None) };
        Ok(Some(retried))
    }

    /// Publishes, repairs, and sees when all batches are signed.
    async fn sign(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        if let Some(why) = self.find_loss(job).await? {
            return after(&steps::fail(&self.ledger, job.id, Reason::LedgerLost, &why).await?);
        }
        let Some(topology) = self.ensure_streams(job).await? else { return Ok(Advance::Again) };
        if self.checked.lacks_tokens() && self.publisher.first_open(&self.ledger, job).await?.is_some() {
            self.find_keys(job).await?;
        }
        let trace = self.trace.reference();
        let published = self.publisher.publish(&self.ledger, &self.streams, job, &topology, &trace).await?;
        if published.more {
            return Ok(if published.full { Advance::After(POLL_INTERVAL / 4) } else { Advance::Again });
        }
        let first_open = self.publisher.first_open(&self.ledger, job).await?;
        if job.is_following() {
            self.tend(job).await?;
            if first_open.is_none() {
                return Ok(Advance::After(POLL_INTERVAL));
            }
        }
        let Some(first_open) = first_open else {
            let step = steps::begin_finish(&self.ledger, job.id).await?;
            vaultstream_faults::point("finish-begun");
            if let Step::Done(Finish::SignedTwice { record }) = &step {
                let why = format!(
                    "the ledger is damaged: it holds two signatures of one record, or two records of one row. {record}"
                );
                return after(&steps::fail(&self.ledger, job.id, Reason::LedgerLost, &why).await?);
            }
            if let Step::Done(Finish::Unsigned { .. }) = &step {
                // Batches that were signed are open again: they are looked for from the first one.
                self.publisher = Publisher::default();
                return Ok(Advance::After(POLL_INTERVAL));
            }
            return after(&step);
        };
        self.seen.all_signed_before(first_open);
        // What has arrived of a table that is followed is signed, whatever is wrong with its trigger: the fault is no error.
        if !job.is_following() {
            readable_source(job)?;
        }
        self.repair.check(&self.ledger, &self.streams, job, &topology).await?;
        Ok(Advance::After(POLL_INTERVAL))
    }

    /// Once a second, announces the last checkpoint of a job that follows its table, unless this process has done so, and allows the job to
    /// grow.
    async fn tend(&mut self, job: &Job) -> Result<(), LifecycleError> {
        if self.tended.is_some_and(|tended| tended.elapsed() <= TEND_INTERVAL) {
            return Ok(());
        }
        if let Some(last) = checkpoints::last_behind(&self.ledger, job.id, self.announced).await? {
            self.announce(job, &last.checkpoint).await;
            self.announced = last.number;
        }
        steps::oversee_growth(&self.ledger, job.id).await?;
        self.tended = Some(Instant::now());
        Ok(())
    }

    /// What strangers have seen cannot be taken back; but the job goes on without that.
    async fn announce(&self, job: &Job, checkpoint: &str) {
        if let Err(error) = self.streams.announce_checkpoint(&job.namespace, &job.name, checkpoint).await {
            tracing::warn!(job = %job.name, error = &error as &dyn std::error::Error, "a checkpoint was not announced");
        }
    }

    /// Asks a worker for the receipt, then ends the job.
    async fn await_receipt(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        if let Some(receipt) = &job.receipt {
            if job.follow.is_some() {
                self.announce(job, receipt).await;
            }
            return self.complete_or_fail(job).await;
        }
        let Some(topology) = self.ensure_streams(job).await? else { return Ok(Advance::Again) };
        self.requests.receipt(&self.streams, &topology).await?;
        Ok(Advance::After(if self.requests.waits_for_issuer() { ISSUER_POLL_INTERVAL } else { POLL_INTERVAL / 4 }))
    }

    /// Complete, or Failed when more was rejected than the manifest allows; everything else is signed either way.
    async fn complete_or_fail(&self, job: &Job) -> Result<Advance, LifecycleError> {
        let Some(counts) = progress(&self.ledger, job.id).await? else { return Ok(Advance::Again) };
        let (rejected, total) = (counts.rejected.unsigned_abs(), counts.total.unsigned_abs());
        let allowed = job.spec.max_rejected.allowed(total);
        let gone = if rejected > allowed { gone_rows(&self.ledger, job.id).await?.unsigned_abs() } else { 0 };
        let rejected = rejected.saturating_sub(gone);
        if rejected <= allowed {
            return after(&steps::complete(&self.ledger, job.id).await?);
        }
        let why = format!(
            "{rejected} of {total} records were rejected, and spec.maxRejected allows {allowed}; all others are signed"
        );
        after(&steps::fail(&self.ledger, job.id, Reason::TooManyRejects, &why).await?)
    }

    /// A suspended job holds no streams, whatever its state.
    async fn while_suspended(&mut self, job: &Job) -> Result<Advance, LifecycleError> {
        self.streams.delete_other_generations(job.uid, None).await?;
        self.checked = Checked::default();
        // When it is resumed, its workers are of this version.
        self.naming = Naming::default();
        Ok(Advance::After(Duration::from_secs(1)))
    }

    async fn clean_up(&mut self, job: &Job, outcome: Outcome) -> Result<Advance, LifecycleError> {
        self.streams.delete_other_generations(job.uid, None).await?;
        vaultstream_faults::point("streams-deleted");
        Ok(Advance::Ended(outcome))
    }
}

/// Tells what keeps the job's workers from reading its table. They continue by themselves once that is mended.
fn readable_source(job: &Job) -> Result<(), LifecycleError> {
    job.source_fault.clone().map_or(Ok(()), |fault| Err(LifecycleError::Source(fault)))
}

/// What follows a step that needs the job's lock.
fn after<T>(step: &Step<T>) -> Result<Advance, LifecycleError> {
    match step {
        Step::Busy => Ok(Advance::After(POLL_INTERVAL)),
        Step::Done(_) | Step::WrongState(_) | Step::Gone => {
            vaultstream_faults::point("lifecycle-step");
            Ok(Advance::Again)
        }
    }
}
