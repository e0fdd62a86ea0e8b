//! Ctrl-C and SIGTERM: the first one is answered at once and lets what is in flight come to its end, the second one ends the
//! process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{error::Failure, output};

/// 128 and SIGINT, as shells tell it.
const BY_INTERRUPT: u8 = 130;
/// 128 and SIGTERM.
const BY_TERMINATE: u8 = 143;

/// For how long what blocks a thread may delay the end of the process.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// Tells when a signal asks the program to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    asked: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Interrupt {
    /// Listens from now on. `first` is said at the first signal.
    ///
    /// # Errors
    /// When the system does not let us listen.
    pub(crate) fn listen(first: &'static str) -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let heard = Self::default();
        let teller = heard.clone();
        tokio::spawn(async move {
            let code = next(&mut terminate, &mut interrupt).await;
            output::remark(first);
            teller.code.store(code, Ordering::Relaxed);
            teller.asked.cancel();
            let code = next(&mut terminate, &mut interrupt).await;
            output::hide();
            // Servers of ours end with us, what is committed is kept, and leases run out.
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

    /// Does the work; a signal to stop drops it.
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

async fn next(terminate: &mut tokio::signal::unix::Signal, interrupt: &mut tokio::signal::unix::Signal) -> u8 {
    tokio::select! {
        _ = terminate.recv() => BY_TERMINATE,
        _ = interrupt.recv() => BY_INTERRUPT,
    }
}

/// Does the work of a command that has nothing in flight: the first signal ends it.
///
/// # Errors
/// Those of the work, or that it was interrupted.
pub(crate) async fn until_signal<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let interrupt = Interrupt::listen("stopping").map_err(|error| Failure::of(&error))?;
    interrupt.or(work).await.unwrap_or_else(|| Err(interrupt.failure("interrupted")))
}
