//! Waiting for a job that somebody else drives.

use std::time::{Duration, Instant};

use vaultstream_ledger::Job;

use crate::{
    args::VerifyArgs,
    error::Failure,
    ledger::{self, OpenLedger},
    output,
};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Returns the job when it has ended; a ledger or a job that is not there yet is waited for, too.
///
/// # Errors
/// After `patience`, with what was missing then.
pub(super) async fn for_the_end(args: &VerifyArgs, patience: Duration) -> Result<(OpenLedger, Job), Failure> {
    let begun = Instant::now();
    let mut told = String::new();
    loop {
        let missing = match look(args).await {
            Ok((opened, job)) if job.state.is_final() => return Ok((opened, job)),
            Ok((_, job)) => Failure::failed(unfinished(&job)),
            Err(failure) => failure,
        };
        if begun.elapsed() >= patience {
            return Err(missing);
        }
        if missing.message() != told {
            output::remark(format_args!("waiting: {}", missing.message()));
            missing.message().clone_into(&mut told);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The job as it is now. The ledger is open no longer than for a look: a run cannot begin or end in a data-dir that is read.
pub(super) async fn look(args: &VerifyArgs) -> Result<(OpenLedger, Job), Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let job = ledger::find(&opened.ledger, &args.job).await?;
    Ok((opened, job))
}

/// What is wrong with a job that has not ended.
pub(super) fn unfinished(job: &Job) -> String {
    format!("the job is {}, not finished yet", job.state)
}
