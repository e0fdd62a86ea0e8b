//! Ctrl-C and SIGTERM. The first signal asks the program to finish what is in flight; the second ends the process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use vaultstream_program::signals::StopSignals;

use crate::{error::Failure, output};

/// How long blocked threads may delay the end of the process.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Tells when a signal asks the program to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    asked: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Interrupt {
    /// Begins to listen. At the first signal `first` is written to stderr.
    ///
    /// # Errors
    /// When the system refuses a signal handler.
    pub(crate) fn listen(first: &'static str) -> std::io::Result<Self> {
        let mut signals = StopSignals::listen()?;
        let heard = Self::default();
        let teller = heard.clone();
        tokio::spawn(async move {
            let code = signals.next().await.exit_code();
            output::remark(first);
            teller.code.store(code, Ordering::Relaxed);
            teller.asked.cancel();
            let code = signals.next().await.exit_code();
            output::hide();
            // Private servers end with this process, commits are kept, and leases expire.
            std::process::exit(i32::from(code));
        });
        Ok(heard)
    }

    /// Whether a signal asked the program to stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until a signal asks the program to stop.
    pub(crate) async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Does the work. `None` when a signal stopped it.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.asked() => None,
        }
    }

    /// The failure of a program that was stopped.
    pub(crate) fn failure(&self, message: impl Into<String>) -> Failure {
        Failure::interrupted(message, self.code.load(Ordering::Relaxed))
    }
}

/// Does the work of a command with nothing in flight: the first signal ends it.
///
/// # Errors
/// Those of the work, or that it was interrupted.
pub(crate) async fn until_signal<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let interrupt = Interrupt::listen("stopping").map_err(|error| Failure::of(&error))?;
    interrupt.or(work).await.unwrap_or_else(|| Err(interrupt.failure("interrupted")))
}
