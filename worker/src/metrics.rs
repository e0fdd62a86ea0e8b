//! The worker's metrics: one struct, registered in one place, passed by `Arc`. Label values come from enums only.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus::{
    Counter, CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, core::Collector,
};
use vaultstream_program::metrics::{Exposition, TracedHistogram};
use vaultstream_signing::Backend;
use vaultstream_trace::TraceId;

/// The one histogram whose buckets have exemplars.
const STAGE_SECONDS: &str = "vaultstream_worker_stage_seconds";

/// The steps that a unit passes, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for batches and gathering them.
    Gather,
    /// COPY of the payloads out of Postgres, decoding, hashing.
    Read,
    /// Waiting for a key token and taking the lease.
    Lease,
    /// Computing signatures.
    Sign,
    /// Checking signatures with another implementation.
    Verify,
    /// Merkle leaves and roots, COPY rows.
    Encode,
    /// The unit's transaction.
    Commit,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Stage; 7] =
        [Stage::Gather, Stage::Read, Stage::Lease, Stage::Sign, Stage::Verify, Stage::Encode, Stage::Commit];

    /// The value of the `stage` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Gather => "gather",
            Stage::Read => "read",
            Stage::Lease => "lease",
            Stage::Sign => "sign",
            Stage::Verify => "verify",
            Stage::Encode => "encode",
            Stage::Commit => "commit",
        }
    }
}

/// What a worker may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// The ledger.
    Postgres,
    /// The streams.
    Nats,
    /// The database of the table that is signed.
    Source,
    /// The service that holds the key-encryption key.
    Custody,
}

impl Dependency {
    /// Every dependency.
    pub const ALL: [Dependency; 4] = [Dependency::Postgres, Dependency::Nats, Dependency::Source, Dependency::Custody];

    /// The value of the `dependency` label.
    pub fn as_str(self) -> &'static str {
        match self {
            Dependency::Postgres => "postgres",
            Dependency::Nats => "nats",
            Dependency::Source => "source",
            Dependency::Custody => "custody",
        }
    }
}

/// Everything that `/metrics` shows.
pub struct Metrics {
    registry: Registry,
    /// Signatures committed.
    pub signed: IntCounter,
    /// Records rejected.
    pub rejected: IntCounter,
    /// Units committed.
    pub units: IntCounter,
    /// Records of a unit.
    pub unit_records: Histogram,
    /// Batches that JetStream delivered more than once.
    pub redelivered: IntCounter,
    /// Batches that were signed already when their message came, or their unit to commit.
    pub already_signed: IntCounter,
    /// Messages that named a batch which the ledger does not know.
    pub unknown: IntCounter,
    /// Messages that cannot be read, or belong to another job.
    pub unusable: IntCounter,
    /// Leases lost before the commit.
    pub leases_lost: IntCounter,
    /// Units given back because no key came free in time.
    pub key_starved: IntCounter,
    /// Failed attempts at signing or verifying, counted in the ledger.
    pub attempts_failed: IntCounter,
    /// Keys set aside because their rows are damaged.
    pub keys_damaged: IntCounter,
    /// Units in flight.
    pub in_flight: IntGauge,
    backends_withdrawn: IntCounterVec,
    stage_seconds: TracedHistogram,
    cpu_seconds: CounterVec,
    breaker_open: GaugeVec,
    dependency_failures: IntCounterVec,
}

fn unit_records() -> Result<Histogram, prometheus::Error> {
    let options = HistogramOpts::new("vaultstream_worker_unit_records", "Records of a committed unit.");
    Histogram::with_opts(options.buckets(prometheus::exponential_buckets(10.0, 4.0, 8)?))
}

impl Metrics {
    /// Creates and registers every metric.
    ///
    /// # Errors
    /// When two metrics share a name, which only a change to this file can cause.
    pub fn new() -> Result<Self, prometheus::Error> {
        let metrics = Self {
            signed: IntCounter::new("vaultstream_worker_signed_records_total", "Signatures committed to the ledger.")?,
            rejected: IntCounter::new("vaultstream_worker_rejected_records_total", "Records rejected, with a reason.")?,
            units: IntCounter::new("vaultstream_worker_units_total", "Units committed, each in one transaction.")?,
            unit_records: unit_records()?,
            redelivered: IntCounter::new(
                "vaultstream_worker_redelivered_batches_total",
                "Batches that JetStream delivered more than once.",
            )?,
            already_signed: IntCounter::new(
                "vaultstream_worker_already_signed_batches_total",
                "Batches that were signed already when their message was delivered or their unit came to commit.",
            )?,
            unknown: IntCounter::new(
                "vaultstream_worker_unknown_batches_total",
                "Messages removed because the ledger does not know the batch that they name.",
            )?,
            unusable: IntCounter::new(
                "vaultstream_worker_unusable_messages_total",
                "Messages removed because they cannot be read or belong to another job.",
            )?,
            leases_lost: IntCounter::new("vaultstream_worker_leases_lost_total", "Key leases lost before a commit.")?,
            key_starved: IntCounter::new(
                "vaultstream_worker_key_starved_units_total",
                "Units returned because no key became free within five seconds.",
            )?,
            attempts_failed: IntCounter::new(
                "vaultstream_worker_failed_attempts_total",
                "Batches whose signing or verification failed, counted in the ledger.",
            )?,
            keys_damaged: IntCounter::new(
                "vaultstream_worker_damaged_keys_total",
                "Keys set aside because their rows in the ledger are damaged.",
            )?,
            in_flight: IntGauge::new("vaultstream_worker_units_in_flight", "Units between gathering and commit.")?,
            backends_withdrawn: IntCounterVec::new(
                Opts::new(
                    "vaultstream_worker_withdrawn_backends_total",
                    "Signing backends withdrawn after a wrong signature, a refusal to sign or a failed self-test.",
                ),
                &["backend"],
            )?,
            stage_seconds: TracedHistogram::new(
                HistogramOpts::new(STAGE_SECONDS, "Wall time of one unit in a pipeline stage.")
                    .buckets(prometheus::exponential_buckets(0.000_25, 2.0, 18)?),
                &["stage"],
            )?,
            cpu_seconds: CounterVec::new(
                Opts::new("vaultstream_worker_cpu_seconds_total", "Processor time of the stages that compute."),
                &["stage"],
            )?,
            breaker_open: GaugeVec::new(
                Opts::new(
                    "vaultstream_worker_breaker_state",
                    "Circuit breaker of a dependency: 0 closed, 0.5 half-open, 1 open.",
                ),
                &["dependency"],
            )?,
            dependency_failures: IntCounterVec::new(
                Opts::new("vaultstream_worker_dependency_failures_total", "Failed calls to a dependency."),
                &["dependency"],
            )?,
            registry: Registry::new(),
        };
        metrics.collectors().into_iter().try_for_each(|collector| metrics.registry.register(collector))?;
        metrics.begin_series();
        Ok(metrics)
    }

    /// Series whose labels are known are there from the start: a rate needs a beginning.
    fn begin_series(&self) {
        for dependency in Dependency::ALL {
            self.breaker(dependency).set(0.0);
            drop(self.dependency_failures.with_label_values(&[dependency.as_str()]));
        }
        for backend in Backend::ALL {
            drop(self.backends_withdrawn.with_label_values(&[backend.as_str()]));
        }
    }

    fn collectors(&self) -> [Box<dyn Collector>; 18] {
        let Self {
            registry: _,
            signed,
            rejected,
            units,
            unit_records,
            redelivered,
            already_signed,
            unknown,
            unusable,
            leases_lost,
            key_starved,
            attempts_failed,
            keys_damaged,
            in_flight,
            backends_withdrawn,
            stage_seconds,
            cpu_seconds,
            breaker_open,
            dependency_failures,
        } = self;
        [
            Box::new(signed.clone()),
            Box::new(rejected.clone()),
            Box::new(units.clone()),
            Box::new(unit_records.clone()),
            Box::new(redelivered.clone()),
            Box::new(already_signed.clone()),
            Box::new(unknown.clone()),
            Box::new(unusable.clone()),
            Box::new(leases_lost.clone()),
            Box::new(key_starved.clone()),
            Box::new(attempts_failed.clone()),
            Box::new(keys_damaged.clone()),
            Box::new(in_flight.clone()),
            Box::new(backends_withdrawn.clone()),
            Box::new(stage_seconds.clone()),
            Box::new(cpu_seconds.clone()),
            Box::new(breaker_open.clone()),
            Box::new(dependency_failures.clone()),
        ]
    }

    /// Every metric, for the reference documentation: name, labels, meaning.
    ///
    /// # Errors
    /// As [`Metrics::new`].
    pub fn catalogue() -> Result<Vec<(String, Vec<String>, String)>, prometheus::Error> {
        let collectors = Self::new()?.collectors();
        let descriptions = collectors.iter().flat_map(|collector| collector.desc());
        Ok(descriptions
            .map(|metric| (metric.fq_name.clone(), metric.variable_labels.clone(), metric.help.clone()))
            .collect())
    }

    /// Measures wall time until the guard is dropped, of a unit in this trace.
    pub fn time(&self, stage: Stage, trace: Option<TraceId>) -> StageTimer<'_> {
        StageTimer { metrics: self, stage, trace, started: Instant::now() }
    }

    /// Adds processor time to a stage.
    pub fn add_cpu(&self, stage: Stage, time: Duration) {
        self.cpu(stage).inc_by(time.as_secs_f64());
    }

    /// Processor time of a stage so far, in seconds.
    pub fn cpu_seconds(&self, stage: Stage) -> f64 {
        self.cpu(stage).get()
    }

    /// Wall time of all units in a stage so far, in seconds.
    pub fn stage_seconds(&self, stage: Stage) -> f64 {
        self.stage_seconds.sum(&[stage.as_str()])
    }

    /// The gauge of a dependency's circuit breaker.
    pub fn breaker(&self, dependency: Dependency) -> Gauge {
        self.breaker_open.with_label_values(&[dependency.as_str()])
    }

    /// Counts a failed call to a dependency.
    pub fn dependency_failed(&self, dependency: Dependency) {
        self.dependency_failures.with_label_values(&[dependency.as_str()]).inc();
    }

    /// Counts a withdrawn backend.
    pub fn backend_withdrawn(&self, backend: Backend) {
        self.backends_withdrawn.with_label_values(&[backend.as_str()]).inc();
    }

    /// What Prometheus scrapes.
    pub fn exposition(&self) -> Exposition {
        Exposition::of(&self.registry, &[(STAGE_SECONDS, &self.stage_seconds)])
    }

    fn cpu(&self, stage: Stage) -> Counter {
        self.cpu_seconds.with_label_values(&[stage.as_str()])
    }
}

/// The metrics of work on one unit.
pub struct UnitMetrics {
    metrics: Arc<Metrics>,
    trace: Option<TraceId>,
}

impl UnitMetrics {
    /// Of a unit in this trace, where it has one.
    pub fn new(metrics: &Arc<Metrics>, trace: Option<TraceId>) -> Self {
        Self { metrics: Arc::clone(metrics), trace }
    }

    /// Measures wall time until the guard is dropped.
    pub fn time(&self, stage: Stage) -> StageTimer<'_> {
        self.metrics.time(stage, self.trace)
    }

    /// Adds the wall time that the unit spent in a stage.
    pub fn add_wall(&self, stage: Stage, time: Duration) {
        self.metrics.stage_seconds.observe(&[stage.as_str()], time.as_secs_f64(), self.trace);
    }

    /// Adds processor time to a stage.
    pub fn add_cpu(&self, stage: Stage, time: Duration) {
        self.metrics.add_cpu(stage, time);
    }
}

/// Observes the time since its creation when it is dropped.
pub struct StageTimer<'a> {
    metrics: &'a Metrics,
    stage: Stage,
    /// The trace of the unit, where it has one.
    pub trace: Option<TraceId>,
    started: Instant,
}

impl Drop for StageTimer<'_> {
    fn drop(&mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        self.metrics.stage_seconds.observe(&[self.stage.as_str()], seconds, self.trace);
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_program::metrics::Format;

    use super::*;

    #[test]
    fn every_metric_is_registered_and_shown() {
        let metrics = Metrics::new().unwrap();
        drop(metrics.time(Stage::Sign, None));
        metrics.add_cpu(Stage::Sign, Duration::from_millis(5));
        metrics.breaker(Dependency::Nats).set(1.0);
        metrics.dependency_failed(Dependency::Postgres);
        let text = metrics.exposition().text(Format::Prometheus).unwrap();
        for name in [
            "signed_records_total",
            "stage_seconds_bucket{stage=\"sign\"",
            "cpu_seconds_total{stage=\"sign\"} 0.005",
            "breaker_state{dependency=\"nats\"} 1",
            "dependency_failures_total{dependency=\"postgres\"} 1",
            "units_in_flight 0",
        ] {
            assert!(text.contains(&format!("vaultstream_worker_{name}")), "{name} is missing from:\n{text}");
        }
    }
}
