//! The key pairs behind a receipt.

use std::collections::HashMap;

use super::leases::{Material, Wrapping};
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};

/// A key pair as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// The key's version.
    pub version: i32,
    /// Both halves. The private one is empty when it is gone.
    pub material: Material,
    /// The proof that the public key was made for this row; workers of versions before make none.
    pub origin: Option<Vec<u8>>,
}

/// The pairs of these keys of a job that is Finishing. A key that the job does not have, or that was never made, is not among them.
///
/// # Errors
///
/// When Postgres fails.
pub async fn pairs(ledger: &Ledger, job: JobId, keys: &[KeyId]) -> Result<HashMap<KeyId, KeyPair>, QueryError> {
    // migrations/V18__seals.sql
    let sql = "SELECT id, version, public_key, wrapped_key, kek_id, origin FROM vaultstream.pairs_for_receipt($1, $2)";
    let keys: Vec<i64> = keys.iter().map(|key| key.0).collect();
    let rows = ledger.query("read the keys of a receipt", sql, &[&job.0, &keys]).await?;
    let pair = |row: &tokio_postgres::Row| KeyPair {
        version: row.get("version"),
        material: Material {
            public_key: row.get("public_key"),
            wrapped_key: row.get::<_, Option<_>>("wrapped_key").unwrap_or_default(),
            wrapping: row.get::<_, Option<_>>("kek_id").map_or(Wrapping::DataKey, Wrapping::Kek),
        },
        origin: row.get("origin"),
    };
    Ok(rows.iter().map(|row| (KeyId(row.get("id")), pair(row))).collect())
}
