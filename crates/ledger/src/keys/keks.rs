//! Canaries of key-encryption keys: whether a loaded KEK is the one that wrapped this ledger's keys.

use vaultstream_signing::{
    Kek,
    kek::{KekError, WrongKek},
};

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;

/// A KEK cannot be used with this ledger.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// No canary can be made.
    #[error("failed to use the key-encryption key")]
    Kek(#[from] KekError),
    /// The canary cannot be stored or read.
    #[error("failed to use the ledger")]
    Ledger(#[from] QueryError),
    /// Another KEK has its id here: the key's bytes changed under it.
    #[error(transparent)]
    Wrong(#[from] WrongKek),
}

impl Ledger {
    /// Registers a KEK before its first use, or fails because another one has its id here.
    ///
    /// # Errors
    ///
    /// See [`RegisterError`].
    pub async fn register_kek(&self, kek: &Kek) -> Result<(), RegisterError> {
        let canary = self.insert_kek_canary(kek.id().as_str(), &kek.canary()?).await?;
        Ok(kek.check_canary(&canary)?)
    }

    /// The canary stored under this KEK's id, if it was ever used here.
    ///
    /// # Errors
    ///
    /// When Postgres fails.
    pub async fn kek_canary(&self, kek_id: &str) -> Result<Option<Vec<u8>>, QueryError> {
        // migrations/V14__tenants.sql
        let sql = "SELECT vaultstream.kek_canary($1) AS canary";
        Ok(self.query_one("read the canary of a key-encryption key", sql, &[&kek_id]).await?.get("canary"))
    }

    /// Stores the canary unless there is one, and returns the stored one: check the KEK against that, because another worker may
    /// have been faster.
    ///
    /// # Errors
    ///
    /// When Postgres fails.
    pub async fn insert_kek_canary(&self, kek_id: &str, canary: &[u8]) -> Result<Vec<u8>, QueryError> {
        // migrations/V14__tenants.sql
        let sql = "SELECT vaultstream.register_kek($1, $2) AS canary";
        Ok(self.query_one("store the canary of a key-encryption key", sql, &[&kek_id, &canary]).await?.get("canary"))
    }

    /// The KEKs under which the job's data key is wrapped, and those of its private keys that may still sign.
    ///
    /// # Errors
    ///
    /// When Postgres fails.
    pub async fn keks_of_job(&self, job: JobId) -> Result<Vec<String>, QueryError> {
        let sql = "SELECT DISTINCT kek_id FROM vaultstream.tenant_keys \
             WHERE job_id = $1 AND kek_id IS NOT NULL AND state = 'active' \
             UNION SELECT kek_id FROM vaultstream.data_key_of($1) WHERE kek_id IS NOT NULL ORDER BY kek_id";
        let rows = self.query("read the job's KEKs", sql, &[&job.0]).await?;
        Ok(rows.iter().map(|row| row.get("kek_id")).collect())
    }
}
