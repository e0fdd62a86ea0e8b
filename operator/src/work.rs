//! One job's lifecycle, in a task of its own: seeded as soon as possible, published and watched when it is its turn.
//!
//! It runs outside the reconcile function, which only reads its [`View`]. Each step is bounded, holds the job's advisory lock
//! in the ledger and reads its state there anew: a former leader that wakes up can do no harm.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::{Reason, SigningJobSpec};
use vaultstream_ledger::{
    Job, JobState, Ledger, NewJob, Progress,
    jobs::{self, EnsureError},
    steps::SourceError,
};
use vaultstream_lifecycle::{Advance, Driver, LifecycleError, Settings};
use vaultstream_streams::Streams;

use crate::{
    context::doubled,
    dependencies::{Dependencies, Fault},
    slots::{Slots, Turn},
};

/// Pause after a fault; it doubles up to [`LONGEST_PAUSE`] while the fault lasts.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Between two looks at the figures of a job.
const LOOK: Duration = Duration::from_secs(1);
/// Longest sleep: a change of the spec is seen within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// What a SigningJob asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) uid: Uuid,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) created: SystemTime,
    pub(crate) spec: SigningJobSpec,
    /// Its rejects shall be tried again.
    pub(crate) retry_rejects: bool,
}

/// How far a job is, as this process knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// Its row in the ledger, once known.
    pub(crate) job: Option<Job>,
    /// Its figures, once known. Old figures stay while the ledger is away: unknown is never zero.
    pub(crate) progress: Option<Progress>,
    /// Its place in the queue.
    pub(crate) queued: Option<Place>,
    /// How many rejects are tried again, until that is not asked for any more.
    pub(crate) retried: Option<i64>,
    /// What keeps it from going on.
    pub(crate) fault: Option<Fault>,
}

/// What all jobs share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) dependencies: Dependencies,
    pub(crate) slots: Slots,
    /// Jobs being provisioned and seeded at once.
    pub(crate) seeding: Arc<Semaphore>,
    /// The uid of this cluster.
    pub(crate) cluster: String,
    /// Told when a deleted job still has its name in the ledger.
    pub(crate) leftovers: Arc<Notify>,
}

/// Works on the job until it is over or `stop`.
pub(crate) async fn work(
    shared: Shared,
    orders: watch::Receiver<Order>,
    view: watch::Sender<View>,
    stop: CancellationToken,
) {
    let mut work = Work { shared, orders, view, looked: None };
    tokio::select! {
        () = work.until_over() => {}
        () = stop.cancelled() => {}
    }
}

struct Work {
    shared: Shared,
    orders: watch::Receiver<Order>,
    view: watch::Sender<View>,
    looked: Option<Instant>,
}

impl Work {
    async fn until_over(&mut self) {
        let mut failed = 0_u32;
        loop {
            let begun = Instant::now();
            match self.attempt().await {
                Ok(()) => return,
                Err(fault) => {
                    failed = if begun.elapsed() > LONGEST_PAUSE { 0 } else { failed.saturating_add(1) };
                    let pause = doubled(PAUSE, failed, LONGEST_PAUSE);
                    self.view.send_if_modified(|view| {
                        let news = view.fault.as_ref() != Some(&fault);
                        view.fault = Some(fault.clone());
                        news
                    });
                    let mut orders = self.orders.clone();
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        _ = orders.changed() => failed = 0,
                    }
                }
            }
        }
    }

    /// From wherever the job is to its end, or to the first fault.
    async fn attempt(&mut self) -> Result<(), Fault> {
        let order = self.orders.borrow_and_update().clone();
        let (ledger, streams) = (self.shared.dependencies.ledger()?, self.shared.dependencies.streams()?);
        let job = self.ensure(&ledger, &order).await?;
        let mut driver = Driver::new(ledger.clone(), streams.clone(), job.id, Settings::default());
        {
            let _one_of_few = Arc::clone(&self.shared.seeding).acquire_owned().await;
            while !is_planned(self.look(&ledger, &job).await?) {
                self.step(&mut driver, &streams).await?;
            }
        }
        let turn = self.shared.slots.queue(order.uid, &order.namespace, order.created);
        self.wait_for(&turn, &ledger, &job).await?;
        loop {
            self.take_changes(&ledger).await?;
            self.retry_rejects(&mut driver).await?;
            if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                self.look(&ledger, &job).await?;
            }
            if self.step(&mut driver, &streams).await? {
                self.look(&ledger, &job).await?;
                return Ok(());
            }
        }
    }

    /// The job's row, with the spec as it is now.
    async fn ensure(&self, ledger: &Ledger, order: &Order) -> Result<Job, Fault> {
        let new = NewJob {
            uid: order.uid,
            cluster: self.shared.cluster.clone(),
            namespace: order.namespace.clone(),
            name: order.name.clone(),
            spec: order.spec.clone(),
        };
        match jobs::ensure(ledger, &new).await {
            Ok(ensured) => Ok(ensured.job),
            Err(EnsureError::Immutable { field }) => Err(Fault::new(Reason::InvalidSpec, field.to_string())),
            Err(error @ EnsureError::NameTaken { .. }) => {
                self.shared.leftovers.notify_one();
                Err(Fault::new(Reason::LedgerUnavailable, format!("{error}; its deletion has yet to end")))
            }
            Err(EnsureError::Gone(id)) => {
                Err(Fault::new(Reason::LedgerLost, format!("job {id} is not in the ledger any more")))
            }
            Err(EnsureError::Query(error)) => Err(ledger_fault(&error)),
        }
    }

    /// Hands a changed spec to the ledger; true when there was one.
    async fn take_changes(&mut self, ledger: &Ledger) -> Result<bool, Fault> {
        if !self.orders.has_changed().unwrap_or(false) {
            return Ok(false);
        }
        let order = self.orders.borrow_and_update().clone();
        self.ensure(ledger, &order).await.map(|_| true)
    }

    async fn wait_for(&mut self, turn: &Turn, ledger: &Ledger, job: &Job) -> Result<(), Fault> {
        loop {
            let queued = turn.position().map(Place::of);
            self.view.send_if_modified(|view| std::mem::replace(&mut view.queued, queued) != queued);
            tokio::select! {
                () = turn.begin() => break,
                () = tokio::time::sleep(LONGEST_SLEEP) => {}
            }
            if self.take_changes(ledger).await? {
                self.look(ledger, job).await?;
            }
        }
        self.view.send_if_modified(|view| view.queued.take().is_some());
        Ok(())
    }

    /// Once for each time it is asked for.
    async fn retry_rejects(&mut self, driver: &mut Driver) -> Result<(), Fault> {
        let wanted = self.orders.borrow().retry_rejects;
        let done = self.view.borrow().retried.is_some();
        if wanted == done {
            return Ok(());
        }
        let retried =
            if wanted { driver.retry_rejects().await.map_err(|error| lifecycle_fault(&error))? } else { None };
        self.view.send_if_modified(|view| std::mem::replace(&mut view.retried, retried) != retried);
        Ok(())
    }

    /// One lifecycle step; true when the job is over.
    async fn step(&mut self, driver: &mut Driver, streams: &Streams) -> Result<bool, Fault> {
        let pause = match driver.advance().await {
            Ok(Advance::Ended(_)) => return Ok(true),
            Ok(Advance::Again) => return Ok(false),
            Ok(Advance::After(pause)) => pause.min(LONGEST_SLEEP),
            Err(error) => return Err(lifecycle_fault(&error)),
        };
        let mut link = streams.link();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = link.reconnected() => driver.look_again(),
        }
        Ok(false)
    }

    /// Reads the job and its figures into the view.
    async fn look(&mut self, ledger: &Ledger, job: &Job) -> Result<JobState, Fault> {
        let row = jobs::by_id(ledger, job.id).await.map_err(|error| ledger_fault(&error))?;
        let Some(row) = row else {
            return Err(Fault::new(Reason::LedgerLost, "the job is not in the ledger any more"));
        };
        let progress = vaultstream_ledger::progress(ledger, job.id).await.map_err(|error| ledger_fault(&error))?;
        self.looked = Some(Instant::now());
        let state = row.state;
        self.view.send_modify(|view| {
            view.job = Some(row);
            view.progress = progress;
            view.fault = None;
        });
        Ok(state)
    }
}

/// A place in the queue: exact near its head, in steps further behind, where all places move whenever one job begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// So many-th.
    Number(usize),
    /// Behind so many.
    Behind(usize),
}

impl Place {
    /// Places up to here are told exactly.
    const NEAR: usize = 20;

    fn of(position: usize) -> Self {
        match position.saturating_sub(1) {
            ahead if ahead < Self::NEAR => Self::Number(position),
            ahead if ahead < 100 => Self::Behind(Self::NEAR),
            ahead if ahead < 1000 => Self::Behind(100),
            _ => Self::Behind(1000),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(place) => write!(f, "number {place} in the queue"),
            Self::Behind(jobs) => write!(f, "behind at least {jobs} others in the queue"),
        }
    }
}

/// Whether the job's batches are planned: what follows needs its turn.
fn is_planned(state: JobState) -> bool {
    !matches!(state, JobState::Pending | JobState::Provisioning | JobState::Seeding)
}

fn lifecycle_fault(error: &LifecycleError) -> Fault {
    match error {
        LifecycleError::Source(error) => {
            let missing = matches!(error, SourceError::NoTable { .. } | SourceError::NoColumn { .. });
            let reason = if missing { Reason::SourceUnavailable } else { Reason::SourceUnusable };
            Fault::new(reason, error.to_string())
        }
        LifecycleError::Ledger(error) => ledger_fault(error),
        LifecycleError::Streams(error) => Fault::new(Reason::StreamsUnavailable, error.to_string()),
    }
}

fn ledger_fault(error: &vaultstream_ledger::QueryError) -> Fault {
    let reason = if error.is_transient() { Reason::LedgerUnavailable } else { Reason::LedgerRefused };
    Fault::new(reason, error.to_string())
}
