//! `vaultstream migrate`: creates or updates the ledger's schema.

use std::process::ExitCode;

use crate::{args::LedgerArgs, error::Failure, ledger, migration, output};

/// Migrates the ledger that the arguments name.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn migrate(args: LedgerArgs) -> Result<ExitCode, Failure> {
    let opened = ledger::connect(&args).await?;
    let migrated = migration::bring_up_to_date(&opened.ledger, &opened.location).await?;
    match migrated.applied {
        0 => output::line(format_args!("the ledger is up to date (schema version {})", migrated.version)),
        applied => output::line(format_args!(
            "the ledger was migrated to schema version {} ({applied} migrations)",
            migrated.version
        )),
    }?;
    Ok(ExitCode::SUCCESS)
}
