//! What `/metrics`, `/livez` and `/readyz` say.
//!
//! Ready: the SigningJob type is known to the API server, all watches are synced, and the metrics API, where it is served,
//! has its certificate. Without Postgres or NATS the operator is still ready: `/readyz?verbose` shows them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use vaultstream_program::{admin, metrics::Exposition};

use crate::{
    dependencies::Dependencies, metrics::Metrics, metrics_api::MetricsApi, permissions::METRICS_API,
    scaling::backlog_cache::BacklogCache,
};

/// What the responses are made of.
#[derive(Clone)]
pub(crate) struct Probes {
    pub(crate) metrics: Metrics,
    pub(crate) dependencies: Dependencies,
    pub(crate) backlog: BacklogCache,
    pub(crate) ready: Arc<AtomicBool>,
    /// Our metrics API, where it is served.
    pub(crate) metrics_api: Option<MetricsApi>,
}

impl admin::Probes for Probes {
    fn metrics(&self) -> Exposition {
        self.metrics.exposition(&self.dependencies, &self.backlog)
    }

    fn unready(&self) -> Option<&'static str> {
        match (self.ready.load(Ordering::Relaxed), self.metrics_api.as_ref().is_none_or(MetricsApi::is_loaded)) {
            (true, true) => None,
            (false, _) => Some("the SigningJob type is not known, or watches are not synced"),
            (true, false) => Some("the certificate of the metrics API is not loaded"),
        }
    }

    fn dependencies(&self) -> Vec<(&'static str, Option<String>)> {
        let metrics_api = self.metrics_api.as_ref().map(|served| (METRICS_API, served.fault()));
        let dependencies = [
            ("postgres", self.dependencies.ledger().err().map(|fault| fault.message)),
            ("nats", self.dependencies.streams().err().map(|fault| fault.message)),
        ];
        dependencies.into_iter().chain(metrics_api).collect()
    }
}
