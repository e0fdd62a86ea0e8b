//! Keys: what each did, and who has it just now.

use serde::Serialize;
use vaultstream_ledger::{Job, KeyUsage, Ledger, QueryError, key_usage};
use vaultstream_signing::PublicKey;

use crate::wire::Time;

/// Keys that are listed.
const MOST_KEYS: usize = 500;

/// The keys of a job.
#[derive(Debug, Serialize)]
pub(crate) struct Keys {
    keys: Vec<Key>,
    /// Those that are not listed.
    more: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    ordinal: i32,
    version: i32,
    id: Option<String>,
    state: &'static str,
    signed: i64,
    batches: i64,
    holder: Option<String>,
    leased_until: Option<Time>,
    used: Option<i64>,
}

pub(crate) async fn keys(ledger: &Ledger, job: &Job) -> Result<Keys, QueryError> {
    let found = key_usage(ledger, job.id, MOST_KEYS).await?;
    let keys: Vec<Key> = found.iter().map(key).collect();
    // One of them signs the receipt.
    let all = i64::from(job.spec.keys.count) + 1;
    let more = if keys.len() == MOST_KEYS { (all - keys.len() as i64).max(0) } else { 0 };
    Ok(Keys { keys, more })
}

fn key(usage: &KeyUsage) -> Key {
    let public = usage.public_key.as_deref().map(PublicKey::from_spki_der);
    let state = match &public {
        _ if usage.revocation.is_some() => "revoked",
        Some(Err(_)) => "damaged",
        _ if usage.damage.is_some() => "damaged",
        _ if usage.erased.is_some() => "erased",
        _ if usage.active => "active",
        _ => "retired",
    };
    Key {
        ordinal: usage.ordinal,
        version: usage.version,
        id: public.and_then(Result::ok).map(|key| key.thumbprint().to_string()),
        state,
        signed: usage.signed,
        batches: usage.batches,
        holder: usage.holder.clone(),
        leased_until: usage.leased_until.map(Time),
        used: usage.last_used,
    }
}
