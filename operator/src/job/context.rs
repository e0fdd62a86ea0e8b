//! What every reconcile needs.

use std::{sync::Arc, time::Duration};

use kube::{Client, runtime::events::Recorder};
use tokio::sync::{Notify, watch};

use crate::{
    backoff::RetryDelays,
    config::WorkerPods,
    dependencies::Dependencies,
    job::{apply::AppliedHashes, children::ChildCache, status::StatusWriter},
    lifecycle::{job_supervisor::JobSupervisor, requeue::RequeueSender},
    metrics::Metrics,
    scaling::{backlog_cache::BacklogCache, scaler_selection::ClusterCapabilities},
};

/// Shared by all reconciles of one leader.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) dependencies: Dependencies,
    pub(crate) supervisor: JobSupervisor,
    pub(crate) children: Arc<ChildCache>,
    pub(crate) backlog: BacklogCache,
    pub(crate) capabilities: watch::Receiver<ClusterCapabilities>,
    /// A field that the SigningJob type in this cluster lacks; `None` when it has all.
    pub(crate) missing_field: watch::Receiver<Option<String>>,
    pub(crate) applied: AppliedHashes,
    pub(crate) status_writer: StatusWriter,
    pub(crate) recorder: Recorder,
    pub(crate) metrics: Metrics,
    pub(crate) retry_delays: RetryDelays,
    /// Notified when a deleted job still has its name in the ledger.
    pub(crate) leftovers: Arc<Notify>,
    /// The namespaces that are served; empty means all.
    pub(crate) namespaces: Vec<String>,
    /// The operator's own namespace.
    pub(crate) namespace: String,
    /// The uid of this cluster.
    pub(crate) cluster: String,
    /// The timestamping authorities that may be asked.
    pub(crate) allowed_tsas: Vec<String>,
    /// Requeues jobs for reconciles.
    pub(crate) requeue: RequeueSender,
    pub(crate) worker_image: String,
    /// Where workers send traces.
    pub(crate) otlp_endpoint: Option<String>,
    /// Workers run under a login that owns the ledger, too.
    pub(crate) allow_owner: bool,
    /// Whom the tokens of workers are for.
    pub(crate) token_audience: Option<String>,
    /// Where nodes have the socket of a KMS plugin.
    pub(crate) kms_directory: Option<String>,
    /// What the pods of all workers get.
    pub(crate) worker_pods: WorkerPods,
    /// Where KEDA reaches the operator.
    pub(crate) scaling_url: Option<String>,
    /// The most workers of all jobs together.
    pub(crate) worker_limit: u32,
    pub(crate) finalizer_timeout: Duration,
}
