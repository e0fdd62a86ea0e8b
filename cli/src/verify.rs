//! Verification: every claim that a finished job makes, checked anew from what the ledger holds.
//!
//! - completeness: exactly one signature or one reject for each record, by SQL;
//! - signatures: over the digests that were signed, by an implementation other than the one that made them;
//! - Merkle: batch roots from the rows (full), the job's root from the batch roots (always);
//! - receipt: its signature, and that each of its members says what the ledger says;
//! - the table, last: are its rows still what was signed? None of the others leans on it.

pub mod compared;
pub mod problem;

mod batches;
mod receipt;
mod stages;
mod threads;
mod wait;
mod walk;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use indicatif::HumanCount;
use vaultstream_ledger::{
    Job, JobState, Ledger,
    verify::{PublicKeyRow, Rows, completeness, public_keys},
};
use vaultstream_signing::{Backend, Hash};

pub(crate) use receipt::read as rightly_signed;
pub(crate) use wait::how_far;

use crate::{
    args::{Output, VerifyArgs, VerifyMode},
    error::Failure,
    output,
    report::Report,
    verify::{
        compared::Compared,
        problem::{Kind, NAMED, Problem, Records},
        stages::Stages,
        threads::Threads,
    },
};

/// Signatures checked in `sample` mode.
pub const SAMPLE: u64 = 10_000;

/// What a verification found.
#[derive(Debug, Default)]
pub struct Verified {
    /// What was checked; none when the job has not ended well, which needs no check to be told.
    pub mode: Option<VerifyMode>,
    /// Signatures checked.
    pub checked: u64,
    /// Those that are right.
    pub right: u64,
    /// What checked them.
    pub checker: Option<Checker>,
    /// The rows of a table beside what was signed.
    pub rows: Option<Compared>,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
    /// How long it took.
    pub took: Duration,
}

/// The implementation that checked signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checker {
    /// Which.
    pub backend: Backend,
    /// It also made some of them: this machine has no other, or their maker is unknown.
    pub also_signed: bool,
}

impl Verified {
    /// Nothing is wrong. Says nothing about what was checked.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// Rows of a table that are not what was signed are problems, too.
    pub fn demand_unchanged(&mut self) {
        if let Some(rows) = &mut self.rows {
            self.problems.append(&mut rows.problems);
        }
    }
}

/// What is to be checked, and how it is told.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// How many signatures.
    pub mode: VerifyMode,
    /// Progress is shown.
    pub visible: bool,
    /// Records of one kind of problem that are named.
    pub most: usize,
    /// What there is of a job that has not ended well is checked, too.
    pub partial: bool,
}

/// `vaultstream verify`.
///
/// # Errors
/// One sentence, when the ledger cannot be read. What is wrong with the job is told in the report.
pub async fn command(args: VerifyArgs) -> Result<ExitCode, Failure> {
    if args.strict {
        output::remark("note: --strict has no effect any more: changed rows fail unless --allow-changed is given");
    }
    let (opened, job) = match args.wait {
        Some(patience) => wait::for_the_end(&args, *patience).await?,
        None => wait::look(&args).await?,
    };
    let most = if args.all { usize::MAX } else { NAMED };
    let wish = Wish { mode: args.mode, visible: args.output == Output::Text, most, partial: args.partial };
    let mut verified = check(&opened.ledger, &job, wish).await?;
    if !args.allow_changed {
        verified.demand_unchanged();
    }
    let report = Report::of(&opened.ledger, &job, &verified, None).await?;
    report.print(args.output)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks a job that `run` has finished.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn verify(ledger: &Ledger, job: &Job, mode: VerifyMode, visible: bool) -> Result<Verified, Failure> {
    check(ledger, job, Wish { mode, visible, most: NAMED, partial: false }).await
}

/// Checks a job.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn check(ledger: &Ledger, job: &Job, wish: Wish) -> Result<Verified, Failure> {
    let started = Instant::now();
    let mut verified = Verified::default();
    if let Some(problem) = wait::refusal(ledger, job).await? {
        verified.problems.push(problem);
        let begun = !matches!(job.state, JobState::Pending | JobState::Provisioning | JobState::Seeding);
        if !wish.partial || !begun {
            return Ok(verified);
        }
    }
    verified.mode = Some(wish.mode);
    let mut stages = Stages::of(&format!("{}/{}", job.namespace, job.name), wish.visible);
    let failed = |error: vaultstream_ledger::QueryError| Failure::of(&error);
    // The index of the signatures is made once all are there; before that nothing is complete.
    let whole = job.times.signed.is_some();
    if whole {
        stages.begin("checking that each record is signed or rejected once", None);
        let found = completeness(ledger, job, wish.most).await.map_err(failed)?;
        verified.problems.extend(found.into_iter().map(incomplete));
    }
    let keys = public_keys(ledger, job.id).await.map_err(failed)?;
    let root = signatures(ledger, job, &keys, wish, &mut stages, &mut verified).await?;
    if whole && (job.state == JobState::Complete || job.receipt.is_some()) {
        stages.begin("checking the receipt", None);
        verified.problems.extend(receipt::check(ledger, job, root, &keys).await?);
    }
    if let (Some(rows), true) = (&mut verified.rows, whole) {
        stages.begin("looking for rows that came later", None);
        rows.look_for_later_rows(ledger, job, wish.mode).await?;
    }
    verified.took = started.elapsed();
    Ok(verified)
}

/// Checks signatures and the roots over them; the job's root.
async fn signatures(
    ledger: &Ledger,
    job: &Job,
    keys: &[PublicKeyRow],
    wish: Wish,
    stages: &mut Stages,
    verified: &mut Verified,
) -> Result<Hash, Failure> {
    let there: u64 = keys.iter().filter(|key| key.ordinal > 0).map(|key| key.signed.unsigned_abs()).sum();
    let checker = checker(job, keys);
    let threads = Threads::start(keys, checker.backend, wish.most);
    let mut check = batches::Check::new(ledger, job, keys, &threads, stages, wish.most);
    let root = match wish.mode {
        VerifyMode::Full if job.times.signed.is_some() => {
            check.begin("checking signatures", there);
            check.all().await?
        }
        VerifyMode::Full => {
            check.begin("checking signatures", there);
            check.signatures(Rows::All).await?;
            check.job_root().await?
        }
        VerifyMode::Sample => {
            check.begin("checking a sample of the signatures", there.min(SAMPLE));
            check.signatures(Rows::Sample { rows: SAMPLE, seed: rand::random() }).await?;
            check.job_root().await?
        }
        VerifyMode::Sql => check.job_root().await?,
    };
    let found = check.finish();
    let outcome = threads.finish();
    verified.checked = outcome.checked;
    verified.right = outcome.checked - outcome.wrong.count();
    verified.checker = (outcome.checked > 0).then_some(checker);
    let problems = &mut verified.problems;
    problems.extend(Problem::about(
        Kind::WrongSignature,
        &outcome.wrong,
        "signature of a record is wrong",
        "signatures of records are wrong",
    ));
    problems.extend(found.unreadable_signatures());
    problems.extend(found.batches.clone());
    if wish.mode != VerifyMode::Sql && there > 0 && (outcome.checked == 0 || outcome.lost_a_thread) {
        let message =
            if outcome.lost_a_thread { "not every signature was checked" } else { "no signature was checked" };
        problems.push(Problem::new(Kind::NothingChecked, message));
    }
    verified.rows = Compared::of(job, found, wish.mode);
    Ok(root)
}

/// The fastest implementation here that made none of the signatures, as ledger and receipt know.
fn checker(job: &Job, keys: &[PublicKeyRow]) -> Checker {
    let mut makers = job.backends.clone();
    makers.extend(receipt::read(job, keys).ok().into_iter().flat_map(|receipt| receipt.backends));
    let backend = Backend::checker(&makers);
    Checker { backend, also_signed: makers.is_empty() || makers.contains(&backend) }
}

fn incomplete(violation: vaultstream_ledger::verify::Violation) -> Problem {
    let sentence = violation.kind.sentence();
    if violation.examples.is_empty() {
        return Problem::new(Kind::Incomplete, format!("{} {sentence}", HumanCount(violation.count)));
    }
    if violation.records.is_empty() {
        let more = violation.count.saturating_sub(violation.examples.len() as u64);
        let more = if more == 0 { String::new() } else { format!(", and {} more", HumanCount(more)) };
        return Problem::new(Kind::Incomplete, format!("{sentence}: {}{more}", violation.examples.join(", ")));
    }
    let records = Records::counted(violation.count, violation.records);
    Problem::new(Kind::Incomplete, format!("{sentence}: record {}", records.named())).with(&records)
}
