//! Trying a service's call again.

use std::time::{Duration, Instant};

use crate::WrapperError;

/// How often a call is tried at most while the service does not respond as it should.
const ATTEMPTS: u32 = 3;

/// The delay before the second attempt; before the third one it is twice as long.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// No attempt begins later than this: after a call without a response the caller knows better how long to wait.
const RETRY_TIMEOUT: Duration = Duration::from_secs(3);

/// Repeats a call while another attempt may help.
pub(crate) async fn retry<T, F>(call: impl Fn() -> F) -> Result<T, WrapperError>
where
    F: Future<Output = Result<T, WrapperError>>,
{
    let begun = Instant::now();
    let mut attempt = 1;
    loop {
        match call().await {
            Err(error) if error.is_transient() && attempt < ATTEMPTS && begun.elapsed() < RETRY_TIMEOUT => {
                tokio::time::sleep(RETRY_INTERVAL * attempt).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}
