//! Verification: checks every claim of a finished job against the ledger.
//!
//! - completeness: exactly one signature or one reject for each record, by SQL;
//! - signatures: over the digests that were signed, by an implementation other than the one that made them;
//! - seals: one a batch, by the key that signed it, over its root; the receipt says how many batches have one;
//! - Merkle: batch roots from the rows (full), the job's root from the batch roots (always);
//! - receipt: its signature, and each of its members against the ledger;
//! - checkpoints: each one's signature, and that all of them and the receipt are one chain over the same batches;
//! - keys: which of those that signed were revoked; a compromised one is a problem;
//! - the table, last: whether its rows are still what was signed. The other checks do not depend on it.

pub(crate) mod anchors;
pub(crate) mod certificate;
pub(crate) mod compared;
pub(crate) mod expected;
pub(crate) mod problem;
pub(crate) mod revoked;

mod batches;
mod checkpoints;
mod counts;
mod coverage;
mod receipt;
mod stages;
mod unfinished;

use std::time::{Duration, Instant};

use indicatif::HumanCount;
use vaultstream_ledger::{
    Job, JobState, Ledger, QueryError,
    verify::{PublicKeyRow, Rows, completeness, public_keys, row_keys},
};
use vaultstream_program::cores;
use vaultstream_proof::{Checkers, NonceUsers, Records};
use vaultstream_signing::Backend;

pub(crate) use checkpoints::LastCheckpoint;
pub(crate) use coverage::Covered;
pub(crate) use receipt::{read as read_receipt, receipt_key};

use crate::{
    args::VerifyMode,
    error::Failure,
    job::title,
    verify::{
        batches::BatchSums,
        compared::Compared,
        problem::{NAMED, Problem, ProblemKind},
        revoked::RevokedKey,
        stages::Stages,
    },
};

/// Signatures checked in `sample` mode.
pub(crate) const SAMPLE: u64 = 10_000;

/// What a verification found.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    /// What was checked; `None` when nothing was, because the job is not Complete.
    pub(crate) mode: Option<VerifyMode>,
    /// The batches, and how many of them are sealed; `None` when none was looked at.
    pub(crate) batches: Option<BatchSums>,
    /// Signatures checked.
    pub(crate) checked: u64,
    /// Those of them that one equation over many proved. The others were verified one by one.
    pub(crate) by_equation: u64,
    /// Signatures that are right.
    pub(crate) right: u64,
    /// The implementation that checked them.
    pub(crate) checker: Option<Checker>,
    /// The rows of a table compared with what was signed.
    pub(crate) rows: Option<Compared>,
    /// The last checkpoint of a job that follows its table, if it has one.
    pub(crate) checkpoint: Option<LastCheckpoint>,
    /// Whether the job has every row of the table that it follows, if that was asked.
    pub(crate) coverage: Option<Covered>,
    /// Keys that were revoked and have signed.
    pub(crate) revoked: Vec<RevokedKey>,
    /// What is wrong.
    pub(crate) problems: Vec<Problem>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// The implementation that checked signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checker {
    /// Its name.
    pub(crate) backend: Backend,
    /// What verified by itself each signature that no equation proved: the same, or the one that `engine` leaves them to.
    pub(crate) one_by_one: Backend,
    /// Whether it may have made some of them: this machine has no other implementation, or their maker is unknown.
    pub(crate) also_signed: bool,
}

impl Verified {
    /// Whether nothing is wrong with what was checked.
    pub(crate) fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether rows of a table were changed since they were signed, and do not count as problems.
    pub(crate) fn is_excused(&self) -> bool {
        self.rows.as_ref().is_some_and(|rows| !rows.problems.is_empty())
    }

    /// Counts rows of a table that were changed since they were signed as problems, too.
    pub(crate) fn demand_unchanged(&mut self) {
        if let Some(rows) = &mut self.rows {
            self.problems.append(&mut rows.problems);
        }
    }
}

/// What is checked, and how much of it is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckOptions {
    /// How many signatures are checked.
    pub(crate) mode: VerifyMode,
    /// Whether progress is shown.
    pub(crate) visible: bool,
    /// Records named for each kind of problem.
    pub(crate) most: usize,
    /// A job that is not Complete is checked, too, as far as it is signed.
    pub(crate) partial: bool,
    /// The table that the job follows is looked through.
    pub(crate) coverage: bool,
}

/// Checks a job that `run` has finished.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn check_finished(
    ledger: &Ledger,
    job: &Job,
    mode: VerifyMode,
    visible: bool,
) -> Result<Verified, Failure> {
    check(ledger, job, CheckOptions { mode, visible, most: NAMED, partial: false, coverage: false }).await
}

/// Checks a job.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn check(ledger: &Ledger, job: &Job, options: CheckOptions) -> Result<Verified, Failure> {
    let started = Instant::now();
    let mut verified = Verified::default();
    if let Some(problem) = unfinished::problem(ledger, job).await? {
        verified.problems.push(problem);
        let begun = !matches!(job.state, JobState::Pending | JobState::Seeding);
        if !options.partial || !begun {
            return Ok(verified);
        }
    }
    verified.mode = Some(options.mode);
    let mut stages = Stages::new(&title(job), options.visible);
    let failed = |error: QueryError| Failure::of(&error);
    // The index of the signatures is created once all are there; until then completeness is not checked.
    let whole = job.times.signed.is_some();
    if whole {
        stages.begin("checking that each record is signed or rejected once");
        let found = completeness(ledger, job, options.most).await.map_err(failed)?;
        verified.problems.extend(found.into_iter().map(incomplete));
    }
    let keys = public_keys(ledger, job.id).await.map_err(failed)?;
    verified.problems.extend(keys.iter().filter_map(counts::negative));
    verified.revoked = keys.iter().filter_map(RevokedKey::of).collect();
    verified.problems.extend(verified.revoked.iter().filter_map(RevokedKey::problem));
    let batches = signatures(ledger, job, &keys, options, &mut stages, &mut verified).await?;
    if whole && (job.state == JobState::Complete || job.receipt.is_some()) {
        stages.begin("checking the receipt");
        verified.problems.extend(receipt::check(ledger, job, batches, &keys).await?);
    }
    if job.follow.is_some() {
        stages.begin("checking the checkpoints");
        let (last, problem) = checkpoints::check(ledger, job, &keys).await.map_err(failed)?;
        verified.checkpoint = last;
        verified.problems.extend(problem);
    }
    if let (Some(rows), true) = (&mut verified.rows, whole) {
        stages.begin("looking for rows that came later");
        rows.look_for_later_rows(ledger, job, options.mode).await?;
    }
    if options.coverage {
        stages.begin("looking through the table for rows that no trigger saw");
        let (covered, problem) = coverage::check(ledger, job, options.most).await?;
        verified.coverage = covered;
        verified.problems.extend(problem);
    }
    name_rows(ledger, job, &mut verified).await.map_err(failed)?;
    verified.took = started.elapsed();
    Ok(verified)
}

/// Has the problems name rows by their keys, where ids are ordinals.
async fn name_rows(ledger: &Ledger, job: &Job, verified: &mut Verified) -> Result<(), QueryError> {
    let of_rows = verified.rows.iter_mut().flat_map(|rows| &mut rows.problems);
    let problems: Vec<&mut Problem> = verified.problems.iter_mut().chain(of_rows).collect();
    let ids: Vec<i64> = problems.iter().flat_map(|problem| problem.records()).copied().collect();
    let keys = row_keys(ledger, job, &ids).await?;
    problems.into_iter().for_each(|problem| problem.name_rows(&keys));
    Ok(())
}

/// Checks signatures, the roots over them and the seals over those. Returns what the batches add up to.
async fn signatures(
    ledger: &Ledger,
    job: &Job,
    keys: &[PublicKeyRow],
    options: CheckOptions,
    stages: &mut Stages,
    verified: &mut Verified,
) -> Result<BatchSums, Failure> {
    let there = counts::signed(keys);
    let checker = checker(job, keys);
    let signing = keys.iter().filter(|key| key.ordinal > 0).map(|key| (key.id, key.public_key.clone()));
    let checkers = Checkers::start(signing, checker.backend, cores(), options.most);
    let mut check = batches::Check::new(ledger, job, keys, &checkers, stages, (options.most, there));
    let which = match options.mode {
        VerifyMode::Sample => Rows::Sample { rows: SAMPLE, seed: rand::random() },
        VerifyMode::Full | VerifyMode::Sql => Rows::All,
    };
    // Signatures have their index once all are there, and from the beginning where rows may always come.
    let is_indexed = job.times.signed.is_some() || job.follow.is_some();
    let batches = match options.mode {
        VerifyMode::Full if is_indexed => {
            check.begin("checking signatures", there);
            check.all().await?
        }
        VerifyMode::Full => {
            check.begin("checking signatures", there);
            check.signatures(which).await?;
            check.seals().await?
        }
        VerifyMode::Sample => {
            check.begin("checking a sample of the signatures", there.min(SAMPLE));
            check.signatures(which).await?;
            check.seals().await?
        }
        VerifyMode::Sql => check.seals().await?,
    };
    let repeated = match options.mode {
        VerifyMode::Full | VerifyMode::Sample => check.repeated_nonces(which).await?,
        VerifyMode::Sql => NonceUsers::keeping(0),
    };
    let found = check.finish();
    let outcome = checkers.finish();
    verified.checked = outcome.checked;
    verified.by_equation = outcome.by_equation;
    verified.right = outcome.checked - outcome.wrong.count();
    verified.checker = (outcome.checked > 0).then_some(checker);
    let problems = &mut verified.problems;
    problems.extend(Problem::wrong_signatures(&outcome.wrong));
    problems.extend(Problem::wrong_seals(&outcome.wrong_seals));
    problems.extend(found.seals.clone());
    problems.extend(Problem::repeated_nonces(&repeated));
    problems.extend(found.unreadable_signatures());
    problems.extend(found.batches.clone());
    if options.mode != VerifyMode::Sql && there > 0 && (outcome.checked == 0 || outcome.lost_a_thread) {
        let message =
            if outcome.lost_a_thread { "not every signature was checked" } else { "no signature was checked" };
        problems.push(Problem::new(ProblemKind::NothingChecked, message));
    }
    verified.rows = Compared::of(job, found, options.mode);
    verified.batches = Some(batches);
    Ok(batches)
}

/// The fastest implementation here that made none of the signatures, according to ledger and receipt, or whose equation another one
/// decides.
fn checker(job: &Job, keys: &[PublicKeyRow]) -> Checker {
    let mut makers = job.backends.clone();
    makers.extend(receipt::read(job, keys).ok().into_iter().flat_map(|receipt| receipt.backends));
    let backend = Backend::bulk_checker(&makers);
    let one_by_one = if backend == Backend::Engine { Backend::checker(&[backend]) } else { backend };
    Checker { backend, one_by_one, also_signed: makers.is_empty() || makers.contains(&one_by_one) }
}

fn incomplete(violation: vaultstream_ledger::verify::Violation) -> Problem {
    let sentence = violation.kind.sentence();
    if violation.examples.is_empty() {
        return Problem::new(ProblemKind::Incomplete, format!("{} {sentence}", HumanCount(violation.count)));
    }
    if violation.records.is_empty() {
        let more = violation.count.saturating_sub(violation.examples.len() as u64);
        let more = if more == 0 { String::new() } else { format!(", and {} more", HumanCount(more)) };
        return Problem::new(ProblemKind::Incomplete, format!("{sentence}: {}{more}", violation.examples.join(", ")));
    }
    let records = Records::counted(violation.count, violation.records);
    Problem::new(ProblemKind::Incomplete, format!("{sentence}: record {}", problem::named(&records))).with(&records)
}
