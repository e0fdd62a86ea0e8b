//! The keys, rejects and failing batches of one job.

use std::fmt;

use indicatif::HumanCount;
use serde::Serialize;
use vaultstream_ledger::{Job, KeyUsage, Ledger, QueryError, failures, key_usage, rejects};
use vaultstream_signing::{PublicKey, RowKey};

use crate::{
    error::Failure,
    output::{named_record, printable},
};

/// Keys, rejects and failing batches that are shown; the others are counted.
const SHOWN: usize = 20;

/// What is told of a single job only.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Details {
    keys: Vec<KeyRow>,
    rejects: Vec<RejectRow>,
    failing: Vec<FailingBatch>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyRow {
    /// Absent while the key is not created.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    ordinal: i32,
    version: i32,
    state: &'static str,
    signed: u64,
    /// What is wrong with a key that was set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<String>,
    /// When the private key was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    erased: Option<String>,
    /// When and why the key was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<RevocationRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RevocationRow {
    at: String,
    reason: String,
    compromised: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RejectRow {
    id: i64,
    /// The key of its row, where ids are ordinals.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<RowKey>,
    reason: String,
    detail: String,
    attempts: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FailingBatch {
    batch: i64,
    first: i64,
    last: i64,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Reads the details of a job.
///
/// # Errors
/// When the ledger cannot be read.
pub(super) async fn read(ledger: &Ledger, job: &Job) -> Result<Details, Failure> {
    let failed = |error: QueryError| Failure::of(&error);
    let keys = key_usage(ledger, job.id, usize::MAX).await.map_err(failed)?;
    let rejects = rejects(ledger, job, None, SHOWN).await.map_err(failed)?;
    let failing = failures(ledger, job.id).await.map_err(failed)?;
    Ok(Details {
        keys: keys.iter().map(key).collect(),
        rejects: rejects
            .into_iter()
            .map(|reject| RejectRow {
                id: reject.id,
                key: reject.key,
                reason: reject.reason,
                detail: reject.detail,
                attempts: reject.attempts.unsigned_abs(),
            })
            .collect(),
        failing: failing
            .into_iter()
            .map(|batch| FailingBatch {
                batch: batch.batch.0,
                first: batch.range.0,
                last: batch.range.1,
                attempts: batch.attempts.unsigned_abs(),
                why: batch.why,
            })
            .collect(),
    })
}

fn key(usage: &KeyUsage) -> KeyRow {
    let made = usage.public_key.as_deref();
    let state = match made.map(PublicKey::from_spki_der) {
        _ if usage.revocation.is_some() => "revoked",
        _ if usage.damage.is_some() => "set aside",
        Some(Ok(_)) if usage.erased.is_some() => "erased",
        None if usage.active => "not made yet",
        None => "never made",
        Some(Err(_)) => "damaged",
        Some(Ok(_)) if usage.ordinal == 0 => "signs the receipt",
        Some(Ok(_)) if !usage.active => "worn out",
        Some(Ok(_)) if usage.is_leased() => "in use",
        Some(Ok(_)) => "free",
    };
    let key_id = made.and_then(|key| PublicKey::from_spki_der(key).ok()).map(|key| key.thumbprint().to_string());
    let (ordinal, version, signed) = (usage.ordinal, usage.version, usage.signed.unsigned_abs());
    let time = |at| humantime::format_rfc3339_seconds(at).to_string();
    let revoked = usage.revocation.as_ref().map(|revocation| RevocationRow {
        at: time(revocation.at),
        reason: revocation.reason.clone(),
        compromised: revocation.compromised,
    });
    KeyRow {
        key_id,
        ordinal,
        version,
        state,
        signed,
        damage: usage.damage.clone(),
        erased: usage.erased.map(time),
        revoked,
    }
}

impl Details {
    pub(super) fn write(&self, rejected: u64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in self.keys.iter().take(SHOWN) {
            let KeyRow { key_id, ordinal, version, state, signed, damage: _, erased, revoked } = key;
            let id = key_id.as_deref().unwrap_or("-");
            let signed = HumanCount(*signed);
            write!(out, "  {:<12} {id:<43}  {ordinal}/{version}  {signed} signed, {state}", "key")?;
            match (revoked, erased) {
                (Some(RevocationRow { at, reason, compromised }), _) => {
                    let compromised = if *compromised { ", compromised" } else { "" };
                    writeln!(out, " {at}{compromised}: {}", printable(reason))?;
                }
                (None, Some(at)) => writeln!(out, " {at}")?,
                (None, None) => writeln!(out)?,
            }
        }
        more(out, self.keys.len().saturating_sub(SHOWN) as u64, "keys; --output json has them all")?;
        for key in &self.keys {
            let Some(damage) = &key.damage else { continue };
            let (ordinal, version, signed) = (key.ordinal, key.version, HumanCount(key.signed));
            let damage = printable(damage);
            writeln!(
                out,
                "  {:<12} {ordinal}/{version}, set aside after {signed} signatures: {damage}",
                "damaged key"
            )?;
        }
        for reject in &self.rejects {
            let (reason, detail) = (printable(&reject.reason), printable(&reject.detail));
            let record = named_record(reject.id, reject.key.as_ref());
            writeln!(out, "  {:<12} {record}: {reason}: {detail}", "reject")?;
        }
        more(out, rejected.saturating_sub(self.rejects.len() as u64), "rejects")?;
        for batch in self.failing.iter().take(SHOWN) {
            let FailingBatch { batch: number, first, last, attempts, why } = batch;
            let why = printable(why.as_deref().unwrap_or("no reason was recorded"));
            writeln!(
                out,
                "  {:<12} batch {number} (records {first} to {last}): {attempts} attempts: {why}",
                "failing"
            )?;
        }
        more(out, self.failing.len().saturating_sub(SHOWN) as u64, "failing batches")
    }
}

fn more(out: &mut fmt::Formatter<'_>, count: u64, what: &str) -> fmt::Result {
    if count == 0 { Ok(()) } else { writeln!(out, "  {:<12} and {} more {what}", "", HumanCount(count)) }
}
