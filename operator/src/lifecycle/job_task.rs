//! One job's lifecycle, in a task of its own: seeded in turn with others, published and watched once it is admitted, left alone
//! while it is suspended.
//!
//! It runs outside of reconciles, which only read its [`JobSnapshot`]. Each step is bounded, holds the job's lock in
//! the ledger and reads the job's state there anew, and a spec is written under its generation: a former leader that wakes up
//! can do no harm.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use vaultstream_api::Reason;
use vaultstream_ledger::{Job, JobId, JobState, Ledger, limits::LedgerLimits};
use vaultstream_lifecycle::{Advance, Driver, LifecycleError, Settings, Watch, drive};
use vaultstream_streams::{Backoff, Streams};
use vaultstream_trace::SpanRef;

use crate::{
    certification::Certifier,
    dependencies::Dependencies,
    fault::ConditionFault,
    lifecycle::{
        admission::{Admission, AdmissionQueue, needs_workers},
        faults::ledger_fault,
        job_row::{JobRow, Reading},
        limit_queue::{LimitPlace, LimitQueue},
        queue_position::QueuePosition,
        request::{JobRequest, KnownProgress},
        seeding_turns::{SeedingTurns, Turn},
        snapshot::JobSnapshot,
    },
};

/// The delay after a fault. It doubles with each further one.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), RETRY_DELAY_LIMIT);
const RETRY_DELAY_LIMIT: Duration = Duration::from_secs(10);
/// How often the figures of an admitted job are read, and the position of one that waits for admission.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How often a suspended job is read while its request does not change.
const SUSPENDED_POLL_INTERVAL: Duration = Duration::from_secs(15);

/// What the tasks of all jobs share.
#[derive(Clone)]
pub(crate) struct TaskResources {
    pub(crate) dependencies: Dependencies,
    pub(crate) admission: AdmissionQueue,
    /// Limits the jobs that are provisioned and seeded at the same time.
    pub(crate) seeding: SeedingTurns,
    /// What jobs may take of the ledger.
    pub(crate) limits: LedgerLimits,
    /// The jobs that wait because of these.
    pub(crate) limited: LimitQueue,
    /// The uid of this cluster.
    pub(crate) cluster: String,
    /// Notified when a deleted job still has its name in the ledger.
    pub(crate) leftovers: Arc<Notify>,
    /// How jobs use NATS.
    pub(crate) settings: Settings,
    /// Has receipt keys certified.
    pub(crate) certifier: Certifier,
}

/// Runs the job until it is over, or until `stop`.
pub(crate) async fn run(
    resources: TaskResources,
    requests: watch::Receiver<JobRequest>,
    known: KnownProgress,
    snapshot: watch::Sender<JobSnapshot>,
    stop: CancellationToken,
) {
    let row = JobRow::new(resources.cluster.clone(), Arc::clone(&resources.leftovers), known);
    let mut task = JobTask { resources, requests, row, snapshot, admission: None, limited: None, read_at: None };
    tokio::select! {
        () = task.run_until_over() => {}
        () = stop.cancelled() => {}
    }
}

struct JobTask {
    resources: TaskResources,
    requests: watch::Receiver<JobRequest>,
    row: JobRow,
    snapshot: watch::Sender<JobSnapshot>,
    /// Kept through faults, and dropped while the job is suspended.
    admission: Option<Admission>,
    /// Held while a limit keeps the job from beginning.
    limited: Option<LimitPlace>,
    /// When the row and the figures were last read.
    read_at: Option<Instant>,
}

/// What one attempt uses.
struct Tools {
    ledger: Ledger,
    streams: Streams,
    job: JobId,
}

impl JobTask {
    async fn run_until_over(&mut self) {
        let mut failures = 0_u32;
        loop {
            let begun = Instant::now();
            let Err(fault) = self.attempt().await else { return };
            failures = if begun.elapsed() > RETRY_DELAY_LIMIT { 0 } else { failures.saturating_add(1) };
            let delay = match fault.reason {
                Reason::LimitExceeded => self.limit_retry_interval(),
                _ => RETRY.ceiling(failures),
            };
            self.snapshot.send_if_modified(|snapshot| {
                let changed = snapshot.fault.as_ref() != Some(&fault);
                snapshot.fault = Some(fault.clone());
                changed
            });
            if fault.reason == Reason::LedgerLost {
                self.admission = None;
                return;
            }
            let mut requests = self.requests.clone();
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = requests.changed() => failures = 0,
            }
        }
    }

    /// The delay before a job tries again that a limit keeps from beginning.
    fn limit_retry_interval(&mut self) -> Duration {
        let request = self.requests.borrow();
        let enter = || self.resources.limited.enter(&request.namespace, request.age());
        self.limited.get_or_insert_with(enter).retry_interval()
    }

    /// From the job's present state to its end, or to the first fault.
    async fn attempt(&mut self) -> Result<(), ConditionFault> {
        let dependencies = &self.resources.dependencies;
        let ledger = dependencies.ledger()?.with_limits(self.resources.limits);
        let streams = dependencies.streams()?;
        let request = Box::new(self.requests.borrow_and_update().clone());
        let job = Box::pin(self.row.ensure(&ledger, &streams, &request)).await?.id;
        drop(request);
        let mut driver = Driver::new(ledger.clone(), streams.clone(), job, self.resources.settings);
        let tools = Tools { ledger, streams, job };
        loop {
            Box::pin(self.write_changes(&tools)).await?;
            let reading = Box::pin(self.read(&tools)).await?;
            let state = reading.job.state;
            if state.is_terminal() || state == JobState::Deleting {
                self.admission = None;
                if let Advance::Ended(_) = driver.advance().await? {
                    self.show(reading, None);
                    return Ok(());
                }
            } else if reading.job.suspended {
                self.admission = None;
                self.show(reading, None);
                self.while_suspended(&mut driver).await?;
            } else if !needs_workers(&reading.job) {
                self.show(reading, None);
                self.seed(&tools, &mut driver).await?;
            } else if self.await_admission(reading).await {
                self.drive(&tools, &mut driver, Part::Signing).await?;
            }
        }
    }

    /// Writes a changed spec to the ledger.
    async fn write_changes(&mut self, tools: &Tools) -> Result<(), ConditionFault> {
        if !self.has_new_request() {
            return Ok(());
        }
        let request = self.requests.borrow_and_update().clone();
        if !self.row.has_written(request.generation) {
            Box::pin(self.row.ensure(&tools.ledger, &tools.streams, &request)).await?;
        }
        Ok(())
    }

    /// Removes the streams of a suspended job, then waits until its request changes.
    async fn while_suspended(&mut self, driver: &mut Driver) -> Result<(), ConditionFault> {
        self.retry_rejects(driver).await?;
        driver.advance().await?;
        let mut requests = self.requests.clone();
        tokio::select! {
            () = tokio::time::sleep(SUSPENDED_POLL_INTERVAL) => {}
            _ = requests.changed() => {}
        }
        Ok(())
    }

    /// Provisions and seeds in turn with other jobs, until workers are needed or the request changes. A job that is to be suspended
    /// does not end its step: that is dropped, and the ledger rolls it back.
    async fn seed(&mut self, tools: &Tools, driver: &mut Driver) -> Result<(), ConditionFault> {
        let mut requests = self.requests.clone();
        let suspended = async move {
            while requests.changed().await.is_ok() {
                if requests.borrow().spec.suspend {
                    return true;
                }
            }
            false
        };
        tokio::select! {
            seeded = self.drive(tools, driver, Part::Seeding) => seeded,
            true = suspended => Ok(()),
        }
    }

    /// Waits for the job's turn to seed; `None` when its request changed first.
    async fn await_turn(&self) -> Option<Turn> {
        let (namespace, job) = {
            let request = self.requests.borrow();
            (request.namespace.clone(), request.age())
        };
        let mut requests = self.requests.clone();
        tokio::select! {
            turn = self.resources.seeding.take(&namespace, job) => Some(turn),
            _ = requests.changed() => None,
        }
    }

    /// Drives one part of the job's life, or until its request changes.
    async fn drive(&mut self, tools: &Tools, driver: &mut Driver, part: Part) -> Result<(), ConditionFault> {
        {
            let request = self.requests.borrow();
            let issuer = request.spec.signing.issuer_ref.as_ref();
            let challenge = self.resources.certifier.finish_challenge(issuer, &request.name(&self.resources.cluster));
            driver.set_challenge(challenge);
        }
        Box::pin(drive(driver, &mut Driving { task: self, tools, part, turn: None })).await.map(drop)
    }

    /// Waits until the job is admitted; false when its request changed first.
    async fn await_admission(&mut self, reading: Box<Reading>) -> bool {
        let admission = self.admission.take().unwrap_or_else(|| {
            let request = self.requests.borrow();
            self.resources.admission.enqueue(request.uid, &request.namespace, request.created)
        });
        let mut admitted = admission.admitted().now_or_never().is_some();
        let position = |admission: &Admission| admission.position().map(QueuePosition::of);
        // State and position in one update: a job that waits is never shown as signing.
        self.show(reading, position(&admission));
        let mut requests = self.requests.clone();
        while !admitted {
            admitted = tokio::select! {
                () = admission.admitted() => true,
                _ = requests.changed() => break,
                () = tokio::time::sleep(POLL_INTERVAL) => false,
            };
            let queued = position(&admission);
            self.snapshot.send_if_modified(|snapshot| std::mem::replace(&mut snapshot.queued, queued) != queued);
        }
        self.admission = Some(admission);
        admitted
    }

    /// Tries rejects again, once for each time that is asked for.
    async fn retry_rejects(&mut self, driver: &mut Driver) -> Result<(), ConditionFault> {
        let wanted = self.requests.borrow().retry_rejects;
        let done = self.snapshot.borrow().retried.is_some();
        if wanted == done {
            return Ok(());
        }
        let retried = if wanted { Box::pin(driver.retry_rejects()).await? } else { None };
        self.snapshot.send_if_modified(|snapshot| std::mem::replace(&mut snapshot.retried, retried) != retried);
        Ok(())
    }

    /// Does the next thing for the certificate of the receipt key, and shows how far it is.
    async fn certify(&self, tools: &Tools, job: &Job) -> Result<(), ConditionFault> {
        let certifying = Box::pin(self.resources.certifier.step(&tools.ledger, job));
        let Some(state) = certifying.await.map_err(|error| ledger_fault(&error))? else { return Ok(()) };
        self.snapshot.send_if_modified(|snapshot| snapshot.certificate.replace(state) != snapshot.certificate);
        Ok(())
    }

    /// On the heap: it is shown and gone, while the task goes on.
    async fn read(&mut self, tools: &Tools) -> Result<Box<Reading>, ConditionFault> {
        let uid = self.requests.borrow().uid;
        let reading = self.row.read(&tools.ledger, &tools.streams, (tools.job, uid)).await?;
        self.read_at = Some(Instant::now());
        if reading.job.state != JobState::Pending {
            self.limited = None;
        }
        Ok(Box::new(reading))
    }

    fn has_new_request(&self) -> bool {
        self.requests.has_changed().unwrap_or(false)
    }

    /// No reason to reconcile.
    fn set_trace(&self, trace: SpanRef) {
        self.snapshot.send_if_modified(|snapshot| {
            snapshot.trace = trace;
            false
        });
    }

    fn show(&self, reading: Box<Reading>, queued: Option<QueuePosition>) {
        let reading = *reading;
        self.snapshot.send_modify(|snapshot| {
            // A limit is told until the job has got beyond it: trying again is no progress.
            let is_held = snapshot.is_held_at(&reading.job);
            snapshot.fault = snapshot.fault.take().filter(|_| is_held);
            snapshot.job = Some(reading.job);
            snapshot.progress = reading.progress;
            snapshot.checkpoint = reading.checkpoint;
            snapshot.rejects_exceeded = reading.rejects_exceeded;
            snapshot.queued = queued;
        });
    }
}

/// The parts of a job's life that are driven.
#[derive(Clone, Copy)]
enum Part {
    /// Provisioning and the seeding of generated records, until workers are needed.
    Seeding,
    /// Having a table planned, publishing, watching, repairing and finishing, until the job is over.
    Signing,
}

/// A job while it is driven.
struct Driving<'a> {
    task: &'a mut JobTask,
    tools: &'a Tools,
    part: Part,
    /// Held from before a step of seeding until after it.
    turn: Option<Turn>,
}

impl Watch for Driving<'_> {
    type Error = ConditionFault;

    /// Stops before a changed request, and where the part ends. Waits for the turn to seed, and shows the figures.
    async fn before_step(&mut self, driver: &mut Driver) -> Result<ControlFlow<()>, ConditionFault> {
        let Self { task, tools, part, turn } = self;
        *turn = None;
        if task.has_new_request() {
            return Ok(ControlFlow::Break(()));
        }
        match part {
            // Before anything is read: of a thousand jobs that wait, only those whose turn it is ask the ledger.
            Part::Seeding => {
                *turn = task.await_turn().await;
                if turn.is_none() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Part::Signing => {
                task.retry_rejects(driver).await?;
                if task.read_at.is_some_and(|read_at| read_at.elapsed() < POLL_INTERVAL) {
                    return Ok(ControlFlow::Continue(()));
                }
            }
        }
        task.set_trace(driver.trace());
        let reading = Box::pin(task.read(tools)).await?;
        let state = reading.job.state;
        // The phase Signing is not shown before the job is admitted.
        let is_over = match part {
            Part::Seeding => needs_workers(&reading.job) || !matches!(state, JobState::Pending | JobState::Seeding),
            Part::Signing => state.is_terminal(),
        };
        if is_over || reading.job.suspended {
            return Ok(ControlFlow::Break(()));
        }
        task.certify(tools, &reading.job).await?;
        task.show(reading, None);
        Ok(ControlFlow::Continue(()))
    }

    /// Every failure ends the attempt: the conditions show it, and the next attempt reads everything anew.
    async fn on_failure(&mut self, error: LifecycleError) -> Result<(), ConditionFault> {
        Err(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::fixtures::{request, resources};

    /// A thousand jobs may wait for admission: what a step needs is allocated for the step, not before.
    #[tokio::test]
    async fn a_job_that_waits_takes_little_memory() {
        let stop = CancellationToken::new();
        let (_requests, receiver) = watch::channel(request(1));
        let (sender, _snapshots) = watch::channel(JobSnapshot::default());
        let bytes = std::mem::size_of_val(&run(resources(&stop), receiver, KnownProgress::default(), sender, stop));
        assert!(bytes <= 4 * 1024, "{bytes} bytes");
    }
}
