//! `vaultstream source status`.

use std::time::{Duration, SystemTime};

use serde_json::json;
use vaultstream_ledger::arrivals::{self, Status, TriggerState};

use super::database::{connected, failed, named};
use crate::{
    args::{OutputFormat, SourceStatusArgs},
    columns::columns,
    error::Failure,
    output,
};

/// Shows the tables whose new rows are noted.
///
/// # Errors
/// One sentence with what to mend.
pub(super) async fn status(args: SourceStatusArgs) -> Result<(), Failure> {
    let database = connected(&args.database).await?;
    let table = args.table.map(named);
    let tables = arrivals::status(&database, table.as_ref()).await.map_err(failed)?;
    match args.output {
        OutputFormat::Json => tables.iter().try_for_each(|table| output::json(&object(table)))?,
        OutputFormat::Text => {
            let head = ["TABLE", "TRIGGER", "KEY", "WAITING", "OLDEST", "READERS", "JOB", "SINCE"];
            let rows: Vec<_> = tables.iter().map(row).collect();
            output::print(&columns(&head, rows, 8))?;
        }
    }
    for table in &tables {
        if let Some(advice) = advice(table) {
            output::remark(advice);
        }
    }
    Ok(())
}

fn row(status: &Status) -> [String; 8] {
    let printable = |text: &str| output::printable(text).into_owned();
    let age = status.oldest.map(|age| humantime::format_duration(Duration::from_secs(age.as_secs())).to_string());
    let follower = status.follower.as_ref();
    [
        printable(&status.table),
        state(status).to_owned(),
        printable(&status.key.join(",")),
        // Others may see that the table is followed, and not by how many rows it has grown.
        status.waiting.map_or_else(|| "?".to_owned(), |rows| rows.to_string()),
        age.unwrap_or_default(),
        printable(&status.readers.join(",")),
        follower.map(|follower| follower.job.to_string()).unwrap_or_default(),
        follower.map(|follower| time(follower.since)).unwrap_or_default(),
    ]
}

fn object(status: &Status) -> serde_json::Value {
    json!({
        "table": status.table,
        "trigger": state(status),
        "key": status.key,
        "renamedFrom": status.renamed_from,
        "waiting": status.waiting,
        "oldestSeconds": status.oldest.map(|age| age.as_secs_f64()),
        "readers": status.readers,
        "job": status.follower.map(|follower| follower.job),
        "since": status.follower.map(|follower| time(follower.since)),
    })
}

fn state(status: &Status) -> &'static str {
    match status.trigger {
        TriggerState::Enabled => "enabled",
        TriggerState::ReplicaOnly => "replica-only",
        TriggerState::Disabled => "disabled",
        TriggerState::Missing => "missing",
    }
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// What to do about a table whose new rows are not noted.
fn advice(status: &Status) -> Option<String> {
    let table = &status.table;
    let mend = format!("`vaultstream source enable --table '{table}'`");
    if let Some(were) = &status.renamed_from {
        let (were, are) = (were.join(", "), status.key.join(", "));
        return Some(format!(
            "{table}: its key was ({were}) and is ({are}) now, so that nothing can be inserted: {mend} mends that"
        ));
    }
    match status.trigger {
        TriggerState::Enabled => None,
        _ => {
            Some(format!("{table}: new rows are not noted, since the trigger is {}: {mend} mends that", state(status)))
        }
    }
}
