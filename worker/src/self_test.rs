//! The backends' known answers, again and again: a processor may begin to compute wrongly long after the start.

use std::{convert::Infallible, time::Duration};

use vaultstream_signing::{Backend, Nonce};

use crate::{backends::withdraw, cpu::CpuPool, metrics::Metrics};

/// How often the backends are tested.
const SELF_TEST_INTERVAL: Duration = Duration::from_secs(3600);

/// Tests every backend that is in use, once an hour, and withdraws those that fail.
pub(crate) async fn repeat(cpu: &CpuPool, metrics: &Metrics) -> Infallible {
    // A pool that is gone signs nothing, either.
    let passes = |backend: Backend| async move { cpu.run(move || backend.self_test()).await.unwrap_or(true) };
    every_hour(passes, |backend| {
        withdraw(backend, Nonce::Hedged, "it failed its hourly known-answer test", metrics);
    })
    .await
}

async fn every_hour<F: Future<Output = bool>>(
    passes: impl Fn(Backend) -> F,
    mut failed: impl FnMut(Backend),
) -> Infallible {
    loop {
        tokio::time::sleep(SELF_TEST_INTERVAL).await;
        for backend in Backend::present() {
            if !passes(backend).await {
                failed(backend);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_backend_that_fails_its_test_is_reported_every_hour_and_no_other() {
        let mut failed = Vec::new();
        let testing = every_hour(async |backend| backend != Backend::Reference, |backend| failed.push(backend));
        let time = Duration::from_secs(2 * 3600 + 1800);
        assert!(tokio::time::timeout(time, testing).await.is_err());
        assert_eq!(failed, [Backend::Reference; 2]);
    }
}
