//! One job's lifecycle, in a task of its own: seeded as soon as possible, published and watched when it is its turn, left alone
//! while it is suspended.
//!
//! It runs outside the reconcile function, which only reads its [`View`]. Each step is bounded, holds the job's advisory lock
//! in the ledger and reads its state there anew, and a spec is written under its generation: a former leader that wakes up
//! can do no harm.

mod faults;
mod loss;
mod place;

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::{Reason, SigningJobSpec};
use vaultstream_ledger::{
    Job, JobId, JobState, Ledger, NewJob, Progress,
    jobs::{self, EnsureError},
};
use vaultstream_lifecycle::{Advance, Driver, Settings};
use vaultstream_streams::Streams;

pub(crate) use loss::Known;
pub(crate) use place::Place;

use faults::{ledger_fault, lifecycle_fault};

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
/// Longest sleep of a job at work or in the queue.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// A suspended job is looked at when its order changes, and so often besides.
const REST: Duration = Duration::from_secs(15);

/// What a SigningJob asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Order {
    pub(crate) uid: Uuid,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) created: SystemTime,
    pub(crate) spec: SigningJobSpec,
    /// Which generation of the spec that is.
    pub(crate) generation: i64,
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

impl View {
    /// Why the job failed although the ledger does not say so: it has no row of it any more.
    pub(crate) fn lost(&self) -> Option<&Fault> {
        self.fault.as_ref().filter(|fault| fault.reason == Reason::LedgerLost)
    }
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
    /// How jobs use NATS.
    pub(crate) settings: Settings,
}

/// Works on the job until it is over or `stop`.
pub(crate) async fn work(
    shared: Shared,
    orders: watch::Receiver<Order>,
    known: Known,
    view: watch::Sender<View>,
    stop: CancellationToken,
) {
    let mut work = Work { shared, orders, known, view, written: None, turn: None, looked: None };
    tokio::select! {
        () = work.until_over() => {}
        () = stop.cancelled() => {}
    }
}

struct Work {
    shared: Shared,
    orders: watch::Receiver<Order>,
    known: Known,
    view: watch::Sender<View>,
    /// The generation of the spec that the ledger has from us.
    written: Option<i64>,
    /// In the queue or at work; kept through faults, given back while the job is suspended.
    turn: Option<Turn>,
    looked: Option<Instant>,
}

/// What one attempt works with.
struct Tools {
    ledger: Ledger,
    streams: Streams,
    driver: Driver,
    job: JobId,
}

/// A job and its figures, as they are in the ledger.
struct Found {
    job: Job,
    progress: Option<Progress>,
}

impl Work {
    async fn until_over(&mut self) {
        let mut failed = 0_u32;
        loop {
            let begun = Instant::now();
            let Err(fault) = self.attempt().await else { return };
            failed = if begun.elapsed() > LONGEST_PAUSE { 0 } else { failed.saturating_add(1) };
            let pause = doubled(PAUSE, failed, LONGEST_PAUSE);
            self.view.send_if_modified(|view| {
                let news = view.fault.as_ref() != Some(&fault);
                view.fault = Some(fault.clone());
                news
            });
            if fault.reason == Reason::LedgerLost {
                self.turn = None;
                return;
            }
            let mut orders = self.orders.clone();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = orders.changed() => failed = 0,
            }
        }
    }

    /// From wherever the job is to its end, or to the first fault.
    async fn attempt(&mut self) -> Result<(), Fault> {
        let (ledger, streams) = (self.shared.dependencies.ledger()?, self.shared.dependencies.streams()?);
        let job = {
            let order = self.orders.borrow_and_update().clone();
            match self.ensure(&ledger, &order).await? {
                Some(job) => job.id,
                None => return Err(loss::of_row(&streams, order.uid).await),
            }
        };
        let driver = Driver::new(ledger.clone(), streams.clone(), job, self.shared.settings);
        let mut tools = Tools { ledger, streams, driver, job };
        loop {
            self.take_changes(&tools).await?;
            let found = Box::pin(self.look(&tools)).await?;
            let state = found.job.state;
            if state.is_final() || state == JobState::Deleting {
                self.turn = None;
                if self.step(&mut tools).await? {
                    self.show(found, None);
                    return Ok(());
                }
            } else if found.job.suspended {
                self.turn = None;
                self.show(found, None);
                self.rest(&mut tools).await?;
            } else if !is_planned(state) {
                self.show(found, None);
                self.seed(&mut tools).await?;
            } else if self.await_turn(found).await {
                self.sign(&mut tools).await?;
            }
        }
    }

    /// The job's row, with the spec as it is now; none when the ledger has lost it.
    async fn ensure(&mut self, ledger: &Ledger, order: &Order) -> Result<Option<Job>, Fault> {
        let new = NewJob {
            uid: order.uid,
            cluster: self.shared.cluster.clone(),
            namespace: order.namespace.clone(),
            name: order.name.clone(),
            spec: order.spec.clone(),
            generation: order.generation,
        };
        let ensured = match self.known.begun {
            true => Box::pin(jobs::adopt(ledger, &new)).await,
            false => Box::pin(jobs::ensure(ledger, &new)).await.map(|ensured| ensured.job),
        };
        let job = match ensured {
            Ok(job) => Some(job),
            Err(EnsureError::Gone) => None,
            // Another leader has written a later one, which comes here, too, if we still lead.
            Err(EnsureError::Outdated { .. }) => {
                jobs::by_uid(ledger, order.uid).await.map_err(|error| ledger_fault(&error))?
            }
            Err(EnsureError::Immutable { field }) => return Err(Fault::new(Reason::InvalidSpec, field.to_string())),
            Err(error @ EnsureError::NameTaken { .. }) => {
                self.shared.leftovers.notify_one();
                let why = format!("{error}; it is still being deleted");
                return Err(Fault::new(Reason::LedgerUnavailable, why));
            }
            Err(EnsureError::Query(error)) => return Err(ledger_fault(&error)),
        };
        self.written = Some(order.generation);
        Ok(job)
    }

    /// Hands a changed spec to the ledger.
    async fn take_changes(&mut self, tools: &Tools) -> Result<(), Fault> {
        if !self.orders.has_changed().unwrap_or(false) {
            return Ok(());
        }
        let order = self.orders.borrow_and_update().clone();
        if self.written == Some(order.generation) {
            return Ok(());
        }
        match self.ensure(&tools.ledger, &order).await? {
            Some(_) => Ok(()),
            None => Err(loss::of_row(&tools.streams, order.uid).await),
        }
    }

    /// Takes the streams of a suspended job away, and waits until its order changes.
    async fn rest(&mut self, tools: &mut Tools) -> Result<(), Fault> {
        self.retry_rejects(tools).await?;
        Box::pin(tools.driver.advance()).await.map_err(|error| lifecycle_fault(&error))?;
        let mut orders = self.orders.clone();
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            _ = orders.changed() => {}
        }
        Ok(())
    }

    /// Provisions and seeds, as one of few jobs at a time, until the batches are planned or the order changes.
    async fn seed(&mut self, tools: &mut Tools) -> Result<(), Fault> {
        let mut orders = self.orders.clone();
        let _one_of_few = tokio::select! {
            place = Arc::clone(&self.shared.seeding).acquire_owned() => place,
            _ = orders.changed() => return Ok(()),
        };
        while !self.orders.has_changed().unwrap_or(false) {
            self.step(tools).await?;
            let found = Box::pin(self.look(tools)).await?;
            // That it signs is not shown before it is its turn.
            if is_planned(found.job.state) || found.job.suspended {
                return Ok(());
            }
            self.show(found, None);
        }
        Ok(())
    }

    /// Waits for the job's turn; false when its order changed first.
    async fn await_turn(&mut self, found: Found) -> bool {
        let turn = self.turn.take().unwrap_or_else(|| {
            let order = self.orders.borrow();
            self.shared.slots.queue(order.uid, &order.namespace, order.created)
        });
        let mut begun = turn.begin().now_or_never().is_some();
        let place = |turn: &Turn| turn.position().map(Place::of);
        // Both in one: a job that waits is never seen at work.
        self.show(found, place(&turn));
        let mut orders = self.orders.clone();
        while !begun {
            begun = tokio::select! {
                () = turn.begin() => true,
                _ = orders.changed() => break,
                () = tokio::time::sleep(LONGEST_SLEEP) => false,
            };
            let queued = place(&turn);
            self.view.send_if_modified(|view| std::mem::replace(&mut view.queued, queued) != queued);
        }
        self.turn = Some(turn);
        begun
    }

    /// Publishes, watches, repairs and finishes, until the job is over, suspended, or its order changes.
    async fn sign(&mut self, tools: &mut Tools) -> Result<(), Fault> {
        while !self.orders.has_changed().unwrap_or(false) {
            self.retry_rejects(tools).await?;
            if self.looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                let found = Box::pin(self.look(tools)).await?;
                if found.job.suspended || found.job.state.is_final() {
                    return Ok(());
                }
                self.show(found, None);
            }
            if self.step(tools).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Once for each time it is asked for.
    async fn retry_rejects(&mut self, tools: &mut Tools) -> Result<(), Fault> {
        let wanted = self.orders.borrow().retry_rejects;
        let done = self.view.borrow().retried.is_some();
        if wanted == done {
            return Ok(());
        }
        let retried = if wanted {
            Box::pin(tools.driver.retry_rejects()).await.map_err(|error| lifecycle_fault(&error))?
        } else {
            None
        };
        self.view.send_if_modified(|view| std::mem::replace(&mut view.retried, retried) != retried);
        Ok(())
    }

    /// One lifecycle step; true when the job is over.
    async fn step(&mut self, tools: &mut Tools) -> Result<bool, Fault> {
        let pause = match Box::pin(tools.driver.advance()).await {
            Ok(Advance::Ended(_)) => return Ok(true),
            Ok(Advance::Again) => return Ok(false),
            Ok(Advance::After(pause)) => pause.min(LONGEST_SLEEP),
            Err(error) => return Err(lifecycle_fault(&error)),
        };
        let mut link = tools.streams.link();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = link.reconnected() => tools.driver.look_again(),
        }
        Ok(false)
    }

    /// Reads the job and its figures. A job of which the ledger has less than was seen before has failed.
    async fn look(&mut self, tools: &Tools) -> Result<Found, Fault> {
        let mut job = self.row(tools).await?;
        let progress =
            vaultstream_ledger::progress(&tools.ledger, tools.job).await.map_err(|error| ledger_fault(&error))?;
        self.looked = Some(Instant::now());
        let over = job.state.is_final() || job.state == JobState::Deleting;
        let signed = progress.as_ref().map_or(self.known.signed, |progress| progress.signed);
        if !over && signed < self.known.signed {
            loss::of_signatures(&tools.ledger, tools.job, self.known.signed).await?;
            job = self.row(tools).await?;
        }
        self.known.signed = signed;
        self.known.begun |= job.state != JobState::Pending;
        Ok(Found { job, progress })
    }

    async fn row(&self, tools: &Tools) -> Result<Job, Fault> {
        match jobs::by_id(&tools.ledger, tools.job).await {
            Ok(Some(job)) => Ok(job),
            Ok(None) if self.known.begun => {
                let uid = self.orders.borrow().uid;
                Err(loss::of_row(&tools.streams, uid).await)
            }
            Ok(None) => Err(Fault::new(Reason::LedgerUnavailable, "the job's row is gone: it is made again")),
            Err(error) => Err(ledger_fault(&error)),
        }
    }

    fn show(&self, found: Found, queued: Option<Place>) {
        self.view.send_modify(|view| {
            view.job = Some(found.job);
            view.progress = found.progress;
            view.queued = queued;
            view.fault = None;
        });
    }
}

/// Whether the job's batches are planned: what follows needs its turn.
fn is_planned(state: JobState) -> bool {
    !matches!(state, JobState::Pending | JobState::Provisioning | JobState::Seeding)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use vaultstream_api::{GenerateSource, Source};

    use super::*;

    /// A thousand jobs may wait for their turn: what a step needs is there while it is made, and not before.
    #[tokio::test]
    async fn a_job_that_waits_takes_little_memory() {
        let stop = CancellationToken::new();
        let shared = Shared {
            dependencies: Dependencies::start(PathBuf::from("/nowhere"), &stop),
            slots: Slots::new(1),
            seeding: Arc::new(Semaphore::new(1)),
            cluster: String::new(),
            leftovers: Arc::default(),
            settings: Settings::default(),
        };
        let spec = SigningJobSpec::new(Source::Generate(GenerateSource { records: 1, payload_bytes: 32 }));
        let order = Order {
            uid: Uuid::nil(),
            namespace: String::new(),
            name: String::new(),
            created: SystemTime::UNIX_EPOCH,
            spec,
            generation: 1,
            retry_rejects: false,
        };
        let (_orders, receiver) = watch::channel(order);
        let (view, _views) = watch::channel(View::default());
        let bytes = std::mem::size_of_val(&work(shared, receiver, Known::default(), view, stop));
        assert!(bytes <= 8 * 1024, "{bytes} bytes");
    }
}
