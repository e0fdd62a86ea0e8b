//! What is wrong with a job: a sentence for people, a word and the ids of the records for programs.

use std::{collections::BTreeSet, fmt::Write as _};

use indicatif::HumanCount;
use serde::Serialize;

/// Records named one by one unless all are asked for; the others are counted.
pub const NAMED: usize = 10;

/// What kind of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Kind {
    /// The job has not ended.
    NotFinished,
    /// It ended as Failed.
    Failed,
    /// A record without a signature or reject, one with both, or something of the kind.
    Incomplete,
    /// A signature that does not verify.
    WrongSignature,
    /// A signature of which neither digest nor payload is left.
    NotCheckable,
    /// Signatures were to be checked, and none was.
    NothingChecked,
    /// A root that is not the root of what is there.
    MerkleRoot,
    /// No receipt, or one that says something else than the ledger.
    Receipt,
    /// A row that is not what was signed.
    Changed,
    /// A row that was deleted after it was signed.
    Gone,
    /// A row that the server cannot hand over.
    Unreadable,
    /// The table is gone or may not be read.
    NotCompared,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    kind: Kind,
    message: String,
    /// How many records it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    /// The first of them, or all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    records: Vec<i64>,
}

impl Problem {
    /// One that is not about single records.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), count: None, records: Vec::new() }
    }

    /// One about these records; none when there are none. `one` and `several` end the sentence that begins with their number.
    pub fn about(kind: Kind, records: &Records, one: &str, several: &str) -> Option<Self> {
        let what = match records.count {
            0 => return None,
            1 => one,
            _ => several,
        };
        let message = format!("{} {what}: {}", HumanCount(records.count), records.named());
        Some(Self::new(kind, message).with(records))
    }

    /// The same, with the records that it is about.
    #[must_use]
    pub fn with(self, records: &Records) -> Self {
        Self { count: Some(records.count), records: records.least.iter().copied().collect(), ..self }
    }

    /// The sentence.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Records that something is wrong with: all are counted, those with the least ids are kept.
#[derive(Clone, Debug)]
pub struct Records {
    count: u64,
    least: BTreeSet<i64>,
    most: usize,
}

impl Records {
    /// None yet; the ids of at most `most` will be kept.
    pub fn keeping(most: usize) -> Self {
        Self { count: 0, least: BTreeSet::new(), most }
    }

    /// Some that were counted elsewhere.
    pub fn counted(count: u64, ids: impl IntoIterator<Item = i64>) -> Self {
        let least: BTreeSet<i64> = ids.into_iter().collect();
        Self { count, most: least.len(), least }
    }

    /// One more.
    pub fn add(&mut self, id: i64) {
        self.count += 1;
        self.least.insert(id);
        if self.least.len() > self.most {
            self.least.pop_last();
        }
    }

    /// Those of another search.
    pub fn append(&mut self, other: &Self) {
        for id in &other.least {
            self.add(*id);
        }
        self.count += other.count - other.least.len() as u64;
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their ids, as far as they are kept.
    pub fn named(&self) -> String {
        let mut named = String::new();
        for id in &self.least {
            let comma = if named.is_empty() { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(named, "{comma}{id}");
        }
        match self.count - self.least.len() as u64 {
            0 => named,
            more if named.is_empty() => format!("{} not named", HumanCount(more)),
            more => format!("{named} and {} more (`vaultstream verify --all` names them)", HumanCount(more)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_all_counted_and_the_least_ids_are_named() {
        let mut records = Records::keeping(3);
        for id in [9, -4, 7, 1000, 2] {
            records.add(id);
        }
        assert_eq!(records.named(), "-4, 2, 7 and 2 more (`vaultstream verify --all` names them)");
        let mut others = Records::keeping(3);
        others.add(1);
        others.append(&records);
        assert_eq!((others.count(), others.named().split(" and").next()), (6, Some("-4, 1, 2")));
        let problem = Problem::about(Kind::Changed, &others, "record was changed", "records were changed").unwrap();
        assert!(problem.message().starts_with("6 records were changed: -4, 1, 2 and 3 more"), "{}", problem.message());
        assert_eq!(Problem::about(Kind::Changed, &Records::keeping(3), "record", "records"), None);
    }
}
