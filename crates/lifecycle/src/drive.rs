//! The loop around [`Driver::advance`], the same wherever a job is driven: operator, command line, benchmark and tests.
//!
//! ```text
//! ┌─▶ before_step ──stop──▶ Stopped
//! │        ▼
//! │     advance ──ended──▶ Ended
//! │        ├─failed─▶ on_failure ──give up──▶ Err
//! │        ▼                ▼
//! └── pause asked for ◀─ backoff        a reconnect of NATS ends either pause
//! ```

use std::{ops::ControlFlow, time::Duration};

use vaultstream_ledger::JobState;
use vaultstream_streams::Backoff;

use crate::{Advance, Driver, LifecycleError, Outcome};

/// The delay before a failed step is tried again.
const RETRY: Backoff = Backoff::new(Duration::from_millis(400), Duration::from_secs(2));

/// Why driving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driven {
    /// The job is over.
    Ended(Outcome),
    /// The [`Watch`] stopped it.
    Stopped,
}

/// What the caller of [`drive`] does between steps and after a failed one.
pub trait Watch: Send {
    /// What driving fails with.
    type Error: From<LifecycleError> + Send;

    /// The state of the job that stops driving; `None` to drive it to its end.
    fn until(&self) -> Option<JobState> {
        None
    }

    /// Runs before each step. `Break` stops driving.
    fn before_step(&mut self, _: &mut Driver) -> impl Future<Output = Result<ControlFlow<()>, Self::Error>> + Send {
        std::future::ready(Ok(ControlFlow::Continue(())))
    }

    /// Runs after a failed step. `Ok` tries it again after a pause.
    fn on_failure(&mut self, error: LifecycleError) -> impl Future<Output = Result<(), Self::Error>> + Send {
        std::future::ready(retry_outage(error).map_err(Into::into))
    }
}

/// Drives a job to the end that `watch` allows. May be dropped at any instant.
///
/// # Errors
/// Those of `watch`.
pub async fn drive<W: Watch>(driver: &mut Driver, watch: &mut W) -> Result<Driven, W::Error> {
    let driven = repeat(driver, watch).await;
    driver.trace.pause();
    driven
}

async fn repeat<W: Watch>(driver: &mut Driver, watch: &mut W) -> Result<Driven, W::Error> {
    let mut connection = driver.streams.connection();
    let mut failures = 0;
    loop {
        if watch.before_step(driver).await?.is_break() {
            return Ok(Driven::Stopped);
        }
        // On the heap, so that a job that waits holds no room for a step.
        let pause = match Box::pin(step(driver, watch.until())).await {
            Ok(ControlFlow::Break(driven)) => return Ok(driven),
            Ok(ControlFlow::Continue(pause)) => {
                failures = 0;
                pause
            }
            Err(error) => {
                watch.on_failure(error).await?;
                failures += 1;
                RETRY.at_least_half(failures - 1)
            }
        };
        if pause > Duration::ZERO {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = connection.reconnected() => driver.recheck(),
            }
        }
    }
}

/// One step, unless the job is in the state `until` already. Continues with the pause before the next one.
async fn step(driver: &mut Driver, until: Option<JobState>) -> Result<ControlFlow<Driven, Duration>, LifecycleError> {
    if until.is_some() && driver.state().await? == until {
        return Ok(ControlFlow::Break(Driven::Stopped));
    }
    Ok(match driver.advance().await? {
        Advance::Ended(outcome) => ControlFlow::Break(Driven::Ended(outcome)),
        Advance::Again => ControlFlow::Continue(Duration::ZERO),
        Advance::After(pause) => ControlFlow::Continue(pause),
    })
}

/// Reports an outage, after which the same step is worth another try.
///
/// # Errors
/// Returns every other error.
pub fn retry_outage(error: LifecycleError) -> Result<(), LifecycleError> {
    if !error.is_unavailable() {
        return Err(error);
    }
    tracing::warn!(error = &error as &dyn std::error::Error, "a dependency does not answer; trying again");
    Ok(())
}

/// Drives until the job is in this state, or without one to its end. Outages are waited out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Until(pub Option<JobState>);

impl Watch for Until {
    type Error = LifecycleError;

    fn until(&self) -> Option<JobState> {
        self.0
    }
}
