//! `vaultstream migrate`: creates or updates the ledger's schema.

use std::process::ExitCode;

use vaultstream_ledger::tenants;

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
    if opened.location.database.is_some()
        && let Some(statement) = tenants::open_to_public(&opened.ledger).await.map_err(|error| Failure::of(&error))?
    {
        output::remark(format_args!(
            "every login of the server may connect to this database. If it holds nothing that others use: {statement}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
