//! A replica of the operator: what it has before it leads.

use kube::Client;

use crate::{
    config::Config, dependencies::Dependencies, metrics::Metrics, metrics_api::MetricsApi, permissions::OPERATOR,
    scaling::backlog_cache::BacklogCache,
};

/// What a replica has, whether it leads or not.
pub(crate) struct Replica {
    pub(crate) config: Config,
    pub(crate) client: Client,
    pub(crate) dependencies: Dependencies,
    pub(crate) metrics: Metrics,
    pub(crate) backlog: BacklogCache,
    /// The external metrics API; `None` when it is not served.
    pub(crate) metrics_api: Option<MetricsApi>,
}

impl Replica {
    /// Its name in the Lease and in Events.
    pub(crate) fn name(&self) -> String {
        self.config.name.clone().or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(|| OPERATOR.to_owned())
    }
}
