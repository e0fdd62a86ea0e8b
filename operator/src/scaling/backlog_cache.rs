//! The backlog and the rate of every job that signs: one ledger query a second for all jobs, on every replica, for every
//! scaler.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::Source;
use vaultstream_ledger::{ActiveJob, FollowFigures, JobState};

use crate::{
    dependencies::Dependencies,
    scaling::{
        desired_workers::{Workload, desired_workers},
        lateness::Lateness,
        throughput::{Sample, Throughput},
    },
};

/// How often the ledger is queried.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Figures that are older are unknown.
const STALE_AFTER: Duration = Duration::from_secs(15);

/// What is known of a job that signs.
#[derive(Clone, Debug)]
pub(crate) struct JobLoad {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// Records neither signed nor rejected.
    pub(crate) backlog: u64,
    /// Records a second that all its workers sign together; `None` before it was measured.
    pub(crate) rate: Option<u64>,
    /// Workers that the backlog needs.
    pub(crate) desired_workers: u32,
    /// Whether its table can be read, and its trigger fires if the job follows it; `None` without a table.
    pub(crate) source_ready: Option<bool>,
    /// How far following its table is; `None` of a job that does not.
    pub(crate) following: Option<FollowLoad>,
}

/// How far a job is that follows its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FollowLoad {
    /// How old the oldest row is that is not signed.
    pub(crate) lag: Duration,
    /// How late it is, if it has a target for that.
    pub(crate) lateness: Option<Lateness>,
    /// Rows that had arrived and were in no batch when they were last read.
    pub(crate) waiting: u64,
    /// What else the ledger has of it.
    pub(crate) figures: FollowFigures,
    /// How often a checkpoint is made; `None` once `follow` was removed.
    pub(crate) checkpoint_every: Option<Duration>,
}

/// The ledger was not read lately. Unknown is never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the backlog is not known: Postgres was not read in the last {} seconds", STALE_AFTER.as_secs())]
pub(crate) struct BacklogUnknown;

/// The loads of all jobs, as they were read last. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct BacklogCache(Arc<RwLock<CachedLoads>>);

#[derive(Default)]
struct CachedLoads {
    read_at: Option<Instant>,
    jobs: HashMap<Uuid, JobLoad>,
}

impl BacklogCache {
    /// Starts to read the jobs of `cluster`, until `stop`. Before that, all is unknown. `ready_workers` returns how many
    /// workers of a job are ready.
    pub(crate) fn watch(
        &self,
        dependencies: Dependencies,
        ready_workers: impl Fn(Uuid) -> u32 + Send + Sync + 'static,
        cluster: String,
        stop: CancellationToken,
    ) {
        let reading = self.clone();
        tokio::spawn(async move {
            let mut throughputs = HashMap::new();
            let for_ever = async {
                loop {
                    reading.read(&dependencies, &ready_workers, &cluster, &mut throughputs).await;
                    tokio::time::sleep(POLL_INTERVAL).await;
                }
            };
            tokio::select! {
                () = for_ever => {}
                () = stop.cancelled() => {}
            }
        });
    }

    async fn read(
        &self,
        dependencies: &Dependencies,
        ready_workers: impl Fn(Uuid) -> u32,
        cluster: &str,
        throughputs: &mut HashMap<Uuid, Throughput>,
    ) {
        let Ok(ledger) = dependencies.ledger() else { return };
        let begun = Instant::now();
        match vaultstream_ledger::active_jobs(&ledger, cluster).await {
            Ok(jobs) => {
                throughputs.retain(|uid, _| jobs.iter().any(|job| job.uid == *uid));
                let load = |job: ActiveJob| {
                    let throughput = throughputs.entry(job.uid).or_default();
                    let workers = ready_workers(job.uid);
                    throughput.record(Sample { at: begun, signed: job.progress.signed, workers });
                    (job.uid, job_load(&job, throughput, workers, begun))
                };
                let jobs = jobs.into_iter().map(load).collect();
                *self.0.write() = CachedLoads { read_at: Some(begun), jobs };
            }
            Err(error) => tracing::debug!(error = vaultstream_program::chain(&error), "the backlog could not be read"),
        }
    }

    /// A job's load; `Ok(None)` when it does not sign.
    pub(crate) fn get(&self, uid: Uuid) -> Result<Option<JobLoad>, BacklogUnknown> {
        self.fresh(|jobs| jobs.get(&uid).cloned())
    }

    /// The loads of a namespace's jobs.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Result<Vec<JobLoad>, BacklogUnknown> {
        self.fresh(|jobs| jobs.values().filter(|job| job.namespace == namespace).cloned().collect())
    }

    /// The loads of all jobs.
    pub(crate) fn all(&self) -> Result<Vec<JobLoad>, BacklogUnknown> {
        self.fresh(|jobs| jobs.values().cloned().collect())
    }

    /// How long ago the ledger was read; `None` before the first time.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.0.read().read_at.map(|at| at.elapsed())
    }

    /// As if it had been read just now.
    #[cfg(test)]
    pub(crate) fn known(jobs: &[(Uuid, JobLoad)]) -> Self {
        let cached = CachedLoads { read_at: Some(Instant::now()), jobs: jobs.iter().cloned().collect() };
        Self(Arc::new(RwLock::new(cached)))
    }

    fn fresh<T>(&self, read: impl FnOnce(&HashMap<Uuid, JobLoad>) -> T) -> Result<T, BacklogUnknown> {
        let cached = self.0.read();
        match cached.read_at {
            Some(at) if at.elapsed() < STALE_AFTER => Ok(read(&cached.jobs)),
            _ => Err(BacklogUnknown),
        }
    }
}

fn job_load(job: &ActiveJob, throughput: &Throughput, workers: u32, now: Instant) -> JobLoad {
    let backlog = match job.progress.state {
        // A table that is being planned: enough for the one worker that plans it, so that no autoscaler removes it.
        JobState::Seeding => u64::from(job.spec.batch_size).min(job.spec.autoscaling.target_backlog).max(1),
        _ => job.progress.backlog.unsigned_abs(),
    };
    let following = follow_load(job, workers);
    let workload = Workload {
        backlog,
        rate_per_worker: throughput.per_worker(),
        time_left: time_left(job),
        follows: following.is_some(),
        lateness: following.and_then(|following| following.lateness),
    };
    JobLoad {
        namespace: job.namespace.clone(),
        name: job.name.clone(),
        backlog,
        rate: throughput.total_rate(now),
        desired_workers: desired_workers(&job.spec, &workload),
        source_ready: matches!(job.spec.source, Source::Table(_)).then_some(!job.source_fault),
        following,
    }
}

/// What is left of `autoscaling.targetDrain`. What follows a table has no end that could be late: each backlog has that long.
fn time_left(job: &ActiveJob) -> Option<Duration> {
    let drain = job.spec.autoscaling.target_drain?.as_std();
    match job.following {
        Some(_) => Some(drain),
        None => Some(drain.saturating_sub(job.published_at?.elapsed().unwrap_or_default())),
    }
}

fn follow_load(job: &ActiveJob, workers: u32) -> Option<FollowLoad> {
    let figures = job.following?;
    let lag = job.progress.lag.unwrap_or_default();
    let batches = (job.progress.batches.unwrap_or(0) - job.progress.batches_signed).max(0).unsigned_abs();
    let lateness = |target: Duration| Lateness { lag, target, workers, batches };
    Some(FollowLoad {
        lag,
        lateness: job.spec.autoscaling.target_lag.map(|target| lateness(target.as_std())),
        waiting: job.progress.waiting.unwrap_or(0).unsigned_abs(),
        figures,
        checkpoint_every: job.spec.follow.as_ref().map(|follow| follow.checkpoint.every.as_std()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use vaultstream_api::{GenerateSource, SigningJobSpec, Source};

    use vaultstream_ledger::Progress;

    use super::*;
    use crate::job::fixtures::progress;

    #[test]
    fn what_was_never_read_or_is_too_old_is_unknown() {
        let cache = BacklogCache::default();
        assert_eq!(cache.get(Uuid::nil()).unwrap_err(), BacklogUnknown);
        cache.0.write().read_at = Some(Instant::now());
        assert!(cache.get(Uuid::nil()).unwrap().is_none());
        cache.0.write().read_at = Instant::now().checked_sub(STALE_AFTER);
        assert_eq!(cache.in_namespace("default").unwrap_err(), BacklogUnknown);
    }

    #[test]
    fn a_table_that_is_planned_has_work_for_its_one_worker() {
        let mut job = with_deadline(Duration::ZERO);
        job.progress = Progress { state: JobState::Seeding, ..progress(0, 0, 0) };
        job.published_at = None;
        let load = job_load(&job, &Throughput::default(), 1, Instant::now());
        assert!(load.backlog > 0);
        assert_eq!(load.desired_workers, 1);
    }

    /// A job with 5,000 records left, which was published that long ago and is to be done in ten minutes.
    fn with_deadline(published: Duration) -> ActiveJob {
        let mut spec = SigningJobSpec::new(Source::Generate(GenerateSource { records: 6_000, payload_bytes: 32 }));
        spec.autoscaling.target_drain = Some("10m".parse().unwrap());
        ActiveJob {
            uid: Uuid::nil(),
            namespace: "default".to_owned(),
            name: "job".to_owned(),
            spec,
            published_at: SystemTime::now().checked_sub(published),
            progress: progress(1_000, 0, 5_000),
            following: None,
            source_fault: false,
        }
    }

    #[test]
    fn a_deadline_counts_from_the_first_published_batch() {
        let start = Instant::now();
        let mut throughput = Throughput::default();
        for (seconds, signed) in [(0, 0), (10, 100)] {
            throughput.record(Sample { at: start + Duration::from_secs(seconds), signed, workers: 1 });
        }
        let load = |minutes: u64| {
            let at = start + Duration::from_secs(10);
            job_load(&with_deadline(Duration::from_secs(60 * minutes)), &throughput, 1, at)
        };
        // One worker signs ten records a second.
        assert_eq!((load(0).rate, load(0).backlog), (Some(10), 5_000));
        assert_eq!([load(0), load(5), load(30)].map(|load| load.desired_workers), [1, 2, 10]);
        let mut follows = with_deadline(Duration::from_secs(60 * 30));
        follows.following = Some(figures());
        let at = start + Duration::from_secs(10);
        assert_eq!(job_load(&follows, &throughput, 1, at).desired_workers, 1, "each backlog has ten minutes");
    }

    fn figures() -> FollowFigures {
        FollowFigures { found: 0, look_age: Duration::ZERO, checkpoint_age: Duration::ZERO, uncovered_batches: 0 }
    }

    #[test]
    fn a_job_that_follows_has_one_worker_without_a_backlog_and_more_while_it_is_late() {
        let mut job = with_deadline(Duration::ZERO);
        job.spec.source = crate::job::fixtures::table();
        (job.spec.follow, job.following) = (Some(vaultstream_api::Follow::default()), Some(figures()));
        (job.spec.autoscaling.target_drain, job.spec.autoscaling.target_lag) = (None, Some("10s".parse().unwrap()));
        job.progress = Progress { lag: Some(Duration::ZERO), waiting: Some(7), ..progress(1_000, 0, 0) };
        let load = |job: &ActiveJob| job_load(job, &Throughput::default(), 2, Instant::now());
        let idle = load(&job);
        assert_eq!((idle.desired_workers, idle.source_ready, idle.following.unwrap().waiting), (1, Some(true), 7));
        job.progress.lag = Some(Duration::from_secs(25));
        (job.progress.batches, job.progress.batches_signed) = (Some(100), 3);
        assert_eq!(load(&job).desired_workers, 5);
        let lateness = load(&job).following.unwrap().lateness.unwrap();
        assert_eq!((lateness.batches, lateness.workers, lateness.counted()), (97, 2, Duration::from_secs(25)));
        job.spec.autoscaling.target_lag = None;
        assert_eq!(load(&job).desired_workers, 1, "without a target the lag decides nothing");
        job.source_fault = true;
        assert_eq!(load(&job).source_ready, Some(false));
    }
}
