//! `vaultstream source enable`.

use vaultstream_ledger::arrivals::{self, Enable, Enabled, Outcome};

use super::database::{connected, failed, named};
use crate::{args::SourceEnableArgs, error::Failure, output};

/// Has new rows noted, and says who may read them.
///
/// # Errors
/// One sentence with what to mend.
pub(super) async fn enable(args: SourceEnableArgs) -> Result<(), Failure> {
    let database = connected(&args.database).await?;
    let wish = Enable {
        table: named(args.table),
        key: args.key.map(|columns| columns.0),
        readers: args.reader,
        lock_timeout: *args.lock_timeout,
    };
    let enabled = arrivals::enable(&database, &wish).await.map_err(failed)?;
    for line in told(&enabled) {
        output::line(output::printable(&line))?;
    }
    Ok(())
}

fn told(enabled: &Enabled) -> [String; 2] {
    let Enabled { table, owner, key, readers, outcome } = enabled;
    let key = key.join(", ");
    let done = match outcome {
        Outcome::Made => format!("{table}: new rows are noted from now on, by the key ({key})"),
        Outcome::Kept => format!("{table}: new rows are noted already, by the key ({key})"),
        Outcome::MadeAnew => format!(
            "{table}: new rows are noted again, by the key ({key}); a job that follows will look through the whole table for those that were not"
        ),
    };
    let who = if readers.is_empty() {
        format!("only {owner}, its owner, may read what is noted: --reader ROLE lets the login of the workers do so")
    } else {
        format!("beside {owner}, its owner, these roles may read what is noted: {}", readers.join(", "))
    };
    [done, who]
}
