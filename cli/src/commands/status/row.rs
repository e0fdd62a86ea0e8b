//! What `status` tells of a job.
//!
//! Figures that are unknown are absent, never zero: the total of a job that is not planned, a rate that was not measured.

use base16ct::lower::encode_string;
use serde::Serialize;
use uuid::Uuid;
use vaultstream_ledger::{Job, JobState, Ledger, Progress, signing_rate};

use super::details::Details;
use crate::{
    error::Failure,
    job::{receipt_digest, title},
};

/// What is told of a job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobRow {
    pub(super) job: String,
    pub(super) uid: Uuid,
    pub(super) state: &'static str,
    /// Whether another job has its name now.
    pub(super) superseded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<u64>,
    pub(super) signed: u64,
    pub(super) rejected: u64,
    pub(super) changed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backlog: Option<u64>,
    /// The share of records that are signed or rejected, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) percent: Option<f64>,
    /// The rate of the last half minute, for a job that signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) records_per_second: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds_left: Option<u64>,
    pub(super) keys_active: u64,
    pub(super) keys_retired: u64,
    pub(super) keys_leased: u64,
    pub(super) age_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) merkle_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) receipt_digest: Option<String>,
    /// The view of its signatures, as SQL writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signed_view: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<String>,
    /// Backends that workers withdrew because they computed wrongly, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) withdrawn_backends: Vec<String>,
    #[serde(flatten)]
    pub(super) details: Option<Details>,
}

impl JobRow {
    /// Gathers the figures of a job.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub(super) async fn read(
        ledger: &Ledger,
        job: &Job,
        counts: &Progress,
        details: Option<Details>,
    ) -> Result<Self, Failure> {
        let rate = match job.state {
            JobState::Signing => {
                signing_rate::recent_rate(ledger, job.id).await.map_err(|error| Failure::of(&error))?
            }
            _ => None,
        };
        Ok(Self::new(job, counts, rate, details))
    }

    fn new(job: &Job, counts: &Progress, rate: Option<f64>, details: Option<Details>) -> Self {
        let number = |number: i64| number.unsigned_abs();
        let planned = job.total.is_some() && job.state != JobState::Pending;
        let done = number(counts.signed) + number(counts.rejected);
        let percent =
            (planned && counts.total > 0).then(|| (done as f64 / counts.total as f64 * 1000.0).floor() / 10.0);
        let age = counts.at.duration_since(job.times.created).unwrap_or_default();
        Self {
            job: title(job),
            uid: job.uid,
            state: if job.suspended && !job.state.is_terminal() { "Suspended" } else { job.state.as_str() },
            superseded: !job.live,
            total: planned.then_some(number(counts.total)),
            signed: number(counts.signed),
            rejected: number(counts.rejected),
            changed: number(counts.changed),
            backlog: planned.then_some(number(counts.backlog)),
            percent,
            records_per_second: rate.map(|rate| rate.round() as u64),
            seconds_left: rate
                .filter(|rate| *rate > 0.0)
                .map(|rate| (counts.backlog.max(0) as f64 / rate).ceil() as u64),
            keys_active: number(counts.keys_active),
            keys_retired: number(counts.keys_retired),
            keys_leased: number(counts.keys_leased),
            age_seconds: age.as_secs(),
            merkle_root: job.merkle_root.as_deref().map(encode_string),
            receipt_digest: receipt_digest(job),
            signed_view: job.signed_view_as_sql(),
            failure: job.failure.clone(),
            withdrawn_backends: job.withdrawn.clone(),
            details,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fixtures::{TABLE, counts, job};

    /// A row of the fixture, whose rate is known.
    pub(in super::super) fn row(state: JobState, signed: i64, rate: Option<f64>) -> JobRow {
        let job = job(TABLE, state);
        JobRow::new(&job, &counts(&job, signed, 10), rate, None)
    }

    #[test]
    fn figures_that_are_unknown_are_absent() {
        let pending = Job { total: None, ..job(TABLE, JobState::Pending) };
        let unplanned = JobRow::new(&pending, &counts(&pending, 0, 0), None, None);
        assert_eq!((unplanned.total, unplanned.backlog, unplanned.percent), (None, None, None));
        let json = serde_json::to_value(&unplanned).unwrap();
        for absent in [
            "total",
            "backlog",
            "percent",
            "recordsPerSecond",
            "secondsLeft",
            "merkleRoot",
            "failure",
            "withdrawnBackends",
        ] {
            assert!(json.get(absent).is_none(), "{absent}: {json}");
        }
    }

    #[test]
    fn shares_are_rounded_down_and_the_time_left_up() {
        let signing = row(JobState::Signing, 400, Some(100.4));
        assert_eq!((signing.total, signing.backlog, signing.percent), (Some(1000), Some(590), Some(41.0)));
        assert_eq!((signing.records_per_second, signing.seconds_left), (Some(100), Some(6)));
        assert_eq!(signing.age_seconds, 90);
        // 1,999 of 2,000 are 99.95 per cent.
        let large = Job { total: Some(2000), ..job(TABLE, JobState::Signing) };
        assert_eq!(JobRow::new(&large, &counts(&large, 1989, 10), None, None).percent, Some(99.9));
        assert_eq!(row(JobState::Complete, 990, None).percent, Some(100.0));
        // Nothing is signed just now: the time that is left is unknown.
        assert_eq!(row(JobState::Signing, 400, Some(0.0)).seconds_left, None);
    }

    #[test]
    fn a_job_is_shown_as_suspended_until_it_is_over() {
        let state = |state, suspended| {
            let job = Job { suspended, ..job(TABLE, state) };
            JobRow::new(&job, &counts(&job, 0, 0), None, None).state
        };
        assert_eq!(state(JobState::Signing, true), "Suspended");
        assert_eq!(state(JobState::Signing, false), "Signing");
        assert_eq!(state(JobState::Complete, true), "Complete");
    }
}
