//! Jobs that have not ended, or not well: told before anything is checked, or waited for.

use std::time::{Duration, Instant};

use indicatif::HumanCount;
use vaultstream_ledger::{Job, JobState, Ledger, progress};

use super::problem::{Kind, Problem};
use crate::{
    args::VerifyArgs,
    error::Failure,
    ledger::{self, OpenLedger},
    output,
};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Returns the job when it has ended, or after `patience` as it is then; a ledger or a job that is not there yet is waited
/// for, too.
///
/// # Errors
/// After `patience`, with what was missing then.
pub(super) async fn for_the_end(args: &VerifyArgs, patience: Duration) -> Result<(OpenLedger, Job), Failure> {
    let begun = Instant::now();
    let mut told = String::new();
    loop {
        let over = begun.elapsed() >= patience;
        let missing = match look(args).await {
            Ok((opened, job)) if over || job.state.is_terminal() => return Ok((opened, job)),
            Ok((_, job)) => format!("the job is {}, not finished yet", job.state),
            Err(failure) if over => return Err(failure),
            Err(failure) => failure.message().to_owned(),
        };
        if missing != told {
            output::remark(format_args!("waiting: {missing}"));
            told = missing;
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

/// What is wrong with a job that is not Complete.
pub(super) async fn refusal(ledger: &Ledger, job: &Job) -> Result<Option<Problem>, Failure> {
    let (kind, end) = match job.state {
        JobState::Complete => return Ok(None),
        JobState::Failed => {
            let why = job.failure.as_deref().unwrap_or("the reason was not recorded");
            (Kind::Failed, format!("the job has failed: {why}"))
        }
        JobState::Deleting => (Kind::NotFinished, "the job is being deleted".to_owned()),
        state => (Kind::NotFinished, format!("the job is {state}, not finished yet")),
    };
    let done = how_far(ledger, job).await?;
    Ok(Some(Problem::new(kind, format!("{end}; {done}; --partial checks what there is"))))
}

/// How much of a job is signed.
pub(crate) async fn how_far(ledger: &Ledger, job: &Job) -> Result<String, Failure> {
    let counts = progress(ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    Ok(match (counts, job.total) {
        (Some(counts), Some(_)) => {
            let [signed, total] = [counts.signed, counts.total].map(|number| HumanCount(number.unsigned_abs()));
            format!("{signed} of {total} records are signed")
        }
        _ => "nothing is signed yet".to_owned(),
    })
}
