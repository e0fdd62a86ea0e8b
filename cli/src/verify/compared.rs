//! Compares the rows of a table with what was signed. The signatures hold either way: they are over the digests in the
//! ledger.

use serde::Serialize;
use vaultstream_api::Source;
use vaultstream_ledger::{
    Job, Ledger,
    verify::{self, ReadError},
};

use super::{
    batches::Findings,
    problem::{Problem, ProblemKind},
};
use crate::{args::VerifyMode, error::Failure};

/// What the rows are now. Figures that were not determined are absent.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Compared {
    /// Signed rows that were looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) compared: Option<u64>,
    /// Rows with another payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) changed: Option<u64>,
    /// Rows that were deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gone: Option<u64>,
    /// Rows that the server cannot read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unreadable: Option<u64>,
    /// Rows that are neither signed nor rejected, newer ones among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unsigned: Option<u64>,
    /// Rows with keys above all keys that existed when the job was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) newer: Option<u64>,
    /// Why no row can be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_compared: Option<String>,
    /// The problems among these, unless changes are allowed.
    #[serde(skip)]
    pub(crate) problems: Vec<Problem>,
}

impl Compared {
    /// `None` for a job of generated records, which belong to the ledger.
    pub(super) fn of(job: &Job, found: Findings, mode: VerifyMode) -> Option<Self> {
        let Source::Table(_) = job.spec.source else { return None };
        if mode == VerifyMode::Sql {
            return Some(Self::default());
        }
        if let Some(lost) = found.lost {
            let message = format!(
                "the rows cannot be compared with what was signed: {}; the signatures were checked over the digests in the ledger",
                lost.why
            );
            let problems = vec![Problem::new(ProblemKind::NotCompared, message)];
            return Some(Self { not_compared: Some(lost.why), problems, ..Self::default() });
        }
        let seen = found.seen;
        let why = seen.why.map(|why| format!(" ({why})")).unwrap_or_default();
        let problems = [
            Problem::about(
                ProblemKind::Changed,
                &seen.changed,
                "record was changed since it was signed",
                "records were changed since they were signed",
            ),
            Problem::about(
                ProblemKind::Gone,
                &seen.gone,
                "record was deleted since it was signed",
                "records were deleted since they were signed",
            ),
            Problem::about(
                ProblemKind::Unreadable,
                &seen.unreadable,
                &format!("record can no longer be read{why}"),
                &format!("records can no longer be read{why}"),
            ),
        ];
        Some(Self {
            compared: Some(seen.compared),
            changed: Some(seen.changed.count()),
            gone: Some(seen.gone.count()),
            unreadable: Some(seen.unreadable.count()),
            problems: problems.into_iter().flatten().collect(),
            ..Self::default()
        })
    }

    /// Counts rows that came after the job was planned. They are reported, and are not a problem.
    pub(super) async fn look_for_later_rows(
        &mut self,
        ledger: &Ledger,
        job: &Job,
        mode: VerifyMode,
    ) -> Result<(), Failure> {
        if self.not_compared.is_some() {
            return Ok(());
        }
        self.newer = readable(verify::newer_rows(ledger, job).await)?.flatten();
        if mode == VerifyMode::Full && self.newer.is_some() {
            let unsigned = readable(verify::unsigned_rows(ledger, job, 0).await)?.flatten();
            self.unsigned = unsigned.map(|found| found.count);
        }
        Ok(())
    }
}

/// `None` for a table that is gone or may not be read.
fn readable<T>(read: Result<T, ReadError>) -> Result<Option<T>, Failure> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(ReadError::Gone(_) | ReadError::Source(_)) => Ok(None),
        Err(error) => Err(Failure::of(&error)),
    }
}
