//! The workers that a job is to have.

use crate::{config::WorkerPods, scaling::scaler_selection::Scaler};

/// The workers that a job is to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Staffing<'a> {
    pub(crate) image: &'a str,
    pub(crate) scaler: Scaler,
    /// The most workers that the job may have beside other jobs.
    pub(crate) max_workers: u32,
    /// Where KEDA reaches the operator.
    pub(crate) scaling_url: Option<&'a str>,
    /// Where workers send traces.
    pub(crate) otlp_endpoint: Option<&'a str>,
    /// Workers run under a login that owns the ledger, too.
    pub(crate) allow_owner: bool,
    /// Whom a token of the pod's ServiceAccount is for: the service that holds the key-encryption key. Without it there is no token.
    pub(crate) token_audience: Option<&'a str>,
    /// The folder of each node that has the socket of a KMS plugin. Without it pods have nothing of their node.
    pub(crate) kms_directory: Option<&'a str>,
    /// What the pods of all workers get.
    pub(crate) pods: Option<&'a WorkerPods>,
}
