//! Backends that are withdrawn: told once, in the log and in the metrics.

use vaultstream_signing::{Backend, Nonce, backend::Withdrawal};

use crate::metrics::Metrics;

/// Withdraws a backend of this process, and tells it once.
pub(crate) fn withdraw(backend: Backend, nonce: Nonce, why: &str, metrics: &Metrics) -> Withdrawal {
    let withdrawal = backend.withdraw(nonce, why);
    match withdrawal {
        Withdrawal::Now => {
            metrics.backend_withdrawn(backend);
            tracing::error!(%backend, "a signing backend was withdrawn and is not used any more in this process: {why}");
        }
        Withdrawal::Before => {}
        Withdrawal::Last => {
            tracing::error!(%backend, "a signing backend gives wrong results, and no other one can take its place: {why}");
        }
    }
    withdrawal
}
