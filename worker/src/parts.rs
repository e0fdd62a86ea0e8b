//! Closing partitions of a followed job's signatures, beside planning.

use std::{convert::Infallible, time::Duration};

use vaultstream_ledger::{
    JobId, Ledger,
    following::{PartStep, close_part},
};
use vaultstream_program::chain;

/// How often it is asked whether the open partition is to be closed.
const INTERVAL: Duration = Duration::from_secs(10);

/// Closes the open partition whenever it is due. Never returns; may be dropped at any step, and goes on elsewhere.
pub(crate) async fn close_when_due(ledger: &Ledger, job: JobId) -> Infallible {
    loop {
        match close_part(ledger, job).await {
            Ok(PartStep::Open | PartStep::Lost) => tokio::time::sleep(INTERVAL).await,
            Ok(step) => tracing::debug!(?step, "closing a partition of signatures"),
            // Whoever holds it may be gone by the next time.
            Err(error) => {
                if error.is_transient() {
                    tracing::debug!(error = chain(&error), "a partition of signatures is in use; trying again");
                } else {
                    tracing::warn!(error = chain(&error), "a partition of signatures was not closed; trying again");
                }
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }
}
