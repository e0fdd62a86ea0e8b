//! Checks the receipt: its signature by the job's receipt key, and each of its members against the ledger.

use serde_json::{Map, Value};
use vaultstream_ledger::{
    Job, Ledger, QueryError, progress,
    verify::{PublicKeyRow, batch_rejects_root, batch_roots, rejects_root},
};
use vaultstream_program::chain;
use vaultstream_signing::{Hash, PublicKey, Receipt, merkle::Tree, receipt::Totals, verify_receipt};
use vaultstream_worker::{ReceiptFacts, key_uses, receipt_of};

use super::{
    batches::BatchSums,
    counts,
    problem::{Problem, ProblemKind},
};
use crate::error::Failure;

/// Batches that are read at a time.
const PAGE: usize = 5_000;

/// Characters of a value that are shown.
const SHOWN: usize = 100;

/// The problems of the job's root and receipt.
pub(super) async fn check(
    ledger: &Ledger,
    job: &Job,
    batches: BatchSums,
    keys: &[PublicKeyRow],
) -> Result<Vec<Problem>, Failure> {
    let mut problems = Vec::new();
    if job.merkle_root.as_deref() != Some(batches.root.as_slice()) {
        problems.push(Problem::new(ProblemKind::MerkleRoot, "the job's Merkle root is not the root of its batches"));
    }
    let receipt = match read(job, keys) {
        Ok(receipt) => receipt,
        Err(problem) => {
            problems.push(Problem::new(ProblemKind::Receipt, problem));
            return Ok(problems);
        }
    };
    let failed = |error: vaultstream_ledger::QueryError| Failure::of(&error);
    let progress = progress(ledger, job.id).await.map_err(failed)?;
    let progress = progress.ok_or_else(|| Failure::failed(format!("{}/{} was deleted", job.namespace, job.name)))?;
    let mut count = |what, count| counts::of_records(what, count, &mut problems);
    let records = Totals {
        total: count("planned", progress.total),
        signed: count("signed", progress.signed),
        rejected: count("rejected", progress.rejected),
        changed: count("changed", progress.changed),
    };
    let mut rejects = match receipt.checkpoint {
        Some(_) => rejects_in_batch_order(ledger, job).await,
        None => rejects_root(ledger, job, i64::MIN..=i64::MAX, |_| {}).await,
    }
    .map_err(failed)?;
    if receipt.rejects_root.is_none() {
        // Earlier versions left it out. Their batch roots cover the rejects, too.
        rejects = None;
    }
    let format = receipt.format_version;
    match key_uses(ledger, job.id, format).await.map_err(failed)? {
        Ok(keys) => {
            let details = receipt.details.as_ref();
            let facts = ReceiptFacts {
                format,
                checkpoint: receipt.checkpoint,
                records,
                root: batches.root,
                rejects_root: rejects,
                keys,
                batches: batches.number,
                sealed: batches.sealed,
                // What the ledger does not know.
                software_version: details.map_or_else(String::new, |details| details.software_version.clone()),
                made_at: details.map_or_else(String::new, |details| details.made_at.clone()),
            };
            problems.extend(differences(&receipt, &receipt_of(job, facts)));
        }
        Err(error) => problems.push(Problem::new(ProblemKind::Receipt, chain(&error))),
    }
    Ok(problems)
}

/// The root over the rejects in the order of the batches, as checkpoints have it.
async fn rejects_in_batch_order(ledger: &Ledger, job: &Job) -> Result<Option<Hash>, QueryError> {
    let mut tree = Tree::new();
    let mut from = 0;
    loop {
        let page = batch_roots(ledger, job.id, from, PAGE).await?;
        let Some(last) = page.last() else { return Ok((!tree.is_empty()).then(|| tree.root())) };
        from = last.batch.0 + 1;
        for batch in page.iter().filter(|batch| batch.rejected != 0) {
            batch_rejects_root(ledger, job, batch, |leaf| tree.push(*leaf)).await?;
        }
    }
}

/// The key that signed the receipt, among all keys of a job: the newest version, because a key that was found damaged has a successor.
pub(crate) fn receipt_key(keys: &[PublicKeyRow]) -> Option<&PublicKeyRow> {
    keys.iter().filter(|key| key.ordinal == 0).max_by_key(|key| key.version)
}

/// The job's receipt, if its signature is right.
///
/// # Errors
/// With a sentence that says what is wrong with it.
pub(crate) fn read(job: &Job, keys: &[PublicKeyRow]) -> Result<Receipt, String> {
    let jws = job.receipt.as_deref().ok_or("the job has no receipt")?;
    let key = receipt_key(keys).ok_or("the receipt key is missing")?;
    let public =
        PublicKey::from_spki_der(&key.public_key).map_err(|error| format!("the receipt key is damaged: {error}"))?;
    verify_receipt(&public, jws).map_err(|error| format!("the receipt is not valid: {}", chain(&error)))
}

/// A problem for each member that differs. Receipts are compared as JSON, which includes members that are added later.
fn differences(receipt: &Receipt, expected: &Receipt) -> Vec<Problem> {
    let [receipt, expected] = [receipt, expected].map(|receipt| members(&serde_json::to_value(receipt)));
    let mut names: Vec<&String> = receipt.keys().chain(expected.keys()).collect();
    names.sort();
    names.dedup();
    let value = |of: &Map<String, Value>, name: &str| of.get(name).map_or_else(|| "nothing".to_owned(), shown);
    let differs = |name: &&String| receipt.get(*name) != expected.get(*name);
    let told = |name: &String| {
        let (says, has) = (value(&receipt, name), value(&expected, name));
        Problem::new(ProblemKind::Receipt, format!("the receipt says {name} {says}, the ledger {has}"))
    };
    names.into_iter().filter(differs).map(told).collect()
}

/// The members of a receipt, and those of its objects, such as `records.signed`.
fn members(receipt: &Result<Value, serde_json::Error>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (name, value) in receipt.as_ref().ok().and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::Object(inner) => {
                flat.extend(inner.iter().map(|(of, value)| (format!("{name}.{of}"), value.clone())));
            }
            value => drop(flat.insert(name.clone(), value.clone())),
        }
    }
    flat
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn receipt(changes: &[(&str, Value)]) -> Receipt {
        let mut value = json!({
            "uid": "00000000-0000-0000-0000-000000000007", "namespace": "default", "name": "job",
            "formatVersion": 2, "specHash": "00".repeat(32), "merkleRoot": "11".repeat(32), "keys": [], "backends": ["native"],
            "records": {"total": 1000, "signed": 990, "rejected": 10, "changed": 0}, "verify": "All",
            "startedAt": "2026-01-01T00:00:00Z", "completedAt": "2026-01-01T00:01:00Z",
        });
        for (pointer, new) in changes {
            *value.pointer_mut(pointer).unwrap() = new.clone();
        }
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_member_that_differs_is_a_problem() {
        assert!(differences(&receipt(&[]), &receipt(&[])).is_empty());
        let cases = [
            ("/name", json!("other"), "name \"other\", the ledger \"job\""),
            ("/records/signed", json!(991), "records.signed 991, the ledger 990"),
            ("/records/changed", json!(1), "records.changed 1, the ledger 0"),
            ("/backends", json!(["reference"]), "backends [\"reference\"], the ledger [\"native\"]"),
            ("/verify", json!("Sample"), "verify \"Sample\", the ledger \"All\""),
            ("/completedAt", json!("never"), "completedAt \"never\", the ledger \"2026-01-01T00:01:00Z\""),
        ];
        for (pointer, value, told) in cases {
            let problems = differences(&receipt(&[(pointer, value)]), &receipt(&[]));
            let messages: Vec<&str> = problems.iter().map(Problem::message).collect();
            assert_eq!(messages, [format!("the receipt says {told}")]);
        }
        let both = differences(&receipt(&[("/name", json!("x")), ("/verify", json!("None"))]), &receipt(&[]));
        assert_eq!(both.len(), 2, "{both:?}");
    }

    #[test]
    fn a_long_value_is_cut_off() {
        let long = vec!["native"; 40];
        let problems = differences(&receipt(&[("/backends", json!(long))]), &receipt(&[]));
        let message = problems[0].message();
        assert!(message.contains('…') && message.chars().count() < 200, "{message}");
    }
}
