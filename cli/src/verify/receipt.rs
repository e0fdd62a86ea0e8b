//! The receipt: is it signed by the job's receipt key, and does each of its members say what the ledger says?

use serde_json::{Map, Value};
use vaultstream_ledger::{Job, Ledger, progress, verify::PublicKeyRow};
use vaultstream_signing::{Hash, PublicKey, Receipt, verify_receipt};
use vaultstream_worker::{chain, receipt_of, rejects_root};

use super::problem::{Kind, Problem};
use crate::error::Failure;

/// Characters of a value that are shown.
const SHOWN: usize = 100;

/// What is wrong with the job's root and receipt.
pub(super) async fn check(
    ledger: &Ledger,
    job: &Job,
    root: Hash,
    keys: &[PublicKeyRow],
) -> Result<Vec<Problem>, Failure> {
    let mut problems = Vec::new();
    if job.merkle_root.as_deref() != Some(root.as_slice()) {
        problems.push(Problem::new(Kind::MerkleRoot, "the job's Merkle root is not the root of its batches"));
    }
    let receipt = match read(job, keys) {
        Ok(receipt) => receipt,
        Err(problem) => {
            problems.push(Problem::new(Kind::Receipt, problem));
            return Ok(problems);
        }
    };
    let failed = |error: vaultstream_ledger::QueryError| Failure::of(&error);
    let counts = progress(ledger, job.id).await.map_err(failed)?;
    let counts = counts.ok_or_else(|| Failure::failed(format!("{}/{} was deleted", job.namespace, job.name)))?;
    let mut rejects = rejects_root(ledger, job.id).await.map_err(failed)?;
    if receipt.rejects_root.is_none() {
        // Earlier versions left it out; their batch roots cover the rejects all the same.
        rejects = None;
    }
    match receipt_of(job, &counts, keys, root, rejects) {
        Ok(expected) => problems.extend(differences(&receipt, &expected)),
        Err(error) => problems.push(Problem::new(Kind::Receipt, chain(&error))),
    }
    Ok(problems)
}

/// The job's receipt, if it is rightly signed.
pub(crate) fn read(job: &Job, keys: &[PublicKeyRow]) -> Result<Receipt, String> {
    let jws = job.receipt.as_deref().ok_or("the job has no receipt")?;
    // The newest: one that was found damaged has a successor.
    let key = keys.iter().filter(|key| key.ordinal == 0).max_by_key(|key| key.version);
    let key = key.ok_or("the receipt key is missing")?;
    let public =
        PublicKey::from_spki_der(&key.public_key).map_err(|error| format!("the receipt key is damaged: {error}"))?;
    verify_receipt(&public, jws).map_err(|error| format!("the receipt is not valid: {}", chain(&error)))
}

/// Each member that differs. Compared as JSON, so that a member that is added later is compared, too.
fn differences(receipt: &Receipt, expected: &Receipt) -> Vec<Problem> {
    let [receipt, expected] = [receipt, expected].map(|receipt| members(&serde_json::to_value(receipt)));
    let mut names: Vec<&String> = receipt.keys().chain(expected.keys()).collect();
    names.sort();
    names.dedup();
    let value = |of: &Map<String, Value>, name: &str| of.get(name).map_or_else(|| "nothing".to_owned(), shown);
    let differs = |name: &&String| receipt.get(*name) != expected.get(*name);
    let told = |name: &String| {
        let (says, has) = (value(&receipt, name), value(&expected, name));
        Problem::new(Kind::Receipt, format!("the receipt says {name} {says}, the ledger {has}"))
    };
    names.into_iter().filter(differs).map(told).collect()
}

/// The members of a receipt, those of its members' objects among them: `records.signed`.
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
