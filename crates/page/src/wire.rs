//! What a viewer is sent, as JSON. Numbers of the ledger fit into those of a browser; ids and keys of records need not, and are texts.

use std::time::SystemTime;

use serde::{Serialize, Serializer};
use uuid::Uuid;
use vaultstream_ledger::overview;

/// A moment, as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) SystemTime);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_millis(self.0))
    }
}

/// A job among others.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) uid: Uuid,
    pub(crate) namespace: String,
    pub(crate) name: String,
    phase: &'static str,
    suspended: bool,
    following: bool,
    total: Option<i64>,
    signed: i64,
    rejected: i64,
    backlog: i64,
    /// Records a second.
    rate: Option<f64>,
    /// Seconds.
    eta: Option<u64>,
    /// Seconds.
    lag: Option<f64>,
    /// Its place among the jobs that have not begun.
    queue: Option<i64>,
    fault: Option<String>,
    created_at: Time,
    finished_at: Option<Time>,
}

impl Row {
    pub(crate) fn of(job: &overview::JobRow, rate: Option<f64>) -> Self {
        let signing = !job.state.is_terminal() && !job.suspended;
        let rate = rate.filter(|_| signing).map(tenths);
        let eta = rate.filter(|rate| *rate > 0.0 && job.total.is_some() && !job.follows);
        Self {
            uid: job.uid,
            namespace: job.namespace.clone(),
            name: job.name.clone(),
            phase: job.state.as_str(),
            suspended: job.suspended,
            following: job.follows,
            total: job.total,
            signed: job.signed,
            rejected: job.rejected,
            backlog: job.backlog,
            rate,
            eta: eta.map(|rate| (job.backlog.max(0) as f64 / rate).ceil() as u64),
            lag: job.lag.map(|lag| tenths(lag.as_secs_f64())),
            queue: job.waits,
            fault: job.fault.clone(),
            created_at: Time(job.created),
            finished_at: job.finished.map(Time),
        }
    }
}

/// Finer digits would change with every reading, and tell nobody anything.
fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

/// Jobs that are new or changed, and jobs that are gone.
#[derive(Debug, Serialize)]
pub(crate) struct Jobs<'a> {
    pub(crate) at: Option<Time>,
    pub(crate) jobs: Vec<&'a Row>,
    pub(crate) gone: Vec<Uuid>,
}

/// Why what is shown gets old, or why nothing is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    pub(crate) error: String,
}

impl Problem {
    /// What is told while the ledger takes long.
    pub(crate) fn of_silence() -> Self {
        Self { error: "the ledger has not answered for some seconds".to_owned() }
    }
}

/// What the page asks first.
#[derive(Debug, Serialize)]
pub(crate) struct About {
    pub(crate) version: &'static str,
    pub(crate) place: &'static str,
    pub(crate) auth: crate::place::Rights,
    pub(crate) ledger: Option<String>,
}
