//! Waiting for a server that is down or restarts.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::class::ErrorKind;
use crate::error::QueryError;

/// How long a request waits for a server that restarts, once the ledger is connected.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);

/// Repeats `attempt` until it succeeds, fails for good, or `patience` is over.
pub(super) async fn patiently<T, F: Future<Output = Result<T, QueryError>>>(
    place: &str,
    patience: Duration,
    attempt: impl Fn() -> F,
) -> Result<T, QueryError> {
    let mut delays = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .without_max_times()
        .build();
    let asked = Instant::now();
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let left = patience.saturating_sub(asked.elapsed());
        if left.is_zero() || error.kind() != ErrorKind::Transient {
            return Err(error);
        }
        tracing::debug!(place, %error, "the database cannot be reached");
        tokio::time::sleep(delays.next().unwrap_or_default().min(left)).await;
    }
}
