//! What a verification, an export or a receipt reads of a job.

mod bulk;
mod checks;
mod completeness;
mod coverage;
mod held;
mod records;
mod rejects_root;
pub(crate) mod row_keys;
mod signed;
mod signed_row;
mod unreached;
mod unsigned;
mod violation;
mod walk;

use std::collections::BTreeSet;
use std::time::SystemTime;

use tokio_postgres::Row;
use uuid::Uuid;
use vaultstream_signing::{Hash, merkle};

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{BatchNo, JobId, KeyId};
use crate::keys::revocation::Revocation;

pub use crate::copy_out::ReadError;
#[cfg(test)]
pub(crate) use bulk::ordered_signatures;
pub use completeness::{Violation, completeness};
pub use coverage::{Coverage, coverage};
pub use rejects_root::{batch_rejects_root, rejects_root};
pub use row_keys::row_keys;
pub use signed::SignedRows;
#[cfg(test)]
pub(crate) use signed::{beside_source, ends_of_piece};
pub use signed_row::{Lost, Now, SignedRow, Visit};
pub use unsigned::{Unsigned, newer_rows, unsigned_between, unsigned_rows};
pub use violation::ViolationKind;
#[cfg(test)]
pub(crate) use walk::Piece;
pub use walk::Rows;

/// A signed batch, with what its root was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBatch {
    /// Which batch.
    pub batch: BatchNo,
    /// First id.
    pub first: i64,
    /// Last id.
    pub last: i64,
    /// Rows that were seen in it.
    pub rows: i64,
    /// Rows that were planned in it.
    pub planned: i64,
    /// Signatures.
    pub signed: i64,
    /// Rejects.
    pub rejected: i64,
    /// The key that signed and sealed; `None` when there was nothing to sign and nothing was sealed.
    pub key: Option<KeyId>,
    /// The lease that committed it.
    pub lease: Option<Uuid>,
    /// The batch's root.
    pub root: Vec<u8>,
    /// The root over its signed records; `None` in a batch without a seal.
    pub tree: Option<Vec<u8>>,
    /// The key's signature over the root; `None` in a batch of a version that sealed none.
    pub seal: Option<Vec<u8>>,
    /// When it was committed.
    pub signed_at: Option<SystemTime>,
}

/// The signed batches with numbers from `from` on, ascending, at most `limit`. The job's root is over all of them.
///
/// # Errors
///
/// When Postgres fails.
pub async fn batch_roots(ledger: &Ledger, job: JobId, from: i64, limit: usize) -> Result<Vec<SignedBatch>, QueryError> {
    let sql = "SELECT batch, first_id, last_id, rows, rows_planned, signed, rejected, key_id, lease, merkle_root, tree_root, seal, signed_at \
         FROM vaultstream.tenant_batches \
         WHERE job_id = $1 AND batch >= $2 AND state = 'signed' ORDER BY batch LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = ledger.query("read the roots of the batches", sql, &[&job.0, &from, &limit]).await?;
    let batches = rows.iter().map(|row| SignedBatch {
        batch: BatchNo(row.get("batch")),
        first: row.get("first_id"),
        last: row.get("last_id"),
        rows: row.get("rows"),
        planned: row.get("rows_planned"),
        signed: row.get("signed"),
        rejected: row.get("rejected"),
        key: row.get::<_, Option<i64>>("key_id").map(KeyId),
        lease: row.get("lease"),
        root: row.get("merkle_root"),
        tree: row.get("tree_root"),
        seal: row.get("seal"),
        signed_at: row.get("signed_at"),
    });
    Ok(batches.collect())
}

/// The last id before the first place where the ranges of the batches overlap or leave a gap; `None` when there is no such place.
///
/// # Errors
///
/// When Postgres fails.
pub async fn gap_in_ranges(ledger: &Ledger, job: JobId) -> Result<Option<i64>, QueryError> {
    let sql = format!("SELECT min(before) AS before FROM {}", checks::GAPS);
    Ok(ledger.query_one("compare the ranges of the batches", &sql, &[&job.0]).await?.get("before"))
}

/// Batches whose roots are read in one statement.
const ROOTS_PAGE: usize = 20_000;

/// The job's root: the Merkle root over the roots of its signed batches, ascending. Memory grows with the logarithm of their number.
/// When a stored root is not a hash, the inner error is the first such batch.
///
/// # Errors
///
/// When Postgres fails.
pub async fn job_root(ledger: &Ledger, job: JobId) -> Result<Result<Hash, BatchNo>, QueryError> {
    let mut tree = merkle::Tree::new();
    Ok(each_root(ledger, job, |root| tree.push(root)).await?.map(|()| tree.root()))
}

/// Shows the roots of the job's signed batches to `visit`, ascending. When a stored root is not a hash, the inner error is the first
/// such batch.
///
/// # Errors
///
/// When Postgres fails.
pub async fn each_root(
    ledger: &Ledger,
    job: JobId,
    mut visit: impl FnMut(Hash),
) -> Result<Result<(), BatchNo>, QueryError> {
    let mut from = 0;
    loop {
        let page = batch_roots(ledger, job, from, ROOTS_PAGE).await?;
        let Some(last) = page.last() else { return Ok(Ok(())) };
        from = last.batch.0 + 1;
        for batch in &page {
            match batch.root.as_slice().try_into() {
                Ok(root) => visit(root),
                Err(_) => return Ok(Err(batch.batch)),
            }
        }
    }
}

/// A key's public half and what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKeyRow {
    /// Which key.
    pub id: KeyId,
    /// Its place among the job's keys; 0 is the receipt key.
    pub ordinal: i32,
    /// Its version.
    pub version: i32,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// Signatures made with it.
    pub signed: i64,
    /// Order of its last use.
    pub last_used: Option<i64>,
    /// When its private key was erased.
    pub erased: Option<SystemTime>,
    /// It was revoked.
    pub revocation: Option<Revocation>,
}

/// The keys that have signed records of the job, by ordinal and version: at most `limit` of those behind the key with the ordinal and
/// version `after`.
///
/// # Errors
///
/// When Postgres fails.
pub async fn signing_keys(
    ledger: &Ledger,
    job: JobId,
    after: (i32, i32),
    limit: usize,
) -> Result<Vec<PublicKeyRow>, QueryError> {
    let sql = "SELECT id, ordinal, version, public_key, signed, last_used, erased_at, revoked_at, revocation, compromised \
          FROM vaultstream.tenant_keys WHERE job_id = $1 AND (ordinal, version) > ($2, $3) AND ordinal > 0 AND signed > 0 \
           AND public_key IS NOT NULL ORDER BY ordinal, version LIMIT $4";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = ledger.query("read the keys that signed", sql, &[&job.0, &after.0, &after.1, &limit]).await?;
    Ok(rows.iter().map(public_key).collect())
}

/// The job's keys that exist, the receipt key among them, by ordinal and version; without those that were set aside before they had
/// signed anything.
///
/// # Errors
///
/// When Postgres fails.
pub async fn public_keys(ledger: &Ledger, job: JobId) -> Result<Vec<PublicKeyRow>, QueryError> {
    let sql = "SELECT id, ordinal, version, public_key, signed, last_used, erased_at, revoked_at, revocation, compromised \
          FROM vaultstream.tenant_keys WHERE job_id = $1 AND public_key IS NOT NULL AND (state <> 'damaged' OR signed > 0 OR batches > 0) \
         ORDER BY ordinal, version";
    let rows = ledger.query("read the job's public keys", sql, &[&job.0]).await?;
    Ok(rows.iter().map(public_key).collect())
}

/// The job's keys that sealed batches without records, whether they signed records of others or not.
///
/// # Errors
///
/// When Postgres fails.
pub async fn keys_of_rejects(ledger: &Ledger, job: JobId) -> Result<BTreeSet<KeyId>, QueryError> {
    let sql = "SELECT DISTINCT key_id FROM vaultstream.tenant_batches WHERE job_id = $1 AND signed = 0 AND key_id IS NOT NULL";
    let rows = ledger.query("read the keys that sealed", sql, &[&job.0]).await?;
    Ok(rows.iter().map(|row| KeyId(row.get(0))).collect())
}

/// The keys that signed or sealed the first batches of a job, and how many records each of them signed there.
///
/// # Errors
///
/// When Postgres fails.
pub async fn key_uses_below(ledger: &Ledger, job: JobId, batches: i64) -> Result<Vec<(KeyId, i64)>, QueryError> {
    let sql = "SELECT key_id, sum(signed)::bigint AS signed FROM vaultstream.tenant_batches \
         WHERE job_id = $1 AND batch < $2 AND key_id IS NOT NULL GROUP BY key_id";
    let rows = ledger.query("read the keys that signed the first batches", sql, &[&job.0, &batches]).await?;
    Ok(rows.iter().map(|row| (KeyId(row.get("key_id")), row.get("signed"))).collect())
}

fn public_key(row: &Row) -> PublicKeyRow {
    PublicKeyRow {
        id: KeyId(row.get("id")),
        ordinal: row.get("ordinal"),
        version: row.get("version"),
        public_key: row.get("public_key"),
        signed: row.get("signed"),
        last_used: row.get("last_used"),
        erased: row.get("erased_at"),
        revocation: Revocation::of_row(row),
    }
}
