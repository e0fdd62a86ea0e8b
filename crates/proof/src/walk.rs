//! A walk over rows in the order of their ids. Each goes into the Merkle tree of its batch and to the threads that check
//! signatures, and is compared with what the source holds now.

use vaultstream_ledger::{
    KeyId,
    verify::{SignedBatch, SignedRow},
};
use vaultstream_signing::{Digest, Hash, MessageForm, RawSignature, merkle};

use crate::{
    checkers::{Checkers, RUN_LENGTH, SignatureRun},
    findings::RowFindings,
};

/// A walk over adjacent batches.
pub struct Walk<'a> {
    batches: &'a [SignedBatch],
    form: MessageForm,
    checkers: &'a Checkers,
    seen: &'a mut RowFindings,
    at: usize,
    tree: merkle::Tree,
    trees: Vec<Hash>,
    run: SignatureRun,
}

impl<'a> Walk<'a> {
    /// Over these batches; over none to check signatures alone. The rows must come in the order of their ids.
    pub fn over(
        batches: &'a [SignedBatch],
        form: MessageForm,
        checkers: &'a Checkers,
        seen: &'a mut RowFindings,
    ) -> Self {
        let trees = Vec::with_capacity(batches.len());
        Self { batches, form, checkers, seen, at: 0, tree: merkle::Tree::new(), trees, run: SignatureRun::default() }
    }

    /// The next row.
    pub fn take(&mut self, row: &SignedRow<'_>) {
        let digest = self.seen.digest(row, self.form);
        let signature = <[u8; 64]>::try_from(row.signature).ok().map(RawSignature);
        match &signature {
            Some(signature) => self.seen.nonces.add(row.key, signature),
            None => self.seen.malformed.add(row.id),
        }
        // Without one of them the batch's root cannot be right, so that batch is reported, too.
        let (Some(digest), Some(signature)) = (digest, signature) else { return };
        self.add_leaf(row, &digest, &signature);
        self.add_to_run(row.key, row.id, digest, signature);
    }

    /// The roots of the batches' trees.
    pub fn finish(mut self) -> Vec<Hash> {
        self.checkers.check(std::mem::take(&mut self.run));
        while self.at < self.batches.len() {
            self.close_batch();
        }
        self.trees
    }

    fn add_leaf(&mut self, row: &SignedRow<'_>, digest: &Digest, signature: &RawSignature) {
        while self.batches.get(self.at).is_some_and(|batch| row.id > batch.last) {
            self.close_batch();
        }
        if self.at < self.batches.len() {
            self.tree.push(merkle::leaf(row.name(), digest, signature));
        }
    }

    fn close_batch(&mut self) {
        self.trees.push(std::mem::take(&mut self.tree).root());
        self.at += 1;
    }

    fn add_to_run(&mut self, key: KeyId, id: i64, digest: Digest, signature: RawSignature) {
        if self.run.ids.len() >= RUN_LENGTH || self.run.key.is_some_and(|of| of != key) {
            self.checkers.check(std::mem::take(&mut self.run));
        }
        self.run.key = Some(key);
        self.run.ids.push(id);
        self.run.digests.push(digest);
        self.run.signatures.push(signature);
    }
}
