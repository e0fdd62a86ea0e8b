//! What every reconcile needs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use kube::{Client, runtime::events::Recorder};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::{
    apply::Applied,
    dependencies::Dependencies,
    dereference::Live,
    fleet::Fleet,
    metrics::Metrics,
    scaling::{choice::Offers, loads::Loads},
    status::Publisher,
};

/// Shared by all reconciles of one leader.
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) dependencies: Dependencies,
    pub(crate) fleet: Fleet,
    pub(crate) live: Arc<Live>,
    pub(crate) loads: Loads,
    pub(crate) offers: watch::Receiver<Offers>,
    /// A field that the SigningJob type in this cluster lacks.
    pub(crate) outdated: watch::Receiver<Option<String>>,
    pub(crate) applied: Applied,
    pub(crate) publisher: Publisher,
    pub(crate) recorder: Recorder,
    pub(crate) metrics: Metrics,
    pub(crate) failures: Failures,
    /// Told when a deleted job still has its name in the ledger.
    pub(crate) leftovers: Arc<Notify>,
    /// The namespaces looked after; empty means all.
    pub(crate) namespaces: Vec<String>,
    /// The operator's own namespace.
    pub(crate) namespace: String,
    /// The uid of this cluster.
    pub(crate) cluster: String,
    pub(crate) worker_image: String,
    /// Where KEDA reaches the operator.
    pub(crate) scaling_url: Option<String>,
    /// Workers of all jobs together.
    pub(crate) worker_limit: u32,
    pub(crate) finalizer_timeout: Duration,
}

/// `first`, doubled after every failure, `longest` at most.
pub(crate) fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    first.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(longest)
}

/// How often each object failed in a row: its retries come ever later.
#[derive(Default)]
pub(crate) struct Failures(Mutex<HashMap<Uuid, u32>>);

impl Failures {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(60);

    /// Counts a failure and answers how long to wait.
    pub(crate) fn pause(&self, uid: Uuid) -> Duration {
        let count = self.0.lock().map_or(0, |mut counts| {
            let count = counts.entry(uid).or_default();
            *count = count.saturating_add(1);
            *count
        });
        doubled(Self::FIRST, count, Self::LONGEST)
    }

    /// It went well.
    pub(crate) fn clear(&self, uid: Uuid) {
        if let Ok(mut counts) = self.0.lock() {
            counts.remove(&uid);
        }
    }
}
