//! Batches as a map, and signing over time.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use vaultstream_ledger::{
    Job, Ledger, QueryError,
    overview::{self, BatchCell},
};

use crate::wire::Time;

/// Cells of the map of batches.
const MOST_CELLS: usize = 1_000;
/// Points of the curve.
const MOST_POINTS: usize = 240;
/// How far back the curve of a job goes that follows its table.
const FOLLOWED: Duration = Duration::from_secs(24 * 60 * 60);

/// Batches in cells, each state a row of numbers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Map {
    /// When they were read; of a job that is over, its end.
    at: Time,
    count: i64,
    per_cell: i64,
    planned: Vec<i64>,
    in_flight: Vec<i64>,
    signed: Vec<i64>,
    rejected: Vec<i64>,
    failing: Vec<i64>,
}

/// Signing over time.
#[derive(Debug, Serialize)]
pub(crate) struct Curve {
    start: u64,
    step: u64,
    /// How much of the last step is over, in seconds.
    last: f64,
    signed: Vec<i64>,
    rejected: Vec<i64>,
    backlog: Vec<i64>,
}

/// As they are `now`, by the ledger's clock.
pub(crate) async fn batches(ledger: &Ledger, job: &Job, now: SystemTime) -> Result<(Map, Curve), QueryError> {
    let begun = job.times.published.unwrap_or(job.times.created);
    let end = if job.state.is_terminal() { job.times.signed.unwrap_or(begun) } else { now };
    let start = if job.follow.is_some() { begun.max(end - FOLLOWED) } else { begun };
    let found = overview::batches(ledger, job, MOST_CELLS, (start, end), MOST_POINTS).await?;
    let column = |of: fn(&BatchCell) -> i64| found.cells.iter().map(of).collect::<Vec<_>>();
    let map = Map {
        at: Time(end),
        count: found.cells.iter().map(|cell| cell.planned + cell.in_flight + cell.signed).sum(),
        per_cell: found.per_cell,
        planned: column(|cell| cell.planned),
        in_flight: column(|cell| cell.in_flight),
        signed: column(|cell| cell.signed),
        rejected: column(|cell| cell.rejected),
        failing: column(|cell| cell.failing),
    };
    // What was left at the end of each step: all that there is, less what was done by then. What had arrived by then of a table that grows is not
    // known.
    let total = job.total.filter(|_| job.follow.is_none());
    let mut done = 0;
    let backlog = found.moments.iter().filter_map(|moment| {
        done += moment.signed + moment.rejected;
        Some((total? - done).max(0))
    });
    let before = found.step * u32::try_from(found.moments.len().saturating_sub(1)).unwrap_or(0);
    let last = end.duration_since(start).unwrap_or_default().saturating_sub(before);
    let curve = Curve {
        backlog: backlog.collect(),
        start: found.start.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs(),
        step: found.step.as_secs(),
        last: last.as_secs_f64(),
        signed: found.moments.iter().map(|moment| moment.signed).collect(),
        rejected: found.moments.iter().map(|moment| moment.rejected).collect(),
    };
    Ok((map, curve))
}
