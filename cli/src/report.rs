//! The report of a run or a verification: a verdict, then figures as text or as one JSON object.
//!
//! Figures that are unknown are absent, never zero.

pub(crate) mod bundle;
mod text;

use std::time::{Duration, SystemTime};

use base16ct::lower::encode_string;
use serde::Serialize;
use vaultstream_ledger::{
    Job, JobState, Ledger, QueryError, Rejected, progress, rejects, signing_rate, verify::public_keys,
};
use vaultstream_signing::{Backend, RowKey, backend::names};

use crate::{
    args::{OutputFormat, VerifyMode},
    error::Failure,
    job::{receipt_digest, title},
    output,
    verify::{
        Covered, LastCheckpoint, Verified, anchors::Anchor, certificate::Certified, compared::Compared,
        problem::Problem, revoked::RevokedKey,
    },
};

/// Rejects shown in full; the others are counted.
const REJECTS_SHOWN: usize = 5;

/// Shorter pauses are not told.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// The verdict over a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Verdict {
    /// It is Complete, and nothing is wrong with what was checked.
    #[serde(rename = "VERIFIED")]
    Verified,
    /// It is not Complete, or something is wrong.
    #[serde(rename = "NOT VERIFIED")]
    NotVerified,
}

/// The report about a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    verdict: Verdict,
    job: String,
    uid: uuid::Uuid,
    state: &'static str,
    records: u64,
    signed: u64,
    /// Signed by this run.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_now: Option<u64>,
    rejected: u64,
    /// Rows that were inserted or deleted between planning and signing.
    #[serde(skip_serializing_if = "is_zero")]
    changed: u64,
    /// What was checked: `full`, `sample` or `sql`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// Signatures checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked: Option<u64>,
    /// Signatures that were checked and are right.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_by: Option<Backend>,
    #[serde(flatten)]
    equations: Option<Equations>,
    /// Whether the implementation that checked has also signed.
    #[serde(skip_serializing_if = "is_false")]
    verifier_also_signed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify_seconds: Option<f64>,
    /// Batches of the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    batches: Option<u64>,
    /// Those with a seal: the key that signed the batch signed its root, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed_batches: Option<u64>,
    /// It follows its table, and was checked as far as it is.
    #[serde(skip_serializing_if = "is_false")]
    goes_on: bool,
    /// The last checkpoint of a job that follows its table.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<LastCheckpoint>,
    /// Whether the job has every row of the table that it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    coverage: Option<Covered>,
    /// The rows of a table compared with what was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Compared>,
    /// Time of signing, without the pauses between runs: that of this run, when an earlier one had begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records_per_second: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<String>,
    /// Keys that signed.
    keys: u64,
    /// Keys that the job has.
    all_keys: u32,
    batch_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    merkle_root: Option<String>,
    /// SHA-256 of the receipt as it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_digest: Option<String>,
    /// The view of the signatures, as SQL writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_view: Option<String>,
    /// Who vouches for the receipt key.
    #[serde(skip_serializing_if = "Option::is_none")]
    certified: Option<Certified>,
    /// What timestamping authorities say of the receipt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    anchors: Vec<Anchor>,
    /// Keys that were revoked and have signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    revoked_keys: Vec<RevokedKey>,
    problems: Vec<Problem>,
    /// What a good verdict proves, and against whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    proves: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// The first rejects; `rejected` counts all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejects: Vec<Reject>,
}

/// A record that was not signed.
#[derive(Debug, Serialize)]
struct Reject {
    id: i64,
    /// The key of its row, where ids are ordinals.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<RowKey>,
    /// The kind of reason, as one word.
    reason: String,
    /// A sentence.
    detail: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// How the backend that verifies by equations did it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Equations {
    /// Signatures that one equation over many proved.
    checked_by_equation: u64,
    /// Signatures that were verified one by one.
    checked_one_by_one: u64,
    /// What did that.
    one_by_one_by: Backend,
}

impl Equations {
    /// `None` where each signature is verified by itself, because another backend verifies.
    fn of(verified: &Verified) -> Option<Self> {
        let checker = verified.checker.filter(|checker| checker.backend != checker.one_by_one)?;
        Some(Self {
            checked_by_equation: verified.by_equation,
            checked_one_by_one: verified.checked - verified.by_equation,
            one_by_one_by: checker.one_by_one,
        })
    }
}

/// What a run contributed to a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedNow {
    /// Signatures that existed when it began.
    pub(crate) before: u64,
    /// How long it drove the job.
    pub(crate) time: Duration,
}

/// How long signing took, and how many records were signed or rejected in that time.
struct SigningTime {
    busy: Duration,
    paused: Duration,
    records: u64,
}

impl SigningTime {
    /// The time of this run when it continued an earlier one, else that of all runs without the pauses between them. `None` when
    /// nothing was signed in it.
    async fn of(ledger: &Ledger, job: &Job, done: u64, now: Option<SignedNow>) -> Result<Option<Self>, Failure> {
        match now {
            Some(SignedNow { before, .. }) if before >= done => Ok(None),
            Some(SignedNow { before, time }) if before > 0 => {
                Ok(Some(Self { busy: time, paused: Duration::ZERO, records: done - before }))
            }
            _ if done == 0 => Ok(None),
            _ => {
                let time = signing_rate::signing_time(ledger, job.id).await.map_err(|error| Failure::of(&error))?;
                Ok(time.map(|time| Self { busy: time.busy, paused: time.paused, records: done }))
            }
        }
    }
}

impl Report {
    /// Gathers the figures of a job from the ledger, and from a run.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(crate) async fn of(
        ledger: &Ledger,
        job: &Job,
        verified: &Verified,
        now: Option<SignedNow>,
    ) -> Result<Self, Failure> {
        let failed = |error: QueryError| Failure::of(&error);
        let counts = progress(ledger, job.id)
            .await
            .map_err(failed)?
            .ok_or_else(|| Failure::failed(format!("{} was deleted", title(job))))?;
        let keys = public_keys(ledger, job.id).await.map_err(failed)?;
        let signed = counts.signed.unsigned_abs();
        let rejected = counts.rejected.unsigned_abs();
        let done = signed + rejected;
        let time = SigningTime::of(ledger, job, done, now).await?;
        let goes_on = job.state == JobState::Signing && job.is_following();
        let good = (job.state == JobState::Complete || goes_on) && verified.is_good();
        let checked = verified.mode.is_some_and(|mode| mode != VerifyMode::Sql);
        Ok(Self {
            verdict: if good { Verdict::Verified } else { Verdict::NotVerified },
            job: title(job),
            uid: job.uid,
            state: job.state.as_str(),
            records: if job.state.is_terminal() { done } else { counts.total.unsigned_abs() },
            signed,
            signed_now: now.map(|now| signed.saturating_sub(now.before)),
            rejected,
            changed: counts.changed.unsigned_abs(),
            mode: verified.mode.map(VerifyMode::as_str),
            checked: checked.then_some(verified.checked),
            verified: checked.then_some(verified.right),
            verified_by: verified.checker.map(|checker| checker.backend),
            equations: Equations::of(verified),
            verifier_also_signed: verified.checker.is_some_and(|checker| checker.also_signed),
            verify_seconds: verified.mode.map(|_| rounded(verified.took)),
            batches: verified.batches.map(|batches| batches.number),
            sealed_batches: verified.batches.map(|batches| batches.sealed),
            goes_on,
            coverage: verified.coverage,
            checkpoint: verified.checkpoint,
            rows: verified.rows.clone(),
            seconds: time.as_ref().map(|time| rounded(time.busy)),
            paused_seconds: time.as_ref().filter(|time| time.paused >= MIN_PAUSE).map(|time| rounded(time.paused)),
            records_per_second: time.as_ref().map(|time| (time.records as f64 / time.busy.as_secs_f64()) as u64),
            seed_seconds: between(job.times.created, job.times.seeded).map(rounded),
            backend: (!job.backends.is_empty()).then(|| names(&job.backends)),
            keys: keys.iter().filter(|key| key.ordinal > 0 && key.signed > 0).count() as u64,
            all_keys: job.spec.keys.count,
            batch_size: job.spec.batch_size,
            merkle_root: job.merkle_root.as_deref().map(encode_string),
            receipt_digest: receipt_digest(job),
            signed_view: job.signed_view_as_sql(),
            certified: None,
            anchors: Vec::new(),
            revoked_keys: verified.revoked.clone(),
            problems: verified.problems.clone(),
            proves: None,
            failure: job.failure.clone(),
            rejects: first_rejects(ledger, job, rejected).await?,
        })
    }

    /// The same, with what a good verdict proves.
    #[must_use]
    pub(crate) fn proving(self, proof: String) -> Self {
        Self { proves: self.is_good().then_some(proof), ..self }
    }

    /// The same, with what timestamping authorities say of the receipt.
    #[must_use]
    pub(crate) fn anchored(self, anchors: Vec<Anchor>) -> Self {
        Self { anchors, ..self }
    }

    /// The same, with who vouches for the receipt key.
    #[must_use]
    pub(crate) fn certified(self, certified: Option<Certified>) -> Self {
        Self { certified, ..self }
    }

    /// Signatures that were checked.
    pub(crate) fn checked(&self) -> u64 {
        self.checked.unwrap_or(0)
    }

    /// What is wrong, in sentences.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(Problem::message)
    }

    /// Whether the job is Complete and nothing is wrong with it.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict == Verdict::Verified
    }

    /// The job's namespace and name.
    pub(crate) fn job(&self) -> &str {
        &self.job
    }

    /// Rows of the table that are newer than the job.
    pub(crate) fn newer(&self) -> u64 {
        self.rows.as_ref().and_then(|rows| rows.newer).unwrap_or(0)
    }

    /// Whether the run has signed nothing because the job was over before.
    pub(crate) fn is_old(&self) -> bool {
        self.signed_now == Some(0) && self.records > 0
    }

    /// Prints it to stdout.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub(crate) fn print(&self, form: OutputFormat) -> Result<(), Failure> {
        match form {
            OutputFormat::Text => output::print(&self.to_string()),
            OutputFormat::Json => output::json(self),
        }
    }
}

async fn first_rejects(ledger: &Ledger, job: &Job, rejected: u64) -> Result<Vec<Reject>, Failure> {
    if rejected == 0 {
        return Ok(Vec::new());
    }
    let first = rejects(ledger, job, None, REJECTS_SHOWN).await.map_err(|error| Failure::of(&error))?;
    let told = first.into_iter().map(|Rejected { id, key, reason, detail, .. }| Reject { id, key, reason, detail });
    Ok(told.collect())
}

/// The time between two moments; `None` when the second has not come.
fn between(from: SystemTime, to: Option<SystemTime>) -> Option<Duration> {
    to?.duration_since(from).ok()
}

fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
