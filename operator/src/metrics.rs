//! The operator's metrics for Prometheus.

mod jobs;
mod states;

use kube::{core::DeserializeGuard, runtime::reflector::Store};
use prometheus::{
    Gauge, HistogramOpts, IntCounterVec, IntGaugeVec, Opts, Registry,
    core::{Collector, Desc},
};
use vaultstream_api::{ScalingMode, SigningJob};
use vaultstream_program::metrics::{Exposition, TracedHistogram};

use jobs::JobFigures;
use states::JobStates;
pub(crate) use states::Watching;

use crate::{
    dependencies::Dependencies,
    scaling::{
        backlog_cache::BacklogCache,
        scaler_selection::{ClusterCapabilities, MetricsApiOwner, select_scaler},
    },
};

/// Before every name.
const PREFIX: &str = "vaultstream_operator";

/// The one histogram, whose buckets have exemplars.
const RECONCILE_SECONDS: &str = "reconcile_seconds";

/// A step of a reconcile that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReconcileStep {
    Finalizer,
    Apply,
    Scale,
    Status,
    Retry,
}

impl ReconcileStep {
    /// Every step.
    pub(crate) const ALL: [Self; 5] = [Self::Finalizer, Self::Apply, Self::Scale, Self::Status, Self::Retry];

    /// The label's value.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Finalizer => "finalizer",
            Self::Apply => "apply",
            Self::Scale => "scale",
            Self::Status => "status",
            Self::Retry => "retry",
        }
    }
}

/// Every metric, for the reference documentation: name, labels, meaning.
///
/// # Errors
/// When two metrics share a name, which only a change to this file can cause.
pub fn catalogue() -> Result<Vec<(String, Vec<String>, String)>, prometheus::Error> {
    let collectors = Metrics::new(BacklogCache::default())?.collectors();
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
    pub(crate) reconcile_seconds: TracedHistogram,
    pub(crate) reconcile_errors: IntCounterVec,
    /// Requests that change something, by what they change.
    pub(crate) writes: IntCounterVec,
    version: IntGaugeVec,
    states: JobStates,
    figures: JobFigures,
    dependencies: IntGaugeVec,
    offered: IntGaugeVec,
    owner: IntGaugeVec,
    read_age: Gauge,
}

impl Metrics {
    /// The figures of jobs are read from `backlog` at each scrape.
    pub(crate) fn new(backlog: BacklogCache) -> Result<Self, prometheus::Error> {
        let gauges = |name, help, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let counters = |name, help, label| IntCounterVec::new(Opts::new(name, help), &[label]);
        let metrics = Self {
            registry: Registry::new_custom(Some(PREFIX.to_owned()), None)?,
            version: gauges("build_info", "1, with the version", &["version"])?,
            leading: Gauge::new("leading", "1 while this replica is the leader")?,
            reconcile_seconds: TracedHistogram::new(
                HistogramOpts::new(RECONCILE_SECONDS, "Time that reconciles take"),
                &[],
            )?,
            reconcile_errors: counters("reconcile_errors_total", "Reconciles that failed, by step", "step")?,
            writes: counters("writes_total", "Writes to the API server, by what is written", "what")?,
            states: JobStates::new()?,
            figures: JobFigures::of(backlog)?,
            dependencies: gauges("dependency_up", "1 while connected to it", &["dependency"])?,
            offered: gauges("scaling_offered", "1 while new jobs can be scaled this way, on the leader", &["mode"])?,
            owner: gauges(
                "metrics_api_owner",
                "1 for what serves the external metrics API: operator, keda, other, none or unknown; on the leader",
                &["owner"],
            )?,
            read_age: Gauge::new("backlog_age_seconds", "How old the figures of jobs are")?,
        };
        metrics.collectors().into_iter().try_for_each(|collector| metrics.registry.register(collector))?;
        // Zero from the start: a rate needs a first value.
        metrics.version.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        ReconcileStep::ALL.iter().for_each(|step| drop(metrics.reconcile_errors.with_label_values(&[step.as_str()])));
        ["scale", "status"].iter().for_each(|what| drop(metrics.writes.with_label_values(&[*what])));
        Ok(metrics)
    }

    fn collectors(&self) -> [Box<dyn Collector>; 11] {
        [
            Box::new(self.version.clone()),
            Box::new(self.leading.clone()),
            Box::new(self.reconcile_seconds.clone()),
            Box::new(self.reconcile_errors.clone()),
            Box::new(self.writes.clone()),
            Box::new(self.states.clone()),
            Box::new(self.figures.clone()),
            Box::new(self.dependencies.clone()),
            Box::new(self.offered.clone()),
            Box::new(self.owner.clone()),
            Box::new(self.read_age.clone()),
        ]
    }

    /// Tells of these jobs for as long as the result is kept.
    pub(crate) fn watch_jobs(&self, stores: Vec<Store<DeserializeGuard<SigningJob>>>) -> Watching {
        self.states.watch(stores)
    }

    /// Sets which scalers new jobs can have, and what serves the metrics API.
    pub(crate) fn set_capabilities(&self, capabilities: &ClusterCapabilities) {
        for mode in [ScalingMode::Hpa, ScalingMode::Keda] {
            let offered = select_scaler(mode, None, capabilities).instead.is_none();
            self.offered.with_label_values(&[mode.as_str()]).set(offered.into());
        }
        let owner = capabilities.owner.as_str();
        for known in MetricsApiOwner::ALL_NAMES {
            self.owner.with_label_values(&[known]).set((known == owner).into());
        }
    }

    /// All metrics at this moment.
    pub(crate) fn exposition(&self, dependencies: &Dependencies, backlog: &BacklogCache) -> Exposition {
        let up = |name: &str, is: bool| self.dependencies.with_label_values(&[name]).set(is.into());
        up("postgres", dependencies.ledger().is_ok());
        up("nats", dependencies.streams().is_ok());
        self.read_age.set(backlog.age().map_or(f64::INFINITY, |age| age.as_secs_f64()));
        Exposition::of(&self.registry, &[(&format!("{PREFIX}_{RECONCILE_SECONDS}"), &self.reconcile_seconds)])
    }
}
