//! The receipt: is it signed by the job's receipt key, and does it say what the ledger says?

use vaultstream_ledger::{Job, verify::PublicKeyRow};
use vaultstream_signing::{Hash, PublicKey, Receipt, verify_receipt};

/// What is wrong with the job's root and receipt.
pub(super) fn check(job: &Job, root: &Hash, keys: &[PublicKeyRow]) -> Vec<String> {
    let mut problems = Vec::new();
    if !job.state.is_final() {
        return problems;
    }
    if job.merkle_root.as_deref() != Some(root.as_slice()) {
        problems.push("the job's Merkle root is not the root of its batches".to_owned());
    }
    match read(job, keys) {
        Ok(receipt) => compare(&receipt, job, root, keys, &mut problems),
        // A job that failed before anything was signed has none.
        Err(_) if job.failure.is_some() && job.receipt.is_none() => {}
        Err(problem) => problems.push(problem),
    }
    problems
}

fn read(job: &Job, keys: &[PublicKeyRow]) -> Result<Receipt, String> {
    let jws = job.receipt.as_deref().ok_or("the job has no receipt")?;
    let key = keys.iter().find(|key| key.ordinal == 0).ok_or("the receipt key is missing")?;
    let public =
        PublicKey::from_spki_der(&key.public_key).map_err(|error| format!("the receipt key is damaged: {error}"))?;
    verify_receipt(&public, jws).map_err(|error| format!("the receipt is wrong: {}", vaultstream_worker::chain(&error)))
}

fn compare(receipt: &Receipt, job: &Job, root: &Hash, keys: &[PublicKeyRow], problems: &mut Vec<String>) {
    let mut differs = |what: &str, differs: bool| {
        if differs {
            problems.push(format!("the receipt and the ledger differ in {what}"));
        }
    };
    differs("the job's uid", receipt.uid != job.uid);
    differs("the Merkle root", receipt.merkle_root != *root);
    differs("the spec", receipt.spec_hash != vaultstream_worker::spec_hash(job));
    let signed: i64 = keys.iter().filter(|key| key.ordinal > 0).map(|key| key.signed).sum();
    differs("the number of signatures", receipt.records.signed != signed.unsigned_abs());
    let mut of_ledger: Vec<(String, u64)> = keys
        .iter()
        .filter(|key| key.ordinal > 0 && key.signed > 0)
        .filter_map(|key| {
            let public = PublicKey::from_spki_der(&key.public_key).ok()?;
            Some((public.thumbprint().to_string(), key.signed.unsigned_abs()))
        })
        .collect();
    let mut of_receipt: Vec<(String, u64)> = receipt.keys.iter().map(|key| (key.kid.to_string(), key.signed)).collect();
    of_ledger.sort();
    of_receipt.sort();
    differs("the keys", of_ledger != of_receipt);
}
