//! What a receipt says, from what the ledger has: made from it when a job is finished, compared with it when one is verified.

use std::time::SystemTime;

use vaultstream_api::{JsonForm, Signed, Source, Verify};
use vaultstream_ledger::{
    Job, JobId, Ledger, QueryError,
    verify::{PublicKeyRow, signing_keys},
};
use vaultstream_signing::{
    CheckpointState, Hash, PublicKey, Receipt,
    receipt::{
        Checkpoint, IdsAre, KeyUse, KeyUseCollector, KeyUses, ReceiptDetails, ReceiptFormat, SignedSource, Totals,
        spec_hash,
    },
};

use crate::keys::KeyError;

/// The number of keys read at a time.
const KEYS_PAGE: usize = 5_000;

/// What a receipt says beside what the job's row says.
#[derive(Clone, Debug)]
pub struct ReceiptFacts {
    /// The format of the receipt, unless it is a checkpoint.
    pub format: ReceiptFormat,
    /// Which checkpoint it is, where the job follows its table.
    pub checkpoint: Option<Checkpoint>,
    /// What became of the records.
    pub records: Totals,
    /// The root over the roots of the batches.
    pub root: Hash,
    /// The root over the rejects, if there are any.
    pub rejects_root: Option<Hash>,
    /// The keys that signed records.
    pub keys: KeyUses,
    /// Batches.
    pub batches: u64,
    /// Batches with a seal.
    pub sealed: u64,
    /// The version of the program that makes the receipt.
    pub software_version: String,
    /// When it is made.
    pub made_at: String,
}

impl ReceiptFacts {
    /// What a checkpoint says: all its sums are those of the state behind it. Its place comes from [`SignedCheckpoint::next`] of the one
    /// that the ledger has, or is [`Checkpoint::first`].
    ///
    /// [`SignedCheckpoint::next`]: vaultstream_signing::receipt::SignedCheckpoint::next
    #[must_use]
    pub fn of_checkpoint(state: &CheckpointState, place: Checkpoint, made_at: SystemTime) -> Self {
        Self {
            format: ReceiptFormat::V6,
            checkpoint: Some(place),
            records: state.totals(),
            root: state.root(),
            rejects_root: state.rejects_root(),
            keys: state.keys(),
            batches: state.batches(),
            sealed: state.sealed(),
            software_version: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: rfc3339(made_at),
        }
    }
}

/// The receipt of a job whose every batch is signed, or a checkpoint over its first batches.
#[must_use]
pub fn receipt_of(job: &Job, facts: ReceiptFacts) -> Receipt {
    let source = signed_source(job);
    let (format_version, has_details) = match (facts.checkpoint, facts.format) {
        (Some(_), _) => (ReceiptFormat::V6, true),
        (None, older @ (ReceiptFormat::V1 | ReceiptFormat::V2)) => (older, false),
        (None, _) => (source.format(), true),
    };
    let details = has_details.then(|| ReceiptDetails {
        software_version: facts.software_version,
        cluster: job.cluster.clone(),
        source,
        message: job.spec.signing.message.as_str().to_owned(),
        tree_size: facts.batches,
        sealed: facts.sealed,
        signatures_checked: match job.spec.signing.verify {
            Verify::All => Some(facts.records.signed),
            Verify::None => Some(0),
            Verify::Sample => None,
        },
        made_at: facts.made_at,
    });
    Receipt {
        format_version,
        uid: job.uid,
        namespace: job.namespace.clone(),
        name: job.name.clone(),
        spec_hash: spec_hash(&job.spec),
        records: facts.records,
        merkle_root: facts.root,
        rejects_root: facts.rejects_root,
        keys: facts.keys,
        backends: job.backends.clone(),
        verify: job.spec.signing.verify.as_str().to_owned(),
        started_at: rfc3339(job.times.published.unwrap_or(job.times.created)),
        completed_at: rfc3339(job.times.signed.unwrap_or(job.times.created)),
        checkpoint: facts.checkpoint,
        details,
    }
}

fn signed_source(job: &Job) -> SignedSource {
    // Said where the spec alone does not: so receipts of other jobs are those of earlier versions.
    let ids = match (job.ordinals(), &job.key) {
        (Some(_), _) => Some(IdsAre::Ordinals),
        (None, Some(_)) => Some(IdsAre::Keys),
        (None, None) => None,
    };
    match &job.spec.source {
        Source::Generate(_) => SignedSource::Generated,
        Source::Table(source) => {
            let (schema, table, key_columns) = (source.schema.clone(), source.name.clone(), job.key_columns().to_vec());
            let json = (source.json == JsonForm::Jcs).then(|| source.json.as_str().to_owned());
            match &source.signed {
                Signed::Payload(column) => {
                    SignedSource::Table { schema, table, key_columns, payload_column: column.clone(), json, ids }
                }
                Signed::Columns(columns) => {
                    SignedSource::Rows { schema, table, key_columns, columns: columns.clone(), json, ids }
                }
            }
        }
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
    key_uses_seen(ledger, job, format, |_, _| {}).await
}

/// As [`key_uses`], and shows each key with its row.
pub(crate) async fn key_uses_seen(
    ledger: &Ledger,
    job: JobId,
    format: ReceiptFormat,
    mut see: impl FnMut(&PublicKeyRow, &KeyUse),
) -> Result<Result<KeyUses, KeyError>, QueryError> {
    let mut keys = KeyUseCollector::new(format);
    // The receipt key, which has the ordinal 0, signs no records.
    let mut last = (0, i32::MAX);
    loop {
        let page = signing_keys(ledger, job, last, KEYS_PAGE).await?;
        let Some(end) = page.last() else { return Ok(Ok(keys.finish())) };
        last = (end.ordinal, end.version);
        for row in &page {
            match key_use(row) {
                Ok(key) => {
                    see(row, &key);
                    keys.push(key);
                }
                Err(damaged) => return Ok(Err(damaged)),
            }
        }
    }
}

fn key_use(key: &PublicKeyRow) -> Result<KeyUse, KeyError> {
    let public =
        PublicKey::from_spki_der(&key.public_key).map_err(|source| KeyError::PublicKey { key: key.id, source })?;
    Ok(KeyUse { kid: public.thumbprint(), signed: key.signed.unsigned_abs() })
}

/// A time as receipts have it.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
