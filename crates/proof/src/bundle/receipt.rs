//! What the receipt of a bundle says of its lines.

use serde_json::Value;
use vaultstream_anchor::{Token, TokenError};
use vaultstream_signing::{
    Digest, Hash, MessageForm, Receipt, RowForm,
    merkle::to_hex,
    receipt::{IdsAre, KeyUses, SignedSource},
    verify_receipt,
};

use super::{
    error::{BundleProblem, BundleProblemKind},
    line::HeaderLine,
    row_keys::{RowKeys, key_columns},
};

/// Checks the receipt's signature, and that it is the receipt of the job that the header names.
///
/// # Errors
/// A sentence.
pub(super) fn read(header: &HeaderLine) -> Result<Receipt, String> {
    let key = header.receipt_key.public_key().map_err(|error| format!("the receipt key is damaged: {error}"))?;
    verify_receipt(&key, &header.receipt).map_err(|error| {
        let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
        format!("the receipt is not valid: {error}{why}")
    })
}

/// What of the header the receipt contradicts.
pub(super) fn header_problems(header: &HeaderLine, receipt: &Receipt) -> Vec<BundleProblem> {
    let job = &header.job;
    let mut problems = Vec::new();
    let mut compare = |what: &str, says: &dyn std::fmt::Display, has: &dyn std::fmt::Display| {
        let (says, has) = (says.to_string(), has.to_string());
        if says != has {
            problems.push(differs(what, &says, &has));
        }
    };
    compare("uid", &receipt.uid, &job.uid);
    compare("namespace", &receipt.namespace, &job.namespace);
    compare("name", &receipt.name, &job.name);
    compare("specHash", &to_hex(&receipt.spec_hash), &to_hex(&Digest::of(header.spec.as_bytes()).0));
    if let Err(why) = RowKeys::of(header, Some(receipt)).agree_with(receipt) {
        problems.push(BundleProblem::new(BundleProblemKind::Receipt, why));
    }
    problems
}

/// The tokens of the header, each over its receipt or wrong. Who has issued their certificates is not looked at.
pub(super) fn tokens(header: &HeaderLine) -> Vec<Result<Token, TokenError>> {
    header.tokens.iter().map(|token| Token::over(token, &header.receipt, None)).collect()
}

/// What was signed for a record.
pub(super) struct Messages {
    form: MessageForm,
    /// Payloads are rows of these columns.
    rows: Option<RowForm>,
}

impl Messages {
    /// The spec says it.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn of(header: &HeaderLine) -> Result<Self, String> {
        let spec: Value = serde_json::from_str(&header.spec).map_err(|_| "the spec is not JSON".to_owned())?;
        let form = match spec.pointer("/signing/message") {
            None => MessageForm::Payload,
            Some(Value::String(form)) if form == "Payload" => MessageForm::Payload,
            Some(Value::String(form)) if form == "Bound" => MessageForm::Bound { job: header.job.uid },
            Some(other) => return Err(format!("the spec's signing.message is {other}, which is not known")),
        };
        let rows = match spec.pointer("/source/table/columns") {
            None => None,
            Some(columns) => {
                let columns = names(columns).ok_or("the spec's source.table.columns is not a list of names")?;
                Some(RowForm::new(header.job.uid, &columns))
            }
        };
        Ok(Self { form, rows })
    }

    /// Whether this payload is one of the job, and was signed with this digest.
    pub(super) fn is_of(&self, id: i64, payload: &[u8], digest: Digest) -> bool {
        let is_row = self.rows.as_ref().is_none_or(|form| form.values(payload).is_ok());
        is_row && self.form.digest(id, payload) == digest
    }
}

/// A list of texts.
fn names(list: &Value) -> Option<Vec<String>> {
    list.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect()
}

/// What all the lines add up to.
pub(super) struct Sums {
    pub(super) signed: u64,
    pub(super) rejected: u64,
    pub(super) batches: u64,
    pub(super) sealed: u64,
    pub(super) root: Hash,
    pub(super) rejects_root: Option<Hash>,
    pub(super) keys: KeyUses,
}

/// What of the lines the receipt contradicts.
pub(super) fn sum_problems(receipt: &Receipt, sums: &Sums) -> Vec<BundleProblem> {
    let records = &receipt.records;
    let mut problems: Vec<BundleProblem> = [
        ("records.total", records.total, sums.signed.saturating_add(sums.rejected)),
        ("records.signed", records.signed, sums.signed),
        ("records.rejected", records.rejected, sums.rejected),
    ]
    .into_iter()
    .filter(|(_, says, has)| says != has)
    .map(|(what, says, has)| differs(what, &says.to_string(), &has.to_string()))
    .collect();
    if receipt.merkle_root != sums.root {
        problems.push(differs("merkleRoot", &to_hex(&receipt.merkle_root), &to_hex(&sums.root)));
    }
    // The oldest receipts have none. The roots of their batches cover the rejects, too.
    let has_one = receipt.rejects_root.is_some() || receipt.format_version.rejects_grow();
    if has_one && receipt.rejects_root != sums.rejects_root {
        let text = |root: Option<Hash>| root.map_or_else(|| "nothing".to_owned(), |root| to_hex(&root));
        problems.push(differs("rejectsRoot", &text(receipt.rejects_root), &text(sums.rejects_root)));
    }
    if receipt.keys != sums.keys {
        let message = "the receipt names other keys, or other numbers of signatures, than the bundle";
        problems.push(BundleProblem::new(BundleProblemKind::Receipt, message));
    }
    problems
}

/// What of the spec and the lines the members of format 3 contradict.
pub(super) fn detail_problems(header: &HeaderLine, receipt: &Receipt, sums: &Sums) -> Vec<BundleProblem> {
    let Some(details) = &receipt.details else { return Vec::new() };
    let spec: Value = serde_json::from_str(&header.spec).unwrap_or_default();
    let message = spec.pointer("/signing/message").and_then(Value::as_str).unwrap_or("Payload");
    let checked = match receipt.verify.as_str() {
        "All" => Some(sums.signed),
        "None" => Some(0),
        _ => None,
    };
    let number = |number: Option<u64>| number.map_or_else(|| "nothing".to_owned(), |number| number.to_string());
    let mut problems = Vec::new();
    for (what, says, has) in [
        ("treeSize", details.tree_size.to_string(), sums.batches.to_string()),
        ("sealed", details.sealed.to_string(), sums.sealed.to_string()),
        ("message", details.message.clone(), message.to_owned()),
        ("signaturesChecked", number(details.signatures_checked), number(checked)),
    ] {
        if says != has {
            problems.push(differs(what, &says, &has));
        }
    }
    if signed_source(&spec, &details.source).as_ref() != Some(&details.source) {
        problems.push(BundleProblem::new(BundleProblemKind::Receipt, "the receipt says another source than the spec"));
    }
    problems
}

/// Where a spec says that the records come from. What it leaves open is as the receipt says.
fn signed_source(spec: &Value, said: &SignedSource) -> Option<SignedSource> {
    if spec.pointer("/source/generate").is_some() {
        return Some(SignedSource::Generated);
    }
    let of_spec = spec.pointer("/source/table")?;
    let member = |name: &str| of_spec.get(name)?.as_str().map(str::to_owned);
    let (schema, table, json) = (member("schema")?, member("name")?, member("json"));
    let (key_columns, ids) = key_and_ids(of_spec, said)?;
    Some(match of_spec.get("columns") {
        Some(columns) => SignedSource::Rows { schema, table, key_columns, columns: names(columns)?, json, ids },
        None => SignedSource::Table { schema, table, key_columns, payload_column: member("payload")?, json, ids },
    })
}

/// The key's columns, and what ids are. Only the receipt knows the primary key that a spec does not name, and whether rows got ordinals.
fn key_and_ids(of_spec: &Value, said: &SignedSource) -> Option<(Vec<String>, Option<IdsAre>)> {
    let columns = match (of_spec.get("key"), of_spec.get("keyColumns")) {
        (Some(key), None) => {
            let ordinals = said.ids().filter(|ids| *ids == IdsAre::Ordinals);
            return Some((vec![key.as_str()?.to_owned()], ordinals));
        }
        (None, Some(columns)) => names(columns)?,
        (None, None) => key_columns(said)?.to_vec(),
        (Some(_), Some(_)) => return None,
    };
    let ids = said.ids()?;
    let fit = match ids {
        IdsAre::Keys => columns.len() == 1,
        IdsAre::Ordinals => !columns.is_empty(),
    };
    fit.then_some((columns, Some(ids)))
}

fn differs(what: &str, says: &str, has: &str) -> BundleProblem {
    BundleProblem::new(BundleProblemKind::Receipt, format!("the receipt says {what} {says}, the bundle {has}"))
}
