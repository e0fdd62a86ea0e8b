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
    let rate = rate.measure(now, job.progress.signed);
    let ready = live.ready_workers(job.uid);
    let load = Load {
        backlog,
        rate_per_worker: rate.filter(|_| ready > 0).map(|rate| rate as f64 / f64::from(ready)),
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
        rate,
        desired_workers: workers::workers(&job.spec, &load),
    }
}

/// Records a second, over the last [`RATE_WINDOW`].
#[derive(Default)]
struct Rate(VecDeque<(Instant, i64)>);

impl Rate {
    fn measure(&mut self, now: Instant, signed: i64) -> Option<u64> {
        self.0.push_back((now, signed));
        while self.0.len() > 2 && self.0.front().is_some_and(|(at, _)| now - *at > RATE_WINDOW) {
            self.0.pop_front();
        }
        let (first, before) = self.0.front()?;
        let seconds = (now - *first).as_secs_f64();
        if seconds < 0.5 {
            return None;
        }
        Some(((signed - before).max(0) as f64 / seconds).round() as u64)
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
        assert_eq!(rate.measure(at(0), 500), None);
        assert_eq!(rate.measure(at(2), 700), Some(100));
        assert_eq!(rate.measure(at(12), 700), Some(0), "what is older than the window does not count");
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
