//! What Prometheus sees of the operator.

use prometheus::{Gauge, Histogram, HistogramOpts, IntCounterVec, Opts, Registry, TextEncoder};

/// All metrics, registered in one place.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) leading: Gauge,
    pub(crate) reconcile_seconds: Histogram,
    pub(crate) reconcile_errors: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("vaultstream_operator".to_owned()), None)?;
        let leading = Gauge::new("leading", "1 while this replica is the leader")?;
        let reconcile_seconds =
            Histogram::with_opts(HistogramOpts::new("reconcile_seconds", "Time that reconciles take"))?;
        let reconcile_errors =
            IntCounterVec::new(Opts::new("reconcile_errors_total", "Reconciles that failed, by step"), &["step"])?;
        registry.register(Box::new(leading.clone()))?;
        registry.register(Box::new(reconcile_seconds.clone()))?;
        registry.register(Box::new(reconcile_errors.clone()))?;
        Ok(Self { registry, leading, reconcile_seconds, reconcile_errors })
    }

    pub(crate) fn encode(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
