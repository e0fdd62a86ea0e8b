//! A circuit breaker per dependency: closed, open, half-open.
//!
//! The first failure opens it. While it is open nothing is pulled and lanes wait; one of the waiters probes with
//! exponential backoff and full jitter, and a probe that succeeds closes it for all. Failures of a dependency count no
//! attempt against a record.

use std::{sync::Arc, time::Duration};

use prometheus::Gauge;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use vaultstream_program::chain;
use vaultstream_streams::Backoff;

use crate::metrics::{Dependency, Metrics};

/// The delay before a probe.
const PROBES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// Whether a dependency may be used.
#[derive(Clone)]
pub(crate) struct Breaker {
    dependency: Dependency,
    closed: Arc<watch::Sender<bool>>,
    probing: Arc<Mutex<()>>,
    gauge: Gauge,
    metrics: Arc<Metrics>,
}

impl Breaker {
    /// A closed breaker.
    pub(crate) fn new(dependency: Dependency, metrics: Arc<Metrics>) -> Self {
        let gauge = metrics.breaker(dependency);
        gauge.set(0.0);
        Self { dependency, closed: Arc::new(watch::Sender::new(true)), probing: Arc::default(), gauge, metrics }
    }

    /// Whether calls may be made.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Opens it after a failure, which is logged once for all that fail meanwhile.
    pub(crate) fn trip(&self, cause: &dyn std::error::Error) {
        self.metrics.dependency_failed(self.dependency);
        let opened = self.closed.send_if_modified(|closed| std::mem::replace(closed, false));
        if opened {
            self.gauge.set(1.0);
            tracing::warn!(dependency = self.dependency.as_str(), error = %chain(cause), "a dependency failed; waiting for it");
        }
    }

    /// Returns once calls may be made again, or when `stop` was cancelled. The first caller probes for all.
    pub(crate) async fn wait_closed<F: Future<Output = bool>>(&self, stop: &CancellationToken, probe: impl Fn() -> F) {
        if self.is_closed() {
            return;
        }
        let _only_prober = tokio::select! {
            guard = self.probing.lock() => guard,
            () = stop.cancelled() => return,
        };
        let mut attempt = 0;
        while !self.is_closed() {
            let pause = PROBES.jittered(attempt, &mut rand::rng());
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return,
            }
            self.gauge.set(0.5);
            if probe().await {
                self.gauge.set(0.0);
                self.closed.send_replace(true);
                tracing::info!(dependency = self.dependency.as_str(), "the dependency is back");
            } else {
                self.gauge.set(1.0);
                attempt = attempt.saturating_add(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn one_waiter_probes_and_closes_it_for_all() {
        let breaker = Breaker::new(Dependency::Postgres, Arc::new(Metrics::new().unwrap()));
        breaker.trip(&std::io::Error::other("gone"));
        assert!(!breaker.is_closed());
        let probes = AtomicU32::new(0);
        let stop = CancellationToken::new();
        let probe = || async { probes.fetch_add(1, Ordering::SeqCst) >= 4 };
        tokio::join!(breaker.wait_closed(&stop, probe), breaker.wait_closed(&stop, probe));
        assert!(breaker.is_closed());
        assert_eq!(probes.load(Ordering::SeqCst), 5, "a second waiter probed too");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait() {
        let breaker = Breaker::new(Dependency::Nats, Arc::new(Metrics::new().unwrap()));
        breaker.trip(&std::io::Error::other("gone"));
        let stop = CancellationToken::new();
        stop.cancel();
        breaker.wait_closed(&stop, || async { false }).await;
        assert!(!breaker.is_closed());
    }
}
