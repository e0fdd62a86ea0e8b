//! What a run says at its end: a table for people or one JSON object.

use std::{fmt, time::SystemTime};

use indicatif::HumanCount;
use serde::Serialize;
use vaultstream_ledger::{Job, JobState, Ledger, QueryError, progress, rejects, verify::public_keys};
use vaultstream_signing::{Backend, backend::names};

use crate::{
    args::Output,
    error::Failure,
    output::{self, Colour, paint, printable},
    verify::Verified,
};

/// Rejects shown in full; the rest is counted.
const REJECTS_SHOWN: usize = 5;

/// The end of a job.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    job: String,
    uid: uuid::Uuid,
    state: &'static str,
    records: u64,
    signed: u64,
    rejected: u64,
    #[serde(skip_serializing_if = "is_zero")]
    changed: u64,
    verified: u64,
    seconds: f64,
    records_per_second: u64,
    seed_seconds: f64,
    verify_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_by: Option<Backend>,
    backend: String,
    /// Keys that signed.
    keys: u64,
    /// Keys that the job has.
    #[serde(skip)]
    all_keys: u32,
    batch_size: u32,
    merkle_root: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(skip)]
    rejects: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Report {
    /// Gathers what the ledger says of a finished job.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn of(ledger: &Ledger, job: &Job, verified: &Verified) -> Result<Self, Failure> {
        let failed = |error: QueryError| Failure::of(&error);
        let counts = progress(ledger, job.id)
            .await
            .map_err(failed)?
            .ok_or_else(|| Failure::failed(format!("{}/{} was deleted", job.namespace, job.name)))?;
        let keys = public_keys(ledger, job.id).await.map_err(failed)?;
        let signed = counts.signed.unsigned_abs();
        let rejected = counts.rejected.unsigned_abs();
        let seconds = between(job.times.published, job.times.signed);
        let rejects = if rejected > 0 {
            let first = rejects(ledger, job.id, None, REJECTS_SHOWN).await.map_err(failed)?;
            first
                .into_iter()
                .map(|reject| format!("record {}: {}: {}", reject.id, reject.reason, reject.detail))
                .collect()
        } else {
            Vec::new()
        };
        Ok(Self {
            job: format!("{}/{}", job.namespace, job.name),
            uid: job.uid,
            state: job.state.as_str(),
            records: signed + rejected,
            signed,
            rejected,
            changed: counts.changed.unsigned_abs(),
            verified: verified.checked,
            seconds: rounded(seconds),
            records_per_second: if seconds > 0.0 { ((signed + rejected) as f64 / seconds) as u64 } else { 0 },
            seed_seconds: rounded(between(Some(job.times.created), job.times.seeded)),
            verify_seconds: rounded(verified.took.as_secs_f64()),
            verified_by: verified.checker,
            backend: names(&job.backends),
            keys: keys.iter().filter(|key| key.ordinal > 0 && key.signed > 0).count() as u64,
            all_keys: job.spec.keys.count,
            batch_size: job.spec.batch_size,
            merkle_root: job.merkle_root.as_deref().map(hex).unwrap_or_default(),
            problems: verified.problems.clone(),
            failure: job.failure.clone(),
            rejects,
        })
    }

    /// Complete, and nothing wrong with it.
    pub fn is_good(&self) -> bool {
        self.state == JobState::Complete.as_str() && self.problems.is_empty()
    }

    /// Prints it to stdout.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub fn print(&self, form: Output) -> Result<(), Failure> {
        match form {
            Output::Text => output::print(&self.to_string()),
            Output::Json => output::json(self),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colour = if self.is_good() { Colour::Good } else { Colour::Bad };
        writeln!(out, "{} {}", printable(&self.job), paint(colour, self.state))?;
        let mut row = |name: &str, value: String| writeln!(out, "  {name:<12} {}", printable(&value));
        row("records", HumanCount(self.records).to_string())?;
        row(
            "signed",
            format!("{} in {:.2} s, {}/s", HumanCount(self.signed), self.seconds, HumanCount(self.records_per_second)),
        )?;
        row("rejected", HumanCount(self.rejected).to_string())?;
        if self.changed > 0 {
            row("changed", format!("{} since planning", HumanCount(self.changed)))?;
        }
        let by = self.verified_by.map(|checker| format!(" by {checker}")).unwrap_or_default();
        row("verified", format!("{} signatures in {:.2} s{by}", HumanCount(self.verified), self.verify_seconds))?;
        row("keys", format!("{}, of which {} signed, batches of {}", self.all_keys, self.keys, self.batch_size))?;
        row("backend", self.backend.clone())?;
        row("merkle root", self.merkle_root.clone())?;
        row("uid", self.uid.to_string())?;
        for reject in &self.rejects {
            row("reject", reject.clone())?;
        }
        if self.rejected > self.rejects.len() as u64 {
            row(
                "",
                format!(
                    "and {} more; `vaultstream status --job {}` counts them by reason",
                    self.rejected - self.rejects.len() as u64,
                    self.job
                ),
            )?;
        }
        if let Some(failure) = &self.failure {
            row("failed", failure.clone())?;
        }
        for problem in &self.problems {
            row("PROBLEM", problem.clone())?;
        }
        Ok(())
    }
}

/// Seconds from one moment to another; zero when either did not come.
fn between(from: Option<SystemTime>, to: Option<SystemTime>) -> f64 {
    let passed = from.zip(to).and_then(|(from, to)| to.duration_since(from).ok());
    passed.unwrap_or_default().as_secs_f64()
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
