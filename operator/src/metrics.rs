//! What Prometheus sees of the operator. Figures of jobs are written when they are asked for: a job that is gone has none.

use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    core::{Collector, Desc},
};
use vaultstream_api::{Phase, ScalingMode};

use crate::{
    dependencies::Dependencies,
    reconcile::ReconcileError,
    scaling::{
        choice::{Offers, choose},
        loads::Loads,
    },
};

/// Before every name.
const PREFIX: &str = "vaultstream_operator";

/// Every metric, for the reference documentation: name, labels, meaning.
///
/// # Errors
/// When two metrics share a name, which only a change to this file can cause.
pub fn catalogue() -> Result<Vec<(String, Vec<String>, String)>, prometheus::Error> {
    let collectors = Metrics::new()?.collectors();
    let descriptions = collectors.iter().flat_map(|collector| collector.desc());
    let row =
        |metric: &Desc| (format!("{PREFIX}_{}", metric.fq_name), metric.variable_labels.clone(), metric.help.clone());
    Ok(descriptions.map(row).collect())
}

/// All metrics, registered in one place.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) leading: Gauge,
    pub(crate) reconcile_seconds: Histogram,
    pub(crate) reconcile_errors: IntCounterVec,
    /// Requests that change something, by what they change.
    pub(crate) writes: IntCounterVec,
    version: IntGaugeVec,
    jobs: IntGaugeVec,
    backlog: IntGaugeVec,
    rate: IntGaugeVec,
    desired: IntGaugeVec,
    dependencies: IntGaugeVec,
    offered: IntGaugeVec,
    read_age: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        const OF_JOB: [&str; 2] = ["namespace", "signingjob"];
        let gauges = |name, help, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let counters = |name, help, label| IntCounterVec::new(Opts::new(name, help), &[label]);
        let metrics = Self {
            registry: Registry::new_custom(Some(PREFIX.to_owned()), None)?,
            version: gauges("build_info", "1, with the version", &["version"])?,
            leading: Gauge::new("leading", "1 while this replica is the leader")?,
            reconcile_seconds: Histogram::with_opts(HistogramOpts::new(
                "reconcile_seconds",
                "Time that reconciles take",
            ))?,
            reconcile_errors: counters("reconcile_errors_total", "Reconciles that failed, by step", "step")?,
            writes: counters("writes_total", "Writes to the API server, by what is written", "what")?,
            jobs: gauges("jobs", "SigningJobs by phase, on the leader", &["phase"])?,
            backlog: gauges("job_backlog_records", "Records neither signed nor rejected, of jobs at work", &OF_JOB)?,
            rate: gauges("job_records_per_second", "Records signed a second, of jobs at work", &OF_JOB)?,
            desired: gauges("job_desired_workers", "Workers that the backlog needs, of jobs at work", &OF_JOB)?,
            dependencies: gauges("dependency_up", "1 while connected to it", &["dependency"])?,
            offered: gauges("scaling_offered", "1 while new jobs can be scaled this way, on the leader", &["mode"])?,
            read_age: Gauge::new("backlog_age_seconds", "How old the figures of jobs are")?,
        };
        metrics.collectors().into_iter().try_for_each(|collector| metrics.registry.register(collector))?;
        // From the start: a rate needs a beginning.
        metrics.version.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        ReconcileError::STEPS.iter().for_each(|step| drop(metrics.reconcile_errors.with_label_values(&[*step])));
        ["scale", "status"].iter().for_each(|what| drop(metrics.writes.with_label_values(&[*what])));
        Ok(metrics)
    }

    fn collectors(&self) -> [Box<dyn Collector>; 12] {
        [
            Box::new(self.version.clone()),
            Box::new(self.leading.clone()),
            Box::new(self.reconcile_seconds.clone()),
            Box::new(self.reconcile_errors.clone()),
            Box::new(self.writes.clone()),
            Box::new(self.jobs.clone()),
            Box::new(self.backlog.clone()),
            Box::new(self.rate.clone()),
            Box::new(self.desired.clone()),
            Box::new(self.dependencies.clone()),
            Box::new(self.offered.clone()),
            Box::new(self.read_age.clone()),
        ]
    }

    /// Counts the leader's jobs.
    pub(crate) fn count_jobs(&self, phases: impl Iterator<Item = Phase>) {
        let mut counts = Phase::ALL.map(|phase| (phase, 0));
        for phase in phases {
            if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == phase) {
                *count += 1;
            }
        }
        for (phase, count) in counts {
            self.jobs.with_label_values(&[phase.as_str()]).set(count);
        }
    }

    /// Notes which ways of scaling there are.
    pub(crate) fn note_offers(&self, offers: &Offers) {
        for mode in [ScalingMode::Hpa, ScalingMode::Keda] {
            let offered = choose(mode, None, offers).instead.is_none();
            self.offered.with_label_values(&[mode.as_str()]).set(offered.into());
        }
    }

    /// Everything, in Prometheus' text format.
    pub(crate) fn encode(&self, dependencies: &Dependencies, loads: &Loads) -> Result<String, prometheus::Error> {
        let up = |name: &str, is: bool| self.dependencies.with_label_values(&[name]).set(is.into());
        up("postgres", dependencies.ledger().is_ok());
        up("nats", dependencies.streams().is_ok());
        [&self.backlog, &self.rate, &self.desired].into_iter().for_each(IntGaugeVec::reset);
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        // Unknown is never zero: then there are no figures.
        for job in loads.all().unwrap_or_default() {
            let labels = [job.namespace.as_str(), job.name.as_str()];
            self.backlog.with_label_values(&labels).set(number(job.backlog));
            self.rate.with_label_values(&labels).set(number(job.rate.unwrap_or(0)));
            self.desired.with_label_values(&labels).set(job.desired_workers.into());
        }
        self.read_age.set(loads.age().map_or(f64::INFINITY, |age| age.as_secs_f64()));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
