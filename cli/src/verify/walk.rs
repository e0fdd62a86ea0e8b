//! Rows in the order of their ids: into the Merkle trees of their batches, to the threads that check, and beside what the
//! source has now.

use vaultstream_ledger::{
    KeyId,
    verify::{Now, SignedBatch, SignedRow},
};
use vaultstream_signing::{Digest, Hash, MessageForm, RawSignature, merkle};

use super::{
    problem::Records,
    threads::{RUN, Run, Threads},
};

/// What rows are now beside what was signed, and those that cannot be checked.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Rows that were there to be compared, or not.
    pub(super) compared: u64,
    /// Another payload than the one signed, or NULL.
    pub(super) changed: Records,
    /// No row any more.
    pub(super) gone: Records,
    /// Rows that the server cannot hand over.
    pub(super) unreadable: Records,
    /// The server's words for the first of those.
    pub(super) why: Option<String>,
    /// Neither digest nor payload is left.
    pub(super) unknown: Records,
    /// Not 64 bytes.
    pub(super) malformed: Records,
}

impl Seen {
    pub(super) fn keeping(most: usize) -> Self {
        let records = || Records::keeping(most);
        Self {
            compared: 0,
            changed: records(),
            gone: records(),
            unreadable: records(),
            why: None,
            unknown: records(),
            malformed: records(),
        }
    }

    /// Compares what a row holds now with the digest that was signed, if that was kept. The digest to check.
    fn digest(&mut self, row: &SignedRow<'_>, form: MessageForm) -> Option<Digest> {
        let signed = row.digest.and_then(|digest| digest.try_into().ok()).map(Digest);
        if let Now::Unreadable(why) = row.now {
            self.unreadable.add(row.id);
            self.why.get_or_insert_with(|| why.to_owned());
        }
        let now = row.now.payload().map(|payload| form.digest(row.id, payload));
        let Some(signed) = signed else {
            if now.is_none() {
                self.unknown.add(row.id);
            }
            return now;
        };
        match row.now {
            Now::Payload(_) if now == Some(signed) => self.compared += 1,
            Now::Payload(_) | Now::Null => {
                self.compared += 1;
                self.changed.add(row.id);
            }
            Now::Gone => {
                self.compared += 1;
                self.gone.add(row.id);
            }
            Now::Unreadable(_) | Now::NotRead => {}
        }
        Some(signed)
    }
}

/// A walk over batches side by side.
pub(super) struct Walk<'a> {
    batches: &'a [SignedBatch],
    form: MessageForm,
    threads: &'a Threads,
    seen: &'a mut Seen,
    at: usize,
    tree: merkle::Tree,
    trees: Vec<Hash>,
    run: Run,
}

impl<'a> Walk<'a> {
    pub(super) fn over(
        batches: &'a [SignedBatch],
        form: MessageForm,
        threads: &'a Threads,
        seen: &'a mut Seen,
    ) -> Self {
        let trees = Vec::with_capacity(batches.len());
        Self { batches, form, threads, seen, at: 0, tree: merkle::Tree::new(), trees, run: Run::default() }
    }

    /// The next row.
    pub(super) fn take(&mut self, row: &SignedRow<'_>) {
        let digest = self.seen.digest(row, self.form);
        let signature = <[u8; 64]>::try_from(row.signature).ok().map(RawSignature);
        if signature.is_none() {
            self.seen.malformed.add(row.id);
        }
        // Of a row that lacks one of them the batch's root cannot be right: it is told with that batch, too.
        let (Some(digest), Some(signature)) = (digest, signature) else { return };
        self.add_leaf(row.id, &digest, &signature);
        self.add_to_run(row.key, row.id, digest, signature);
    }

    /// The roots of the batches' trees.
    pub(super) fn finish(mut self) -> Vec<Hash> {
        self.threads.check(std::mem::take(&mut self.run));
        while self.at < self.batches.len() {
            self.close_batch();
        }
        self.trees
    }

    fn add_leaf(&mut self, id: i64, digest: &Digest, signature: &RawSignature) {
        while self.batches.get(self.at).is_some_and(|batch| id > batch.last) {
            self.close_batch();
        }
        if self.at < self.batches.len() {
            self.tree.push(merkle::leaf(id, digest, signature));
        }
    }

    fn close_batch(&mut self) {
        self.trees.push(std::mem::take(&mut self.tree).root());
        self.at += 1;
    }

    fn add_to_run(&mut self, key: KeyId, id: i64, digest: Digest, signature: RawSignature) {
        if self.run.ids.len() >= RUN || self.run.key.is_some_and(|of| of != key) {
            self.threads.check(std::mem::take(&mut self.run));
        }
        self.run.key = Some(key);
        self.run.ids.push(id);
        self.run.digests.push(digest);
        self.run.signatures.push(signature);
    }
}
