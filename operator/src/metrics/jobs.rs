//! The figures of jobs that sign, gathered anew for each scrape. A job that is gone has no figures, and neither has one whose
//! backlog is unknown.

use prometheus::{
    IntGaugeVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use crate::scaling::backlog_cache::BacklogCache;

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
}

impl JobFigures {
    pub(super) fn of(backlog: BacklogCache) -> Result<Self, prometheus::Error> {
        Ok(Self { backlog, empty: Gauges::new()? })
    }
}

impl Gauges {
    fn new() -> Result<Self, prometheus::Error> {
        let gauge = |name, help| IntGaugeVec::new(Opts::new(name, help), &["namespace", "signingjob"]);
        Ok(Self {
            backlog: gauge("job_backlog_records", "Records neither signed nor rejected, of running jobs")?,
            rate: gauge(
                "job_records_per_second",
                "Records signed a second, of running jobs; absent until it is measured",
            )?,
            desired: gauge("job_desired_workers", "Workers that the backlog needs, of running jobs")?,
        })
    }

    fn all(&self) -> [&IntGaugeVec; 3] {
        [&self.backlog, &self.rate, &self.desired]
    }
}

impl Collector for JobFigures {
    fn desc(&self) -> Vec<&Desc> {
        self.empty.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Unknown is never zero: while the ledger cannot be read there are no figures.
        let (Ok(jobs), Ok(gauges)) = (self.backlog.all(), Gauges::new()) else { return Vec::new() };
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for job in jobs {
            let labels = [job.namespace.as_str(), job.name.as_str()];
            gauges.backlog.with_label_values(&labels).set(number(job.backlog));
            gauges.desired.with_label_values(&labels).set(job.desired_workers.into());
            if let Some(rate) = job.rate {
                gauges.rate.with_label_values(&labels).set(number(rate));
            }
        }
        gauges.all().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Registry, TextEncoder};
    use uuid::Uuid;

    use super::*;
    use crate::scaling::backlog_cache::JobLoad;

    fn load(name: &str, rate: Option<u64>) -> JobLoad {
        JobLoad { namespace: "default".to_owned(), name: name.to_owned(), backlog: 7, rate, desired_workers: 2 }
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
