//! Waiting for the service that holds the key-encryption key.

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use vaultstream_ledger::Job;

use super::{Custody, CustodyError};
use crate::shared::Shared;

impl Custody {
    /// Unwraps the job's data key, or makes it. While the service that holds the key-encryption key does not respond, it is tried again,
    /// and the worker is not ready. After `connect_timeout` the worker ends, so that its termination message tells why; its successor
    /// tries again.
    ///
    /// # Errors
    /// [`CustodyError`].
    pub(crate) async fn open(shared: &Shared, job: &Job) -> Result<Self, CustodyError> {
        let first = Self::of_job(&shared.ledger, &shared.wrappers, job).await;
        let Err(error) = &first else { return first };
        if !error.is_transient() {
            return first;
        }
        shared.custody.trip(error);
        let latest = Mutex::new(first);
        let try_again = || async {
            let opened = Self::of_job(&shared.ledger, &shared.wrappers, job).await;
            let waits = matches!(&opened, Err(error) if error.is_transient());
            *latest.lock() = opened;
            !waits
        };
        // The caller is dropped when the worker is stopped.
        let never = CancellationToken::new();
        let wait = shared.custody.wait_closed(&never, try_again);
        // After the timeout the latest failure stands.
        let _ = tokio::time::timeout(shared.connect_timeout, wait).await;
        latest.into_inner()
    }
}
