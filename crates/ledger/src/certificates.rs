//! Certificates of receipt keys: what workers ask for, and what issuers have made. The SQL is in migrations/V20__certificates.sql.

use tokio_postgres::Row;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::{JobId, KeyId};
use crate::queries::Params;
use crate::worker::leases::Lease;

/// A worker's request for the certificate of a receipt key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// The name of the challenge.
    pub challenge: Vec<u8>,
    /// The receipt key.
    pub key: KeyId,
    /// The key as it is in the ledger, SubjectPublicKeyInfo in DER; `None` once it is gone.
    pub public_key: Option<Vec<u8>>,
    /// The key's signature over the request, r ‖ s.
    pub signature: Vec<u8>,
    /// HMAC-SHA256 of the request under the challenge.
    pub tag: Vec<u8>,
    /// The certificates, in DER, that of the key first; `None` before they are issued.
    pub chain: Option<Vec<Vec<u8>>>,
}

/// What the holder of a receipt key asks with.
#[derive(Clone, Copy, Debug)]
pub struct NewRequest<'a> {
    /// The name of the challenge.
    pub challenge: &'a [u8; 8],
    /// The key's signature over the request, r ‖ s.
    pub signature: &'a [u8; 64],
    /// HMAC-SHA256 of the request under the challenge.
    pub tag: &'a [u8; 32],
}

/// The outcome of asking for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Asked {
    /// The ledger has the request.
    Stored,
    /// Nothing was stored: the lease of the receipt key is over, or the job waits for no receipt.
    LeaseLost,
}

/// The requests of a job, the latest first.
///
/// # Errors
///
/// When Postgres fails.
pub async fn of_job(ledger: &Ledger, job: JobId) -> Result<Vec<CertificateRow>, QueryError> {
    let sql = "SELECT c.challenge, c.key_id, c.signature, c.tag, c.chain, k.public_key \
          FROM vaultstream.tenant_receipt_certificates c \
          LEFT JOIN vaultstream.tenant_keys k ON k.id = c.key_id AND k.job_id = c.job_id AND k.ordinal = 0 AND k.state = 'active' \
         WHERE c.job_id = $1 ORDER BY c.requested_at DESC, c.challenge";
    let row = |row: &Row| CertificateRow {
        challenge: row.get("challenge"),
        key: KeyId(row.get("key_id")),
        public_key: row.get("public_key"),
        signature: row.get("signature"),
        tag: row.get("tag"),
        chain: row.get("chain"),
    };
    Ok(ledger.query("read the requests for certificates", sql, &[&job.0]).await?.iter().map(row).collect())
}

/// Asks for a certificate under the lease of the receipt key, and gives up those that were issued.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn ask(ledger: &Ledger, lease: &Lease, request: NewRequest<'_>) -> Result<Asked, QueryError> {
    let sql = "SELECT vaultstream.request_certificate($1, $2, $3, $4, $5, $6, $7) AS stored";
    let NewRequest { challenge, signature, tag } = request;
    let (challenge, signature, tag) = (challenge.as_slice(), signature.as_slice(), tag.as_slice());
    let params: Params<'_> = &[&lease.job.0, &lease.key.0, &lease.epoch, &lease.id, &challenge, &signature, &tag];
    let stored = ledger.query_one("ask for a certificate", sql, params).await?.get("stored");
    Ok(if stored { Asked::Stored } else { Asked::LeaseLost })
}

/// Stores what an issuer has made of a request; nothing when the request is gone.
///
/// # Errors
///
/// When Postgres fails; calling again is safe.
pub async fn store(ledger: &Ledger, job: JobId, row: &CertificateRow, chain: &[Vec<u8>]) -> Result<(), QueryError> {
    let sql = "UPDATE vaultstream.receipt_certificates SET chain = $4, issued_at = clock_timestamp() \
         WHERE job_id = $1 AND challenge = $2 AND signature = $3 AND chain IS NULL";
    let params: Params<'_> = &[&job.0, &row.challenge, &row.signature, &chain];
    ledger.execute("store a certificate", sql, params).await.map(drop)
}
