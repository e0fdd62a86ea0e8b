//! Problems of a job: a sentence for people, and a word and the ids of the records for programs.

use std::{collections::BTreeMap, fmt::Write as _};

use indicatif::HumanCount;
use serde::Serialize;
use vaultstream_proof::{NonceUsers, Records};
use vaultstream_signing::RowKey;

/// Records that are named unless all are requested; the others are counted.
pub(crate) const NAMED: usize = 10;

/// The kind of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub(crate) enum ProblemKind {
    /// The job has not ended.
    NotFinished,
    /// It ended as Failed.
    Failed,
    /// A record without a signature or reject, one with both, or a similar contradiction.
    Incomplete,
    /// A signature that does not verify.
    WrongSignature,
    /// Signatures of a key that was revoked as compromised.
    CompromisedKey,
    /// A nonce that its key had used before.
    RepeatedNonce,
    /// A signature of which neither digest nor payload is left.
    NotCheckable,
    /// No signature was checked although there are some.
    NothingChecked,
    /// A batch without the seal that it had, or with one that its key did not make.
    Seal,
    /// A Merkle root that is not the root of its rows, or a batch of a bundle that contradicts its lines.
    MerkleRoot,
    /// A line of a bundle that is not as the format has it.
    Line,
    /// A key of a bundle that signed what it must not sign.
    Key,
    /// A payload in a bundle that is not what was signed.
    Payload,
    /// No receipt, or one that contradicts the ledger.
    Receipt,
    /// The receipt key is not certified by an issuer who is believed.
    Certificate,
    /// A timestamp token that is wrong, or is missing.
    Anchor,
    /// A row of a table that is followed, which no trigger saw and the job does not have.
    NotCovered,
    /// A row that was changed after it was signed.
    Changed,
    /// A row that was deleted after it was signed.
    Gone,
    /// A row that the server cannot read.
    Unreadable,
    /// The table is gone or may not be read.
    NotCompared,
}

/// A problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    kind: ProblemKind,
    message: String,
    /// The number of records, or of batches, that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// The first of them, or all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    records: Vec<i64>,
    /// The keys of their rows, where ids are ordinals.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<RowName>,
}

/// A record and the key of its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct RowName {
    id: i64,
    key: RowKey,
}

impl Problem {
    /// A problem that is not about single records.
    pub(crate) fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), count: None, records: Vec::new(), rows: Vec::new() }
    }

    /// A problem about these records; `None` when there are none. `one` and `several` complete the sentence after their number.
    pub(crate) fn about(kind: ProblemKind, records: &Records, one: &str, several: &str) -> Option<Self> {
        let what = match records.count() {
            0 => return None,
            1 => one,
            _ => several,
        };
        let message = format!("{} {what}: {}", HumanCount(records.count()), named(records));
        Some(Self::new(kind, message).with(records))
    }

    /// Signatures that do not verify.
    pub(crate) fn wrong_signatures(records: &Records) -> Option<Self> {
        let (one, several) = ("signature of a record is wrong", "signatures of records are wrong");
        Self::about(ProblemKind::WrongSignature, records, one, several)
    }

    /// Seals that do not verify.
    pub(crate) fn wrong_seals(batches: &Records) -> Option<Self> {
        let (one, several) =
            ("batch has a seal that its key did not make", "batches have seals that their keys did not make");
        Self::about_batches(ProblemKind::Seal, batches, one, several)
    }

    /// Signatures that share a nonce.
    pub(crate) fn repeated_nonces(users: &NonceUsers) -> impl Iterator<Item = Self> + use<> {
        let records = Self::about(
            ProblemKind::RepeatedNonce,
            &users.records,
            "signature has a nonce that its key used before, which discloses the key: that of record",
            "signatures share their nonces with others of the same key, which discloses it: those of records",
        );
        let batches = Self::about_batches(
            ProblemKind::RepeatedNonce,
            &users.batches,
            "seal has a nonce that its key used before, which discloses the key: that of batch",
            "seals share their nonces with other signatures of the same key, which discloses it: those of batches",
        );
        records.into_iter().chain(batches)
    }

    /// A problem about these batches. Programs read only the ids of records.
    pub(crate) fn about_batches(kind: ProblemKind, batches: &Records, one: &str, several: &str) -> Option<Self> {
        let about = Self::about(kind, batches, one, several)?;
        Some(Self { records: Vec::new(), ..about })
    }

    /// The same, with the records that it is about.
    #[must_use]
    pub(crate) fn with(self, records: &Records) -> Self {
        Self { count: Some(records.count()), records: records.ids().collect(), ..self }
    }

    /// The records that it is about, as far as they are named.
    pub(crate) fn records(&self) -> &[i64] {
        &self.records
    }

    /// Names the rows of its records by their keys.
    pub(crate) fn name_rows(&mut self, keys: &BTreeMap<i64, RowKey>) {
        let named = self.records.iter().filter_map(|id| Some((*id, keys.get(id)?)));
        self.rows = named.map(|(id, key)| RowName { id, key: key.clone() }).collect();
        let told: Vec<String> =
            self.rows.iter().take(NAMED).map(|RowName { id, key }| format!("{id} is {key}")).collect();
        if !told.is_empty() {
            self.message = format!("{} (by their keys: {})", self.message, told.join(", "));
        }
    }

    /// The sentence.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

/// The ids that are kept, and the number of the others.
pub(crate) fn named(records: &Records) -> String {
    let mut named = String::new();
    for id in records.ids() {
        let comma = if named.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = write!(named, "{comma}{id}");
    }
    match records.count() - records.ids().len() as u64 {
        0 => named,
        more if named.is_empty() => format!("{} not named", HumanCount(more)),
        more => format!("{named} and {} more (`vaultstream verify --all` names them)", HumanCount(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_named_by_their_keys_where_these_are_known() {
        let mut records = Records::keeping(10);
        [7, 9].into_iter().for_each(|id| records.add(id));
        let about = || Problem::about(ProblemKind::Gone, &records, "row is gone", "rows are gone").unwrap();
        let mut problem = about();
        problem.name_rows(&BTreeMap::new());
        assert_eq!(problem, about());
        let key = RowKey::new(vec!["north".to_owned(), "1".to_owned()]);
        problem.name_rows(&BTreeMap::from([(9, key)]));
        assert_eq!(problem.message(), "2 rows are gone: 7, 9 (by their keys: 9 is [\"north\",\"1\"])");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["rows"], serde_json::json!([{ "id": 9, "key": ["north", "1"] }]));
    }

    #[test]
    fn records_are_all_counted_and_the_least_ids_are_named() {
        let mut records = Records::keeping(3);
        for id in [9, -4, 7, 1000, 2] {
            records.add(id);
        }
        assert_eq!(named(&records), "-4, 2, 7 and 2 more (`vaultstream verify --all` names them)");
        let problem =
            Problem::about(ProblemKind::Changed, &records, "record was changed", "records were changed").unwrap();
        assert!(problem.message().starts_with("5 records were changed: -4, 2, 7 and 2 more"), "{}", problem.message());
        assert_eq!(Problem::about(ProblemKind::Changed, &Records::keeping(3), "record", "records"), None);
    }
}
