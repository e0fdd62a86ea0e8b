//! What a job's signatures are proved by.

use base16ct::lower::encode_string;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::Value;
use vaultstream_ledger::{Job, Ledger, QueryError, verdicts};
use vaultstream_signing::Digest;

use crate::wire::Time;

/// Checkpoints that are listed.
const MOST_CHECKPOINTS: usize = 20;

/// The checkpoints of a job that follows its table.
#[derive(Debug, Serialize)]
pub(crate) struct Checkpoints {
    count: i64,
    last: Vec<Checkpoint>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    number: i64,
    batches: i64,
    signed: i64,
    made_at: Time,
    digest: String,
}

pub(crate) async fn checkpoints(ledger: &Ledger, job: &Job) -> Result<Checkpoints, QueryError> {
    if job.follow.is_none() {
        return Ok(Checkpoints { count: 0, last: Vec::new() });
    }
    let newest = vaultstream_ledger::checkpoints::newest(ledger, job.id, MOST_CHECKPOINTS).await?;
    let last = newest.iter().map(|row| Checkpoint {
        number: row.number,
        batches: row.batches,
        signed: row.records,
        made_at: Time(row.made),
        digest: encode_string(&row.digest),
    });
    Ok(Checkpoints { count: newest.first().map_or(0, |row| row.number), last: last.collect() })
}

/// A receipt, as the ledger has it: nobody has checked it here.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    digest: String,
    merkle_root: Value,
    key_id: Value,
    signed: Value,
    rejected: Value,
    completed_at: Value,
}

/// What a job's receipt says of itself; `None` before there is one.
pub(crate) fn receipt(job: &Job) -> Option<Receipt> {
    let receipt = job.receipt.as_deref()?;
    let part = |at| {
        let bytes = receipt.split('.').nth(at).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok()).unwrap_or_default();
        serde_json::from_slice::<Value>(&bytes).unwrap_or_default()
    };
    let (header, claims) = (part(0), part(1));
    Some(Receipt {
        digest: encode_string(&Digest::of(receipt.as_bytes()).0),
        merkle_root: claims["merkleRoot"].clone(),
        key_id: header["kid"].clone(),
        signed: claims["records"]["signed"].clone(),
        rejected: claims["records"]["rejected"].clone(),
        completed_at: claims["completedAt"].clone(),
    })
}

/// The word of whoever verified the job last: nobody has checked it here.
#[derive(Debug, Serialize)]
pub(crate) struct Verification {
    verified: bool,
    at: Time,
    by: String,
    mode: String,
    signatures: u64,
    problems: Vec<String>,
    version: String,
}

pub(crate) async fn verification(ledger: &Ledger, job: &Job) -> Result<Option<Verification>, QueryError> {
    let found = verdicts::last(ledger, job.id).await?;
    Ok(found.map(|given| {
        let verdicts::Verdict { verified, mode, signatures, problems, version } = given.verdict;
        Verification { verified, at: Time(given.at), by: given.by, mode, signatures, problems, version }
    }))
}
