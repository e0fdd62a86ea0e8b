//! `vaultstream status`: the jobs of a ledger.

mod details;
mod row;
mod table;
mod text;

use std::{process::ExitCode, time::Duration};

use vaultstream_ledger::{Job, QueryError, jobs, progress};

use self::row::JobRow;
use crate::{
    args::{OutputFormat, StatusArgs},
    error::Failure,
    ledger::{self, OpenLedger},
    output,
};

/// Interval of `--watch`.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Prints the live jobs, all jobs, or one job with its details. With `--watch` it prints them at an interval.
///
/// # Errors
/// One sentence.
pub(crate) async fn print(args: StatusArgs) -> Result<ExitCode, Failure> {
    loop {
        // The ledger is closed between polls: as long as it is open no run can begin or end in that data-dir.
        let (text, over) = poll(&args).await?;
        match args.output {
            OutputFormat::Text if args.watch && output::stdout_colours() => {
                output::print(&format!("\u{1b}[2J\u{1b}[H{text}"))?
            }
            _ => output::print(&text)?,
        }
        if !args.watch || over {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(WATCH_INTERVAL).await;
    }
}

/// Reads the jobs. Returns the text to print, and whether the job that was asked for is over.
async fn poll(args: &StatusArgs) -> Result<(String, bool), Failure> {
    let named = args.job.as_ref().or(args.name.as_ref());
    let opened = ledger::open_for(&args.ledger, named).await?;
    let OpenLedger { ledger, .. } = &opened;
    let job = named.map(|job| job.within(&opened.namespace()));
    let failed = |error: QueryError| Failure::of(&error);
    let found = match (&job, args.uid) {
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
    let one = (job.is_some() || args.uid.is_some()) && !args.all;
    let mut rows = Vec::with_capacity(found.len());
    for job in &found {
        // A job that was deleted meanwhile is left out.
        let Some(counts) = progress(ledger, job.id).await.map_err(failed)? else { continue };
        let details = if one { Some(details::read(ledger, job).await?) } else { None };
        rows.push(JobRow::read(ledger, job, &counts, details).await?);
    }
    let over = one && found.iter().all(|job| job.state.is_terminal());
    let text = match (args.output, rows.first()) {
        (OutputFormat::Json, _) => {
            let json = serde_json::to_string(&rows).map_err(|error| Failure::of(&error))?;
            format!("{json}\n")
        }
        (OutputFormat::Text, Some(row)) if one => row.to_string(),
        (OutputFormat::Text, _) if args.all => table::with_uids(&rows),
        (OutputFormat::Text, _) => table::live(&rows),
    };
    Ok((text, over))
}
