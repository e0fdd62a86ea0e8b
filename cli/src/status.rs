//! `vaultstream status`: the jobs of a ledger.

use std::{fmt::Write as _, process::ExitCode, time::SystemTime};

use serde::Serialize;
use vaultstream_ledger::{Job, Ledger, Progress, damaged, failures, jobs, progress, rejects};

use crate::{
    args::{Output, StatusArgs},
    error::Failure,
    ledger,
    output::{self, printable},
};

/// Rejects and failing batches shown of one job.
const SHOWN: usize = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    job: String,
    uid: uuid::Uuid,
    state: &'static str,
    total: i64,
    signed: i64,
    rejected: i64,
    changed: i64,
    backlog: i64,
    keys_active: i64,
    keys_retired: i64,
    keys_leased: i64,
    age_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// Prints all live jobs, or one with its troubles.
///
/// # Errors
/// One sentence.
pub(crate) async fn print(args: StatusArgs) -> Result<ExitCode, Failure> {
    let opened = ledger::open(&args.ledger).await?;
    let ledger = &opened.ledger;
    let failed = |error: vaultstream_ledger::QueryError| Failure::of(&error);
    let found = match &args.job {
        None => jobs::list(ledger, false).await.map_err(failed)?,
        Some(job) => jobs::newest(ledger, job.namespace.as_str(), job.name.as_str())
            .await
            .map_err(failed)?
            .map(|job| vec![job])
            .ok_or_else(|| Failure::bad_input(format!("there is no job {job} in this ledger")))?,
    };
    let mut rows = Vec::with_capacity(found.len());
    for job in &found {
        if let Some(counts) = progress(ledger, job.id).await.map_err(failed)? {
            rows.push(row(job, &counts));
        }
    }
    match args.output {
        Output::Json => output::json(&rows)?,
        Output::Text => output::print(&table(&rows))?,
    }
    if let (Some(job), true, Output::Text) = (found.first(), args.job.is_some(), args.output) {
        troubles(ledger, job).await?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(job: &Job, counts: &Progress) -> Row {
    let age = SystemTime::now().duration_since(job.times.created).unwrap_or_default();
    Row {
        job: format!("{}/{}", job.namespace, job.name),
        uid: job.uid,
        state: if job.suspended { "Suspended" } else { job.state.as_str() },
        total: counts.total,
        signed: counts.signed,
        rejected: counts.rejected,
        changed: counts.changed,
        backlog: counts.backlog,
        keys_active: counts.keys_active,
        keys_retired: counts.keys_retired,
        keys_leased: counts.keys_leased,
        age_seconds: age.as_secs(),
        failure: job.failure.clone(),
    }
}

fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no jobs\n".to_owned();
    }
    let width = rows.iter().map(|row| row.job.len()).max().unwrap_or(0).max(3);
    let mut table = format!(
        "{:<width$}  {:<12} {:>12} {:>12} {:>9} {:>12} {:>7}  AGE\n",
        "JOB", "STATE", "TOTAL", "SIGNED", "REJECTED", "BACKLOG", "KEYS"
    );
    for row in rows {
        let age = humantime::format_duration(std::time::Duration::from_secs(row.age_seconds)).to_string();
        let age = age.split(' ').take(2).collect::<String>();
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "{:<width$}  {:<12} {:>12} {:>12} {:>9} {:>12} {:>7}  {age}",
            printable(&row.job),
            row.state,
            row.total,
            row.signed,
            row.rejected,
            row.backlog,
            row.keys_active
        );
    }
    table
}

async fn troubles(ledger: &Ledger, job: &Job) -> Result<(), Failure> {
    let failed = |error: vaultstream_ledger::QueryError| Failure::of(&error);
    if let Some(failure) = &job.failure {
        output::line(format_args!("\nfailed: {}", printable(failure)))?;
    }
    for reject in rejects(ledger, job.id, None, SHOWN).await.map_err(failed)? {
        let (reason, detail) = (printable(&reject.reason), printable(&reject.detail));
        output::line(format_args!("reject: record {}: {reason}: {detail}", reject.id))?;
    }
    for key in damaged::keys(ledger, job.id).await.map_err(failed)? {
        output::line(format_args!(
            "damaged key: {}, set aside after {} signatures: {}",
            key.id.0,
            key.signed,
            printable(&key.why)
        ))?;
    }
    for batch in failures(ledger, job.id).await.map_err(failed)? {
        let (first, last) = batch.range;
        let why = batch.why.unwrap_or_default();
        output::line(format_args!(
            "failing: batch {} (records {first} to {last}): {} attempts: {}",
            batch.batch.0,
            batch.attempts,
            printable(&why)
        ))?;
    }
    Ok(())
}
