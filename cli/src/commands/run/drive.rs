//! Drives one job to its end, with a worker in the same process, and shows how far it is.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vaultstream_embedded::Servers;
use vaultstream_ledger::{
    Job, JobState, jobs,
    steps::{self, Deleted, Step},
};
use vaultstream_lifecycle::{self as lifecycle, Driver, LifecycleError, Settings, Watch};
use vaultstream_worker::{Shutdown, WorkError};

use super::context::RunContext;
use crate::{environment::Environment, error::Failure, interrupt::Interrupt, job::keep_nothing, progress::JobFollower};

/// The delay before a deletion is tried again that found the job locked.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// How long an interrupted run waits for the batches in flight.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);
/// How long it then waits for the worker to release them.
const ABORT_TIMEOUT: Duration = Duration::from_secs(3);

/// Why driving a job ended.
pub(super) enum DriveOutcome {
    /// The job is over.
    Ended,
    /// It is seeded, and no more was asked for.
    Seeded,
    /// The user stopped the program.
    Interrupted,
}

/// Drives the job until it is over or the user stops it.
///
/// # Errors
/// One sentence, for what waiting cannot mend.
pub(super) async fn drive(run: RunContext<'_>, job: &Job) -> Result<DriveOutcome, Failure> {
    let RunContext { environment, args, progress, .. } = run;
    if job.state.is_terminal() {
        return Ok(DriveOutcome::Ended);
    }
    let settings = Settings {
        repair_every: *args.repair_interval,
        batch_ack_wait: *args.batch_ack_wait,
        ..args.environment.nats.settings()
    };
    let mut driver = Driver::new(environment.ledger.clone(), environment.streams.clone(), job.id, settings);
    let follower = JobFollower::start(progress, environment.ledger.clone(), job);
    // The worker of this run says anew what it cannot read.
    jobs::forget_source_fault(&environment.ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    let until = args.seed_only.then_some(JobState::Signing);
    let driven = with_worker(run, &mut driver, job, until).await;
    follower.stop().await;
    driven
}

/// Drives the job to its end, or until it is in `until`, while a worker plans and signs it.
async fn with_worker(
    run: RunContext<'_>,
    driver: &mut Driver,
    job: &Job,
    until: Option<JobState>,
) -> Result<DriveOutcome, Failure> {
    let RunContext { environment, worker, interrupt, .. } = run;
    let worker_stop = Shutdown::default();
    let stopped = CancellationToken::new();
    let mut working = {
        let (worker, uid, stop, stopped) = (worker.clone(), job.uid, worker_stop.clone(), stopped.clone());
        tokio::spawn(async move {
            // Cancelled after an error and after a panic. When the worker returns because the job is over, the driver still has
            // to clean up.
            let failed = stopped.drop_guard();
            let result = worker.work_on(uid, &stop).await;
            if result.is_ok() {
                failed.disarm();
            }
            result
        })
    };
    let driven = tokio::select! {
        driven = advance_until(environment, driver, job, until) => driven,
        () = stopped.cancelled() => Ok(DriveOutcome::Ended),
        () = interrupt.asked() => Ok(DriveOutcome::Interrupted),
    };
    // However driving ended, the worker finishes its batches and releases its keys. After an error it cannot finish them.
    worker_stop.drain.cancel();
    if driven.is_err() {
        worker_stop.abort.cancel();
    }
    let worked = loop {
        tokio::select! {
            worked = &mut working => break Some(worked),
            // A COMMIT may never return.
            () = interrupted_for(interrupt, DRAIN_TIMEOUT), if !worker_stop.abort.is_cancelled() => worker_stop.abort.cancel(),
            () = interrupted_for(interrupt, ABORT_TIMEOUT), if worker_stop.abort.is_cancelled() => break None,
        }
    };
    let driven = driven?;
    if let Some(worked) = worked {
        worked.map_err(|error| Failure::of(&error))?.map_err(|error| worker_failure(&error))?;
    }
    Ok(if interrupt.is_asked() && !matches!(driven, DriveOutcome::Ended | DriveOutcome::Seeded) {
        DriveOutcome::Interrupted
    } else {
        driven
    })
}

/// Waits until `time` has passed since the interruption; without one, for ever.
async fn interrupted_for(interrupt: &Interrupt, time: Duration) {
    interrupt.asked().await;
    tokio::time::sleep(time).await;
}

fn worker_failure(error: &WorkError) -> Failure {
    match error {
        WorkError::Custody(custody) if custody.is_input() => Failure::input(error),
        _ => Failure::of(error),
    }
}

/// Drives the job until it is in `until`, or to its end.
async fn advance_until(
    environment: &Environment,
    driver: &mut Driver,
    job: &Job,
    until: Option<JobState>,
) -> Result<DriveOutcome, Failure> {
    let driven = lifecycle::drive(driver, &mut DrivenJob { environment, job, until }).await?;
    Ok(match driven {
        lifecycle::Driven::Ended(_) => DriveOutcome::Ended,
        lifecycle::Driven::Stopped => DriveOutcome::Seeded,
    })
}

/// A job while it is driven.
struct DrivenJob<'a> {
    environment: &'a Environment,
    job: &'a Job,
    until: Option<JobState>,
}

impl Watch for DrivenJob<'_> {
    type Error = Failure;

    fn until(&self) -> Option<JobState> {
        self.until
    }

    async fn on_failure(&mut self, error: LifecycleError) -> Result<(), Failure> {
        let Self { environment, job, .. } = *self;
        match error {
            error if error.is_unavailable() => match environment.servers.as_ref().and_then(Servers::failure) {
                Some(ended) => Err(Failure::input(&ended)),
                None => Ok(lifecycle::retry_outage(error)?),
            },
            // A job that is not planned yet has nothing worth keeping. One that signs can continue once its table is repaired.
            error @ LifecycleError::Source(_) if is_seeding(environment, job).await => {
                remove(environment, job).await;
                Err(Failure::input(&error))
            }
            error => Err(error.into()),
        }
    }
}

async fn is_seeding(environment: &Environment, job: &Job) -> bool {
    let now = jobs::by_id(&environment.ledger, job.id).await.ok().flatten();
    now.is_some_and(|job| job.state == JobState::Seeding)
}

/// Deletes a job whose source cannot be signed.
async fn remove(environment: &Environment, job: &Job) {
    let nothing = keep_nothing();
    while let Ok(Step::Done(Deleted::More) | Step::Busy) = steps::delete(&environment.ledger, job.id, &nothing).await {
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}
