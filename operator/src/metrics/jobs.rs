//! The figures of jobs that sign, gathered anew for each scrape. A job that is gone has no figures, and neither has one whose
//! backlog is unknown.

use std::time::Duration;

use prometheus::{
    GaugeVec, IntCounterVec, IntGaugeVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use crate::scaling::backlog_cache::{BacklogCache, FollowLoad, JobLoad};

/// Collects what [`BacklogCache`] has at that moment. Nothing is kept from one scrape to the next, so scrapes at the same time
/// cannot disturb each other.
#[derive(Clone)]
pub(super) struct JobFigures {
    backlog: BacklogCache,
    /// Without values: it only describes the metrics.
    empty: Gauges,
}

#[derive(Clone)]
struct Gauges {
    backlog: IntGaugeVec,
    rate: IntGaugeVec,
    desired: IntGaugeVec,
    source_ready: IntGaugeVec,
    lag: GaugeVec,
    waiting: IntGaugeVec,
    found: IntCounterVec,
    look_age: GaugeVec,
    checkpoint_age: GaugeVec,
    checkpoint_interval: GaugeVec,
    uncovered: IntGaugeVec,
}

impl JobFigures {
    pub(super) fn of(backlog: BacklogCache) -> Result<Self, prometheus::Error> {
        Ok(Self { backlog, empty: Gauges::new()? })
    }
}

/// Whose figures they are.
pub(super) const LABELS: [&str; 2] = ["namespace", "signingjob"];

impl Gauges {
    fn new() -> Result<Self, prometheus::Error> {
        let gauge = |name, help| IntGaugeVec::new(Opts::new(name, help), &LABELS);
        let seconds = |name, help| GaugeVec::new(Opts::new(name, help), &LABELS);
        Ok(Self {
            backlog: gauge("job_backlog_records", "Records neither signed nor rejected, of running jobs")?,
            rate: gauge(
                "job_records_per_second",
                "Records signed a second, of running jobs; absent until it is measured",
            )?,
            desired: gauge("job_desired_workers", "Workers that the backlog needs, of running jobs")?,
            source_ready: gauge(
                "job_source_ready",
                "1 while the table can be read, and its trigger fires if the job follows it, of running jobs of a table",
            )?,
            lag: seconds(
                "job_lag_seconds",
                "How old the oldest row is that is not signed, of jobs that follow a table",
            )?,
            waiting: gauge(
                "job_waiting_arrivals",
                "Rows that had arrived and were in no batch when they were last read, of jobs that follow a table",
            )?,
            found: IntCounterVec::new(
                Opts::new(
                    "job_reconciled_rows_total",
                    "Rows that the trigger did not see and a look through the table found, of jobs that follow it",
                ),
                &LABELS,
            )?,
            look_age: seconds(
                "job_look_age_seconds",
                "How long ago the whole table was looked through, of jobs that follow it",
            )?,
            checkpoint_age: seconds(
                "job_checkpoint_age_seconds",
                "How long ago the last checkpoint was made, of jobs that follow a table",
            )?,
            checkpoint_interval: seconds(
                "job_checkpoint_interval_seconds",
                "How often a checkpoint is to be made, as follow.checkpoint.every has it",
            )?,
            uncovered: gauge(
                "job_uncovered_batches",
                "Batches signed that no checkpoint covers, of jobs that follow a table",
            )?,
        })
    }

    fn all(&self) -> [&dyn Collector; 11] {
        [
            &self.backlog,
            &self.rate,
            &self.desired,
            &self.source_ready,
            &self.lag,
            &self.waiting,
            &self.found,
            &self.look_age,
            &self.checkpoint_age,
            &self.checkpoint_interval,
            &self.uncovered,
        ]
    }

    fn set(&self, job: &JobLoad) {
        let labels = [job.namespace.as_str(), job.name.as_str()];
        self.backlog.with_label_values(&labels).set(number(job.backlog));
        self.desired.with_label_values(&labels).set(job.desired_workers.into());
        if let Some(rate) = job.rate {
            self.rate.with_label_values(&labels).set(number(rate));
        }
        if let Some(ready) = job.source_ready {
            self.source_ready.with_label_values(&labels).set(ready.into());
        }
        if let Some(following) = &job.following {
            self.set_following(labels, following);
        }
    }

    fn set_following(&self, labels: [&str; 2], following: &FollowLoad) {
        let FollowLoad { lag, lateness: _, waiting, figures, checkpoint_every } = following;
        let set = |gauge: &GaugeVec, time: Duration| gauge.with_label_values(&labels).set(time.as_secs_f64());
        set(&self.lag, *lag);
        set(&self.look_age, figures.look_age);
        set(&self.checkpoint_age, figures.checkpoint_age);
        if let Some(every) = checkpoint_every {
            set(&self.checkpoint_interval, *every);
        }
        self.waiting.with_label_values(&labels).set(number(*waiting));
        self.found.with_label_values(&labels).inc_by(figures.found.max(0).unsigned_abs());
        self.uncovered.with_label_values(&labels).set(figures.uncovered_batches);
    }
}

pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Collector for JobFigures {
    fn desc(&self) -> Vec<&Desc> {
        self.empty.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Unknown is never zero: while the ledger cannot be read there are no figures.
        let (Ok(jobs), Ok(gauges)) = (self.backlog.all(), Gauges::new()) else { return Vec::new() };
        jobs.iter().for_each(|job| gauges.set(job));
        gauges.all().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Registry, TextEncoder};
    use uuid::Uuid;
    use vaultstream_ledger::FollowFigures;

    use super::*;

    fn load(name: &str, rate: Option<u64>) -> JobLoad {
        JobLoad {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            backlog: 7,
            rate,
            desired_workers: 2,
            source_ready: None,
            following: None,
        }
    }

    fn scrape(backlog: BacklogCache) -> String {
        let registry = Registry::new();
        registry.register(Box::new(JobFigures::of(backlog).unwrap())).unwrap();
        TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn a_rate_that_is_not_known_is_absent_and_one_of_zero_is_zero() {
        let scraped = scrape(BacklogCache::known(&[
            (Uuid::from_u128(1), load("new", None)),
            (Uuid::from_u128(2), load("idle", Some(0))),
        ]));
        let rates: Vec<_> = scraped.lines().filter(|line| line.starts_with("job_records_per_second{")).collect();
        assert_eq!(rates, [r#"job_records_per_second{namespace="default",signingjob="idle"} 0"#]);
        assert_eq!(scraped.matches("job_backlog_records{").count(), 2, "{scraped}");
    }

    #[test]
    fn only_a_job_that_follows_its_table_has_a_lag() {
        let figures = FollowFigures {
            found: 4,
            look_age: Duration::from_secs(3600),
            checkpoint_age: Duration::from_secs(50),
            uncovered_batches: 2,
        };
        let following = FollowLoad {
            lag: Duration::from_millis(1500),
            lateness: None,
            waiting: 3,
            figures,
            checkpoint_every: Some(Duration::from_secs(60)),
        };
        let follows = JobLoad { source_ready: Some(false), following: Some(following), ..load("follows", None) };
        let table = JobLoad { source_ready: Some(true), ..load("table", None) };
        let jobs = [follows, table, load("generated", None)];
        let jobs = jobs.map(|load| (Uuid::from_u128(load.name.len() as u128), load));
        let scraped = scrape(BacklogCache::known(&jobs));
        let of = |name: &str| {
            let label = format!("signingjob=\"{name}\"");
            let lines = scraped.lines().filter(|line| line.contains(&label));
            let lines = lines.map(|line| {
                let (name, rest) = line.split_once('{').unwrap();
                format!("{name} {}", rest.rsplit(' ').next().unwrap())
            });
            lines.filter(|line| !line.contains("backlog") && !line.contains("desired")).collect::<Vec<_>>()
        };
        let expected = [
            "job_checkpoint_age_seconds 50",
            "job_checkpoint_interval_seconds 60",
            "job_lag_seconds 1.5",
            "job_look_age_seconds 3600",
            "job_reconciled_rows_total 4",
            "job_source_ready 0",
            "job_uncovered_batches 2",
            "job_waiting_arrivals 3",
        ];
        assert_eq!(of("follows"), expected);
        assert_eq!(of("table"), ["job_source_ready 1"]);
        assert_eq!(of("generated"), Vec::<String>::new());
    }

    #[test]
    fn there_are_no_figures_while_the_ledger_is_not_known() {
        assert_eq!(scrape(BacklogCache::default()), "");
    }

    #[test]
    fn no_scrape_sees_a_job_without_its_figures_while_another_one_is_under_way() {
        let registry = Registry::new();
        let backlog = BacklogCache::known(&[(Uuid::from_u128(1), load("job", Some(3)))]);
        registry.register(Box::new(JobFigures::of(backlog).unwrap())).unwrap();
        let scrape = || {
            for _ in 0..2_000 {
                let families = registry.gather();
                assert_eq!(families.iter().map(|family| family.get_metric().len()).sum::<usize>(), 3, "{families:?}");
            }
        };
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(scrape);
            }
        });
    }
}
