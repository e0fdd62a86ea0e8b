//! The batch whose lines are being read.

use uuid::Uuid;
use vaultstream_signing::{BatchRoot, Hash, Thumbprint, merkle};

use super::line::BatchLine;

/// The batch whose lines are being read.
pub(super) struct OpenBatch {
    pub(super) line: BatchLine,
    pub(super) number: u64,
    pub(super) key: Option<usize>,
    last: Option<i64>,
    pub(super) tree: merkle::Tree,
    pub(super) rejects: merkle::Tree,
}
impl OpenBatch {
    /// Of this line, the `number`th of the file.
    pub(super) fn of(line: BatchLine, number: u64, key: Option<usize>) -> Self {
        Self { line, number, key, last: None, tree: merkle::Tree::new(), rejects: merkle::Tree::new() }
    }

    pub(super) fn take_id(&mut self, id: i64) -> Result<(), String> {
        if id < self.line.first || id > self.line.last {
            return Err(format!("record {id} is not in the range of batch {}", self.line.batch));
        }
        if self.last.is_some_and(|last| id <= last) {
            return Err(format!("record {id} is there twice, or out of order"));
        }
        self.last = Some(id);
        Ok(())
    }

    /// The root that its lines have; `None` for numbers that no ledger has.
    pub(super) fn root(&self, job: Uuid) -> Option<Hash> {
        let [batch, signed, rejected] =
            [self.line.batch, self.tree.len(), self.rejects.len()].map(|number| i64::try_from(number).ok());
        let root = BatchRoot {
            job,
            batch: batch?,
            first: self.line.first,
            last: self.line.last,
            signed: signed?,
            rejected: rejected?,
            key: self.line.kid.filter(|_| signed > Some(0)).unwrap_or(Thumbprint::ZERO),
            rejects: self.rejects.root(),
            tree: self.tree.root(),
        };
        Some(root.hash())
    }
}
