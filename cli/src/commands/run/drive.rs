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
    args::RunArgs,
    error::Failure,
    interrupt::Interrupt,
    progress::{Following, Progress},
    site::Site,
};

/// Pause after a step that a dependency failed.
const PAUSE: Duration = Duration::from_millis(500);

/// For how long an interrupted run waits for what is in flight, and then for the worker to let go of it.
const DRAIN: Duration = Duration::from_secs(15);
const ABORT: Duration = Duration::from_secs(3);

/// How driving a job came to its end.
pub(crate) enum Driven {
    /// The job is over.
    Ended,
    /// It is seeded, and no more was asked for.
    Seeded,
    /// Somebody wants the program to stop.
    Interrupted,
}

/// What a run needs beside its jobs.
pub(crate) struct Driving<'a> {
    pub(crate) site: &'a Site,
    pub(crate) worker: &'a Worker,
    pub(crate) args: &'a RunArgs,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) progress: &'a Progress,
}

/// Drives the job until it is over or the user stops it.
///
/// # Errors
/// One sentence, for what waiting cannot mend.
pub(crate) async fn drive(with: &Driving<'_>, job: &Job) -> Result<Driven, Failure> {
    let Driving { site, args, interrupt, progress, .. } = *with;
    if job.state.is_terminal() {
        return Ok(Driven::Ended);
    }
    let settings = Settings {
        repair_every: *args.repair_interval,
        batch_ack_wait: *args.batch_ack_wait,
        ..args.site.nats.settings()
    };
    let mut driver = Driver::new(site.ledger.clone(), site.streams.clone(), job.id, settings);
    let following = Following::start(progress, site.ledger.clone(), job);
    let driven = if args.seed_only {
        let seeding = advance_until(site, &mut driver, job, Some(JobState::Signing));
        interrupt.or(seeding).await.unwrap_or(Ok(Driven::Interrupted))
    } else {
        sign(with, &mut driver, job).await
    };
    following.stop().await;
    driven
}

/// Drives with a worker beside.
async fn sign(with: &Driving<'_>, driver: &mut Driver, job: &Job) -> Result<Driven, Failure> {
    let Driving { site, worker, interrupt, .. } = *with;
    let worker_stop = Shutdown::default();
    let stopped = CancellationToken::new();
    let mut working = {
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
        driven = advance_until(site, driver, job, None) => driven,
        () = stopped.cancelled() => Ok(Driven::Ended),
        () = interrupt.asked() => Ok(Driven::Interrupted),
    };
    // However driving ended, the worker finishes what it holds and gives its keys back, unless that cannot be.
    worker_stop.drain.cancel();
    if driven.is_err() {
        worker_stop.abort.cancel();
    }
    let worked = loop {
        tokio::select! {
            worked = &mut working => break Some(worked),
            // Nobody waits for ever for a COMMIT that does not return.
            () = interrupted_for(interrupt, DRAIN), if !worker_stop.abort.is_cancelled() => worker_stop.abort.cancel(),
            () = interrupted_for(interrupt, ABORT), if worker_stop.abort.is_cancelled() => break None,
        }
    };
    let driven = driven?;
    if let Some(worked) = worked {
        worked.map_err(|error| Failure::of(&error))?.map_err(|error| worker_failure(&error))?;
    }
    Ok(if interrupt.is_asked() && !matches!(driven, Driven::Ended) { Driven::Interrupted } else { driven })
}

/// Waits until an interruption lies so long back; without one, for ever.
async fn interrupted_for(interrupt: &Interrupt, time: Duration) {
    interrupt.asked().await;
    tokio::time::sleep(time).await;
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
    until: Option<JobState>,
) -> Result<Driven, Failure> {
    let mut link = site.streams.connection();
    loop {
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
