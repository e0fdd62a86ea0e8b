//! Verification: every claim that a finished job makes, checked anew from what the ledger holds.
//!
//! - completeness: exactly one signature or one reject for each record, by SQL;
//! - signatures: by an implementation other than the one that made them;
//! - Merkle: batch roots from the rows (full), the job's root from the batch roots (always);
//! - receipt: its signature, and that it says what the ledger says.

mod batches;
mod receipt;
mod threads;
mod wait;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use vaultstream_ledger::{Job, JobState, Ledger, verify as ledger_verify};
use vaultstream_signing::Backend;

use crate::{
    args::{Output, VerifyArgs, VerifyMode},
    error::Failure,
    output,
    report::Report,
};

/// Signatures checked in `sample` mode.
pub const SAMPLE: u64 = 10_000;

/// What a verification found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Signatures checked.
    pub checked: u64,
    /// What checked them: another implementation than those that made them.
    pub checker: Option<Backend>,
    /// Records of a table whose payload was changed or deleted after it was signed.
    pub changed: u64,
    /// What is wrong, a sentence each; empty when all is well.
    pub problems: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// `vaultstream verify`.
///
/// # Errors
/// One sentence, when the ledger cannot be read. What is wrong with the job is told in the report.
pub async fn command(args: VerifyArgs) -> Result<ExitCode, Failure> {
    let (opened, job) = match args.wait {
        Some(patience) => wait::for_the_end(&args, *patience).await?,
        None => wait::look(&args).await?,
    };
    let mut verified = verify(&opened.ledger, &job, args.mode, args.output == Output::Text).await?;
    if verified.changed > 0 {
        let sentence = format!("{} records were changed or deleted since they were signed", verified.changed);
        if args.strict {
            verified.problems.push(sentence);
        } else {
            output::remark(format_args!("note: {sentence}; their signatures hold for what was signed"));
        }
    }
    if !job.state.is_final() {
        verified.problems.push(wait::unfinished(&job));
    }
    let good = verified.problems.is_empty();
    Report::of(&opened.ledger, &job, &verified).await?.print(args.output)?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks a job.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn verify(ledger: &Ledger, job: &Job, mode: VerifyMode, visible: bool) -> Result<Verified, Failure> {
    let started = Instant::now();
    let mut verified = Verified::default();
    if matches!(job.state, JobState::Pending | JobState::Provisioning) {
        verified.problems.push("nothing is signed yet".to_owned());
        return Ok(verified);
    }
    let failed = |error: vaultstream_ledger::QueryError| Failure::of(&error);
    for violation in ledger_verify::completeness(ledger, job).await.map_err(failed)? {
        verified.problems.push(format!(
            "{}: {} found, the first: {}",
            violation.kind.sentence(),
            violation.count,
            violation.example
        ));
    }
    let keys = ledger_verify::public_keys(ledger, job.id).await.map_err(failed)?;
    let checker = Backend::checker(&job.backends);
    let threads = threads::Threads::start(&keys, checker);
    verified.checker = Some(checker);
    let mut check = batches::Check::new(ledger, job, &keys, &threads, visible);
    let root = match mode {
        VerifyMode::Full => check.all().await?,
        VerifyMode::Sample => {
            check.sample(SAMPLE).await?;
            check.job_root().await?
        }
        VerifyMode::Sql => check.job_root().await?,
    };
    verified.changed = check.changed();
    verified.problems.append(&mut check.problems);
    drop(check);
    let outcome = threads.finish();
    verified.checked = outcome.checked;
    verified.problems.extend(outcome.problems);
    verified.problems.extend(receipt::check(job, &root, &keys));
    verified.took = started.elapsed();
    Ok(verified)
}
