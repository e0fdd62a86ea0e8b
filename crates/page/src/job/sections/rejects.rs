//! Records that cannot be signed, and why.

use serde::Serialize;
use vaultstream_ledger::{Job, Ledger, QueryError, reject_reasons};

use crate::wire::Time;

/// Rejects that are listed.
const MOST_REJECTS: usize = 100;

/// Records that cannot be signed.
#[derive(Debug, Serialize)]
pub(crate) struct Rejects {
    total: i64,
    reasons: Vec<Reason>,
    rows: Vec<Reject>,
}

#[derive(Debug, Serialize)]
struct Reason {
    reason: String,
    count: i64,
}

#[derive(Debug, Serialize)]
struct Reject {
    id: Option<String>,
    key: Option<String>,
    reason: String,
    detail: String,
    attempts: i32,
    at: Time,
}

pub(crate) async fn rejects(ledger: &Ledger, job: &Job) -> Result<Rejects, QueryError> {
    let reasons = reject_reasons(ledger, job.id).await?;
    let rows = if reasons.is_empty() {
        Vec::new()
    } else {
        vaultstream_ledger::rejects(ledger, job, None, MOST_REJECTS).await?
    };
    let rows = rows.into_iter().map(|reject| Reject {
        id: reject.key.is_none().then(|| reject.id.to_string()),
        key: reject.key.map(|key| key.to_string()),
        reason: reject.reason,
        detail: reject.detail,
        attempts: reject.attempts,
        at: Time(reject.at),
    });
    Ok(Rejects {
        rows: rows.collect(),
        total: reasons.iter().map(|(_, count)| count).sum(),
        reasons: reasons.into_iter().map(|(reason, count)| Reason { reason, count }).collect(),
    })
}
