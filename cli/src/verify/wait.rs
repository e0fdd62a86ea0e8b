//! Waiting for a job that somebody else drives.

use std::time::{Duration, Instant};

use crate::{args::VerifyArgs, error::Failure, ledger};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Returns when the job has ended; a ledger or a job that is not there yet is waited for, too.
///
/// # Errors
/// After `patience`, with what was missing then.
pub(super) async fn for_the_end(args: &VerifyArgs, patience: Duration) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut told = String::new();
    loop {
        let missing = match look(args).await {
            Ok(None) => return Ok(()),
            Ok(Some(state)) => Failure::failed(format!("the job is {state}, not finished yet")),
            Err(failure) => failure,
        };
        if begun.elapsed() >= patience {
            return Err(missing);
        }
        if missing.message() != told {
            eprintln!("waiting: {}", missing.message());
            missing.message().clone_into(&mut told);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The state of a job that has not ended; none when it has.
async fn look(args: &VerifyArgs) -> Result<Option<String>, Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let job = ledger::find(&opened.ledger, &args.job).await?;
    Ok((!job.state.is_final()).then(|| job.state.to_string()))
}
