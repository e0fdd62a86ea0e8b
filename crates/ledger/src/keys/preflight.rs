//! What a run will find in the ledger, before it changes anything.

use vaultstream_signing::Kek;

use super::keks::RegisterError;
use crate::connection::Ledger;
use crate::migrate::{MigrateError, schema_version};

/// What the database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// The ledger's schema version; `None` where a ledger would be created.
    pub version: Option<u32>,
    /// Whether the key-encryption key fits; `None` where no file has it.
    pub kek: Option<KekFit>,
}

/// How a key-encryption key fits a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KekFit {
    /// No key-encryption key was ever used here.
    First,
    /// It was used here before.
    Known,
    /// Only others were used here: jobs that are there cannot be continued with this one.
    New {
        /// The ids of the others, sorted.
        registered: Vec<String>,
    },
}

/// Why a run would fail.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    /// The ledger cannot be made, migrated or read.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// The key-encryption key cannot be used here.
    #[error(transparent)]
    Kek(#[from] RegisterError),
}

impl Ledger {
    /// Checks whether a run with this key-encryption key can work here: the role's rights to migrate where that is needed, and
    /// the keys that were used before. A key of a service is checked when it is used. Only reads.
    ///
    /// # Errors
    ///
    /// See [`PreflightError`].
    pub async fn preflight(&self, kek: Option<&Kek>) -> Result<Preflight, PreflightError> {
        let version = match self.check_version().await {
            Ok(version) => Some(version),
            Err(MigrateError::NoLedger { .. }) => None,
            Err(MigrateError::NotMigrated { found, .. }) => Some(found),
            Err(error) => return Err(error.into()),
        };
        if version.is_none_or(|found| found < schema_version()) {
            self.check_rights().await?;
        }
        let kek = match (kek, version) {
            (Some(kek), Some(_)) => Some(self.kek_fit(kek).await?),
            (Some(_), None) => Some(KekFit::First),
            (None, _) => None,
        };
        Ok(Preflight { version, kek })
    }

    async fn kek_fit(&self, kek: &Kek) -> Result<KekFit, RegisterError> {
        const ACTION: &str = "read the key-encryption keys of the ledger";
        let id = kek.id().as_str();
        // From the table: a ledger that is still to be migrated may lack the function.
        let rows = self.query(ACTION, "SELECT kek_id, canary FROM vaultstream.keks ORDER BY kek_id", &[]).await?;
        if let Some(known) = rows.iter().find(|row| row.get::<_, &str>("kek_id") == id) {
            kek.check_canary(known.get("canary"))?;
            return Ok(KekFit::Known);
        }
        let registered: Vec<String> = rows.iter().map(|row| row.get("kek_id")).collect();
        Ok(if registered.is_empty() { KekFit::First } else { KekFit::New { registered } })
    }
}
