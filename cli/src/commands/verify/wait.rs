//! `--wait`: waits for a ledger, a job and its end.

use std::time::{Duration, Instant};

use vaultstream_ledger::Job;

use crate::{
    args::{JobArgs, LedgerArgs, SourceArgs},
    error::Failure,
    ledger::{self, OpenLedger},
    output,
};

const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Waits until the job has ended, at most until `timeout`, and returns it as it is then. A ledger or a job that does not exist
/// yet is waited for, too.
///
/// # Errors
/// After `timeout`, with what was missing then.
pub(super) async fn for_the_end(
    args: &LedgerArgs,
    source: &SourceArgs,
    job: &JobArgs,
    timeout: Duration,
) -> Result<(OpenLedger, Job), Failure> {
    let begun = Instant::now();
    let mut told = String::new();
    loop {
        let over = begun.elapsed() >= timeout;
        let missing = match open(args, source, job).await {
            Ok((opened, job)) if over || job.state.is_terminal() => return Ok((opened, job)),
            Ok((_, job)) => format!("the job is {}, not finished yet", job.state),
            Err(failure) if over => return Err(failure),
            Err(failure) => failure.message().to_owned(),
        };
        if missing != told {
            output::remark(format_args!("waiting: {missing}"));
            told = missing;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Opens the ledger and reads the job. A caller that waits closes the ledger again: as long as it is open no run can begin or
/// end in that data-dir.
pub(super) async fn open(args: &LedgerArgs, source: &SourceArgs, job: &JobArgs) -> Result<(OpenLedger, Job), Failure> {
    let opened = ledger::open_with_source(args, source, job.named()).await?;
    let job = opened.find(job).await?;
    Ok((opened, job))
}
