//! What the parts of a worker share, and how all of them are stopped.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use vaultstream_custody::Wrappers;
use vaultstream_ledger::Ledger;
use vaultstream_signing::Backend;
use vaultstream_streams::Streams;

use crate::{
    breaker::Breaker, certification::Certification, cpu::CpuPool, memory_budget::MemoryBudget, metrics::Metrics,
};

/// How a worker is stopped: first `drain`, which finishes what is in flight; then, if need be, `abort`.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Stop pulling, finish and commit what was pulled, give keys back.
    pub drain: CancellationToken,
    /// Stop at once; what is in flight is delivered again.
    pub abort: CancellationToken,
}

/// What all sessions of a worker share.
pub(crate) struct Shared {
    pub(crate) ledger: Ledger,
    pub(crate) streams: Streams,
    pub(crate) wrappers: Arc<Wrappers>,
    /// How long a service that does not respond is waited for at start.
    pub(crate) connect_timeout: Duration,
    /// What certifies receipt keys.
    pub(crate) certification: Certification,
    pub(crate) backend: Backend,
    pub(crate) cpu: CpuPool,
    pub(crate) budget: MemoryBudget,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) postgres: Breaker,
    pub(crate) nats: Breaker,
    pub(crate) source: Breaker,
    pub(crate) custody: Breaker,
}
