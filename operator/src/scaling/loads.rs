//! What each job at work has left to do: one ledger query for all jobs each second, on every replica, for every way of
//! scaling.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_ledger::AtWork;

use super::workers::{self, Load};
use crate::{dependencies::Dependencies, dereference::Live};

/// Between two queries.
const EVERY: Duration = Duration::from_secs(1);
/// What is older is not known any more.
const STALE: Duration = Duration::from_secs(15);
/// Rates are measured over so long.
const RATE_WINDOW: Duration = Duration::from_secs(10);
/// Looks of so long tell how fast one worker is.
const WORKER_WINDOW: Duration = Duration::from_secs(30);
/// Together so much time of workers is needed to tell it.
const ENOUGH: Duration = Duration::from_secs(10);

/// What is known of a job at work.
#[derive(Clone, Debug)]
pub(crate) struct JobLoad {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Records neither signed nor rejected.
    pub(crate) backlog: u64,
    /// Records a second that all its workers sign; none before it was measured.
    pub(crate) rate: Option<u64>,
    /// Workers that the backlog needs.
    pub(crate) desired_workers: u32,
}

/// The ledger could not be read lately. Unknown is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the backlog is not known: Postgres was not read in the last {} seconds", STALE.as_secs())]
pub(crate) struct Unknown;

/// The loads of all jobs. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Loads(Arc<RwLock<Table>>);

#[derive(Default)]
struct Table {
    read: Option<Instant>,
    jobs: HashMap<Uuid, JobLoad>,
}

impl Loads {
    /// Begins to read, until `stop`. Before that, all is unknown.
    pub(crate) fn watch(&self, dependencies: Dependencies, live: Arc<Live>, cluster: String, stop: CancellationToken) {
        let reading = self.clone();
        tokio::spawn(async move {
            let mut rates = HashMap::new();
            let for_ever = async {
                loop {
                    reading.read(&dependencies, &live, &cluster, &mut rates).await;
                    tokio::time::sleep(EVERY).await;
                }
            };
            tokio::select! {
                () = for_ever => {}
                () = stop.cancelled() => {}
            }
        });
    }

    async fn read(&self, dependencies: &Dependencies, live: &Live, cluster: &str, rates: &mut HashMap<Uuid, Rate>) {
        let Ok(ledger) = dependencies.ledger() else { return };
        let begun = Instant::now();
        match vaultstream_ledger::at_work(&ledger, cluster).await {
            Ok(jobs) => {
                rates.retain(|uid, _| jobs.iter().any(|job| job.uid == *uid));
                let load = |job: AtWork| (job.uid, job_load(&job, live, rates.entry(job.uid).or_default(), begun));
                let jobs = jobs.into_iter().map(load).collect();
                *self.0.write().unwrap_or_else(PoisonError::into_inner) = Table { read: Some(begun), jobs };
            }
            Err(error) => tracing::debug!(error = crate::chain(&error), "the backlog could not be read"),
        }
    }

    /// A job's load; none inside when it is not at work.
    pub(crate) fn of(&self, uid: Uuid) -> Result<Option<JobLoad>, Unknown> {
        self.fresh(|jobs| jobs.get(&uid).cloned())
    }

    /// The loads of a namespace's jobs.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Result<Vec<JobLoad>, Unknown> {
        self.fresh(|jobs| jobs.values().filter(|job| job.namespace == namespace).cloned().collect())
    }

    /// The loads of all jobs.
    pub(crate) fn all(&self) -> Result<Vec<JobLoad>, Unknown> {
        self.fresh(|jobs| jobs.values().cloned().collect())
    }

    /// How long ago they were read; none before the first time.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).read.map(|at| at.elapsed())
    }

    /// As read just now, for tests of what uses them.
    #[cfg(test)]
    pub(crate) fn known(jobs: &[(Uuid, JobLoad)]) -> Self {
        let table = Table { read: Some(Instant::now()), jobs: jobs.iter().cloned().collect() };
        Self(Arc::new(RwLock::new(table)))
    }

    fn fresh<T>(&self, read: impl FnOnce(&HashMap<Uuid, JobLoad>) -> T) -> Result<T, Unknown> {
        let table = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match table.read {
            Some(at) if at.elapsed() < STALE => Ok(read(&table.jobs)),
            _ => Err(Unknown),
        }
    }
}

fn job_load(job: &AtWork, live: &Live, rate: &mut Rate, now: Instant) -> JobLoad {
    let backlog = job.progress.backlog.unsigned_abs();
    rate.note(Look { at: now, signed: job.progress.signed, workers: live.ready_workers(job.uid) });
    let load = Load {
        backlog,
        rate_per_worker: rate.per_worker(),
        time_left: job
            .spec
            .autoscaling
            .target_drain
            .as_ref()
            .zip(job.published_at)
            .map(|(drain, since)| drain.as_std().saturating_sub(since.elapsed().unwrap_or_default())),
    };
    JobLoad {
        namespace: job.namespace.clone(),
        name: job.name.clone(),
        backlog,
        rate: rate.of_all(now),
        desired_workers: workers::workers(&job.spec, &load),
    }
}

/// How many records were signed, and by how many workers then.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    signed: i64,
    workers: u32,
}

/// What a job's looks tell of its speed, over the last [`WORKER_WINDOW`].
#[derive(Default)]
struct Rate(VecDeque<Look>);

impl Rate {
    fn note(&mut self, look: Look) {
        self.0.push_back(look);
        while self.0.len() > 2 && self.0.front().is_some_and(|first| look.at - first.at > WORKER_WINDOW) {
            self.0.pop_front();
        }
    }

    /// Records a second of all workers, over the last [`RATE_WINDOW`].
    fn of_all(&self, now: Instant) -> Option<u64> {
        let mut looks = self.0.iter().rev().take_while(|look| now - look.at <= RATE_WINDOW);
        let last = looks.next()?;
        let first = looks.last()?;
        let seconds = (last.at - first.at).as_secs_f64();
        (seconds >= 0.5).then(|| ((last.signed - first.signed).max(0) as f64 / seconds).round() as u64)
    }

    /// Records a second of one worker; none before workers have had [`ENOUGH`] together. Time without workers does not
    /// count, and commits come in lumps: a rate from the first seconds would ask for far too many.
    fn per_worker(&self) -> Option<f64> {
        let (first, last) = (self.0.front()?, self.0.back()?);
        let spans = self.0.iter().zip(self.0.iter().skip(1));
        let worked: f64 = spans.map(|(one, next)| (next.at - one.at).as_secs_f64() * f64::from(one.workers)).sum();
        (worked >= ENOUGH.as_secs_f64()).then(|| (last.signed - first.signed).max(0) as f64 / worked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_measured_over_the_last_seconds_and_never_from_one_look() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::default();
        let mut look = |seconds, signed| {
            rate.note(Look { at: at(seconds), signed, workers: 2 });
            rate.of_all(at(seconds))
        };
        assert_eq!(look(0, 500), None);
        assert_eq!(look(2, 700), Some(100));
        assert_eq!(look(11, 700), Some(0), "what is older than the window does not count");
    }

    #[test]
    fn a_worker_is_measured_while_there_are_workers_and_not_at_once() {
        let start = Instant::now();
        let mut rate = Rate::default();
        let mut look = |seconds, signed, workers| {
            rate.note(Look { at: start + Duration::from_secs(seconds), signed, workers });
            rate.per_worker()
        };
        assert_eq!(look(0, 0, 0), None);
        assert_eq!(look(8, 0, 1), None, "nobody has worked yet");
        assert_eq!(look(12, 100, 1), None, "too early to tell");
        assert_eq!(look(18, 300, 2), Some(30.0));
        assert_eq!(look(23, 600, 2), Some(30.0), "two workers for five seconds are ten of one");
    }

    #[test]
    fn what_was_never_read_or_is_old_is_unknown() {
        let loads = Loads::default();
        assert_eq!(loads.of(Uuid::nil()).unwrap_err(), Unknown);
        loads.0.write().unwrap().read = Some(Instant::now());
        assert!(loads.of(Uuid::nil()).unwrap().is_none());
        loads.0.write().unwrap().read = Instant::now().checked_sub(STALE);
        assert_eq!(loads.in_namespace("default").unwrap_err(), Unknown);
    }
}
