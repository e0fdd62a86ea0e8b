//! What a receipt says, from what the ledger has: made from it when a job is finished, compared with it when one is verified.

use std::time::SystemTime;

use vaultstream_ledger::{
    Job, JobId, Ledger, Progress, QueryError, rejects,
    verify::{PublicKeyRow, signing_keys},
};
use vaultstream_signing::{
    Hash, PublicKey, Receipt, merkle,
    receipt::{KeyUse, KeyUseCollector, KeyUses, ReceiptFormat, Totals, spec_hash},
};

use crate::keys::KeyError;

/// The number of rejects read at a time.
const REJECTS_PAGE: usize = 20_000;
/// The number of keys read at a time.
const KEYS_PAGE: usize = 5_000;

/// The receipt of a job whose every batch is signed, in the format of which its `keys` are. `root` is over the roots of its batches,
/// `rejects` over its rejects.
#[must_use]
pub fn receipt_of(
    job: &Job,
    counts: &Progress,
    (format_version, keys): (ReceiptFormat, KeyUses),
    root: Hash,
    rejects: Option<Hash>,
) -> Receipt {
    Receipt {
        format_version,
        uid: job.uid,
        namespace: job.namespace.clone(),
        name: job.name.clone(),
        spec_hash: spec_hash(&job.spec),
        records: Totals {
            total: counts.total.unsigned_abs(),
            signed: counts.signed.unsigned_abs(),
            rejected: counts.rejected.unsigned_abs(),
            changed: counts.changed.unsigned_abs(),
        },
        merkle_root: root,
        rejects_root: rejects,
        keys,
        backends: job.backends.clone(),
        verify: job.spec.signing.verify.as_str().to_owned(),
        started_at: rfc3339(job.times.published.unwrap_or(job.times.created)),
        completed_at: rfc3339(job.times.signed.unwrap_or(job.times.created)),
        details: None,
    }
}

/// What a receipt of this format says of the keys that signed the job's records. Memory does not grow with their number, unless the
/// format lists all of them. When a public key of the ledger is damaged, the inner error says which one.
///
/// # Errors
/// When Postgres fails.
pub async fn key_uses(
    ledger: &Ledger,
    job: JobId,
    format: ReceiptFormat,
) -> Result<Result<KeyUses, KeyError>, QueryError> {
    let mut keys = KeyUseCollector::new(format);
    // The receipt key, which has the ordinal 0, signs no records.
    let mut last = (0, i32::MAX);
    loop {
        let page = signing_keys(ledger, job, last, KEYS_PAGE).await?;
        let Some(end) = page.last() else { return Ok(Ok(keys.finish())) };
        last = (end.ordinal, end.version);
        for key in &page {
            match key_use(key) {
                Ok(key) => keys.push(key),
                Err(damaged) => return Ok(Err(damaged)),
            }
        }
    }
}

/// The root over all rejects of a job, ids ascending; `None` when it has no rejects.
///
/// # Errors
/// When Postgres fails.
pub async fn rejects_root(ledger: &Ledger, job: JobId) -> Result<Option<Hash>, QueryError> {
    let mut tree = merkle::Tree::new();
    let mut last = None;
    loop {
        let page = rejects(ledger, job, last, REJECTS_PAGE).await?;
        let Some(end) = page.last() else { return Ok(last.map(|_| tree.root())) };
        last = Some(end.id);
        for reject in &page {
            tree.push(merkle::reject_leaf(reject.id, &reject.reason));
        }
    }
}

fn key_use(key: &PublicKeyRow) -> Result<KeyUse, KeyError> {
    let public =
        PublicKey::from_spki_der(&key.public_key).map_err(|source| KeyError::PublicKey { key: key.id, source })?;
    Ok(KeyUse { kid: public.thumbprint(), signed: key.signed.unsigned_abs() })
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
