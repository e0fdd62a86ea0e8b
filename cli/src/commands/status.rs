//! `vaultstream status`: the jobs of a ledger.
//!
//! What is not known is absent, never zero: the total of a job that is not planned, a rate of which nothing was seen.

mod job;
mod table;

use std::{process::ExitCode, time::Duration};

use serde::Serialize;
use vaultstream_ledger::{Job, JobState, Ledger, Progress, QueryError, jobs, progress, signing_rate};

use crate::{
    args::{Output, StatusArgs},
    error::Failure,
    ledger::{self, OpenLedger},
    output,
    report::receipt_digest,
};

/// Interval of `--watch`.
const LOOK: Duration = Duration::from_secs(2);

/// What is told of a job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    job: String,
    uid: uuid::Uuid,
    state: &'static str,
    /// Another job has its name now.
    superseded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    signed: u64,
    rejected: u64,
    changed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    backlog: Option<u64>,
    /// Signed or rejected, of all records, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<f64>,
    /// Over the last half minute, of a job that signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    records_per_second: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
    keys_active: u64,
    keys_retired: u64,
    keys_leased: u64,
    age_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    merkle_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    #[serde(flatten)]
    details: Option<job::Details>,
}

/// Prints the live jobs, all jobs, or one with its keys and troubles; again and again when they are watched.
///
/// # Errors
/// One sentence.
pub(crate) async fn print(args: StatusArgs) -> Result<ExitCode, Failure> {
    loop {
        // Open no longer than for a look: a run cannot begin or end in a data-dir that is read.
        let (text, over) = look(&args).await?;
        match args.output {
            Output::Text if args.watch && output::stdout_colours() => {
                output::print(&format!("\u{1b}[2J\u{1b}[H{text}"))?
            }
            _ => output::print(&text)?,
        }
        if !args.watch || over {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What is to be printed, and whether the one job that is looked at is over.
async fn look(args: &StatusArgs) -> Result<(String, bool), Failure> {
    let OpenLedger { ledger, .. } = &ledger::open(&args.ledger).await?;
    let failed = |error: QueryError| Failure::of(&error);
    let found = match (&args.job, args.uid) {
        (None, None) => jobs::list(ledger, args.all).await.map_err(failed)?,
        (_, Some(uid)) => {
            let job = jobs::by_uid(ledger, uid).await.map_err(failed)?;
            vec![job.ok_or_else(|| Failure::bad_input(format!("no job of this ledger has the uid {uid}")))?]
        }
        (Some(job), None) if args.all => {
            let named = |found: &Job| found.namespace == job.namespace.as_str() && found.name == job.name.as_str();
            jobs::list(ledger, true).await.map_err(failed)?.into_iter().filter(named).collect()
        }
        (Some(job), None) => {
            let newest = jobs::newest(ledger, job.namespace.as_str(), job.name.as_str()).await.map_err(failed)?;
            vec![newest.ok_or_else(|| Failure::bad_input(format!("there is no job {job} in this ledger")))?]
        }
    };
    let one = (args.job.is_some() || args.uid.is_some()) && !args.all;
    let mut rows = Vec::with_capacity(found.len());
    for job in &found {
        // One that was deleted meanwhile is left out.
        let Some(counts) = progress(ledger, job.id).await.map_err(failed)? else { continue };
        let details = if one { Some(job::details(ledger, job).await?) } else { None };
        rows.push(row(ledger, job, &counts, details).await?);
    }
    let over = one && found.iter().all(|job| job.state.is_terminal());
    let text = match (args.output, rows.first()) {
        (Output::Json, _) => {
            let json = serde_json::to_string(&rows).map_err(|error| Failure::of(&error))?;
            format!("{json}\n")
        }
        (Output::Text, Some(row)) if one => row.to_string(),
        (Output::Text, _) if args.all => table::with_uids(&rows),
        (Output::Text, _) => table::live(&rows),
    };
    Ok((text, over))
}

async fn row(ledger: &Ledger, job: &Job, counts: &Progress, details: Option<job::Details>) -> Result<Row, Failure> {
    let number = |number: i64| number.unsigned_abs();
    let planned = job.total.is_some() && !matches!(job.state, JobState::Pending | JobState::Provisioning);
    let done = number(counts.signed) + number(counts.rejected);
    let rate = match job.state {
        JobState::Signing => signing_rate::recent_rate(ledger, job.id).await.map_err(|error| Failure::of(&error))?,
        _ => None,
    };
    let percent = (planned && counts.total > 0).then(|| (done as f64 / counts.total as f64 * 1000.0).floor() / 10.0);
    let age = counts.at.duration_since(job.times.created).unwrap_or_default();
    Ok(Row {
        job: format!("{}/{}", job.namespace, job.name),
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
        seconds_left: rate.filter(|rate| *rate > 0.0).map(|rate| (counts.backlog.max(0) as f64 / rate).ceil() as u64),
        keys_active: number(counts.keys_active),
        keys_retired: number(counts.keys_retired),
        keys_leased: number(counts.keys_leased),
        age_seconds: age.as_secs(),
        merkle_root: job.merkle_root.as_deref().map(crate::report::hex),
        receipt_digest: receipt_digest(job),
        failure: job.failure.clone(),
        details,
    })
}
