//! `vaultstream source disable`.

use vaultstream_ledger::arrivals;

use super::database::{connected, failed, named};
use crate::{args::SourceDisableArgs, error::Failure, output};

/// Removes what notes new rows of a table.
///
/// # Errors
/// One sentence with what to mend.
pub(super) async fn disable(args: SourceDisableArgs) -> Result<(), Failure> {
    let database = connected(&args.database).await?;
    let disabled = arrivals::disable(&database, &named(args.table), args.force, *args.lock_timeout).await;
    let disabled = disabled.map_err(failed)?;
    let lost = match disabled.waiting {
        0 => String::new(),
        rows => format!("; keys of {rows} new rows went with it, which no job has planned"),
    };
    let table = output::printable(&disabled.table);
    output::line(format_args!("{table}: new rows are noted no more, and all that noted them is gone{lost}"))?;
    if let Some(job) = disabled.job {
        output::remark(format_args!("the job {job} followed {table}, and finds no new rows now"));
    }
    Ok(())
}
