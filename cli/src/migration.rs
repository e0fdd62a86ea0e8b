//! Creates or updates the schema of a ledger.

use vaultstream_ledger::{Ledger, MigrateError, Migrated, schema_version};

use crate::{error::Failure, location::LedgerLocation};

/// Creates or updates the schema. Says which ledger it is before anything is changed.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn bring_up_to_date(ledger: &Ledger, location: &LedgerLocation) -> Result<Migrated, Failure> {
    let newest = schema_version();
    match ledger.check_version().await {
        Ok(version) => {
            location.tell(ledger, version, "");
            return Ok(Migrated { version, applied: 0 });
        }
        Err(MigrateError::NoLedger { .. }) => location.tell(ledger, newest, ", made now"),
        Err(MigrateError::NotMigrated { found, .. }) => location.tell(ledger, newest, &format!(", until now {found}")),
        Err(error) => return Err(Failure::input(&error)),
    }
    ledger.migrate().await.map_err(|error| Failure::input(&error))
}
