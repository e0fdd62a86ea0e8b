//! Drives one job to its end, with a worker in the same process, and shows how far it is.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vaultstream_api::{DeletionPolicy, Retention};
use vaultstream_embedded::Servers;
use vaultstream_ledger::{
    Job, JobState, RegisterError, jobs,
    steps::{self, Deleted, Step},
};
use vaultstream_lifecycle::{Advance, Driver, LifecycleError, Settings};
use vaultstream_worker::{Shutdown, WorkError, Worker};

use crate::{
    args::{Output, RunArgs},
    error::Failure,
    progress::Progress,
    site::Site,
};

/// Pause after a step that a dependency failed.
const PAUSE: Duration = Duration::from_millis(500);

/// How driving a job came to its end.
pub(crate) enum Driven {
    /// The job is over.
    Ended,
    /// It is seeded, and no more was asked for.
    Seeded,
    /// Ctrl-C.
    Interrupted,
}

/// Drives the job until it is over or the user stops it.
///
/// # Errors
/// One sentence, for what waiting cannot mend.
pub(crate) async fn drive(
    site: &Site,
    worker: &Worker,
    job: &Job,
    args: &RunArgs,
    shutdown: &Shutdown,
) -> Result<Driven, Failure> {
    if job.state.is_final() {
        return Ok(Driven::Ended);
    }
    let settings = Settings {
        repair_every: *args.repair_interval,
        batch_ack_wait: *args.batch_ack_wait,
        ..args.site.nats.settings()
    };
    let mut driver = Driver::new(site.ledger.clone(), site.streams.clone(), job.id, settings);
    if args.seed_only {
        return advance_until(site, &mut driver, job, shutdown, Some(JobState::Signing)).await;
    }
    let progress = Progress::start(site.ledger.clone(), job, args.output == Output::Text);
    let worker_stop = Shutdown { drain: shutdown.drain.child_token(), abort: shutdown.abort.child_token() };
    let stopped = CancellationToken::new();
    let working = {
        let (worker, uid, stop, stopped) = (worker.clone(), job.uid, worker_stop.clone(), stopped.clone());
        tokio::spawn(async move {
            // Fires for an error and for a panic. A worker that finds the job over is no reason to stop driving: the
            // driver has yet to clean up.
            let failed = stopped.drop_guard();
            let result = worker.work_on(uid, &stop).await;
            if result.is_ok() {
                failed.disarm();
            }
            result
        })
    };
    let driven = tokio::select! {
        driven = advance_until(site, &mut driver, job, shutdown, None) => driven,
        () = stopped.cancelled() => Ok(Driven::Ended),
    };
    // However driving ended, the worker finishes what it holds and gives its keys back, unless that cannot be.
    worker_stop.drain.cancel();
    if driven.is_err() {
        worker_stop.abort.cancel();
    }
    let worked = working.await.map_err(|error| Failure::of(&error))?;
    progress.stop().await;
    let driven = driven?;
    worked.map_err(|error| worker_failure(&error))?;
    if shutdown.drain.is_cancelled() {
        return Ok(Driven::Interrupted);
    }
    Ok(driven)
}

fn worker_failure(error: &WorkError) -> Failure {
    match error {
        WorkError::WrongKek(_) | WorkError::Kek(RegisterError::Wrong(_)) => Failure::input(error),
        _ => Failure::of(error),
    }
}

async fn advance_until(
    site: &Site,
    driver: &mut Driver,
    job: &Job,
    shutdown: &Shutdown,
    until: Option<JobState>,
) -> Result<Driven, Failure> {
    let mut link = site.streams.link();
    loop {
        if shutdown.drain.is_cancelled() {
            return Ok(Driven::Interrupted);
        }
        let pause = match driver.advance().await {
            Ok(Advance::Ended(_)) => return Ok(Driven::Ended),
            Ok(Advance::Again) => {
                if until.is_some() && reached(site, job, until).await {
                    return Ok(Driven::Seeded);
                }
                continue;
            }
            Ok(Advance::After(pause)) => pause,
            Err(error) if error.is_unavailable() => {
                if let Some(ended) = site.servers.as_ref().and_then(Servers::failure) {
                    return Err(Failure::input(&ended));
                }
                tracing::warn!(error = %vaultstream_worker::chain(&error), "a dependency does not answer; trying again");
                PAUSE
            }
            // Of a job that is not planned yet nothing is worth keeping; one that signs can continue once its table is mended.
            Err(error @ LifecycleError::Source(_)) if reached(site, job, Some(JobState::Seeding)).await => {
                remove(site, job).await;
                return Err(Failure::input(&error));
            }
            Err(error) => return Err(Failure::of(&error)),
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.drain.cancelled() => {}
            () = link.reconnected() => driver.look_again(),
        }
    }
}

async fn reached(site: &Site, job: &Job, state: Option<JobState>) -> bool {
    let now = jobs::by_id(&site.ledger, job.id).await.ok().flatten();
    now.map(|job| job.state) == state
}

/// A deletion that leaves nothing.
pub(crate) fn keep_nothing() -> DeletionPolicy {
    DeletionPolicy { signatures: Retention::Delete, records: Retention::Delete }
}

/// Nothing half-made stays behind for a source that cannot be signed.
async fn remove(site: &Site, job: &Job) {
    let nothing = keep_nothing();
    while let Ok(Step::Done(Deleted::More) | Step::Busy) = steps::delete(&site.ledger, job.id, &nothing).await {
        tokio::time::sleep(PAUSE).await;
    }
}
