//! A walk over rows in the order of their ids. Each goes into the Merkle tree of its batch and to the threads that check
//! signatures, and is compared with what the source holds now.

use vaultstream_ledger::{
    KeyId,
    verify::{Now, SignedBatch, SignedRow},
};
use vaultstream_signing::{Digest, Hash, MessageForm, RawSignature, merkle};

use super::{
    problem::Records,
    threads::{RUN_LENGTH, SignatureRun, Threads},
};

/// Rows that differ from what was signed, and rows that cannot be checked.
#[derive(Clone, Debug)]
pub(super) struct RowFindings {
    /// Rows that were looked for in the source.
    pub(super) compared: u64,
    /// Rows whose payload is another than the one signed, or NULL.
    pub(super) changed: Records,
    /// Rows that were deleted.
    pub(super) gone: Records,
    /// Rows that the server cannot hand over.
    pub(super) unreadable: Records,
    /// The server's error for the first of those.
    pub(super) why: Option<String>,
    /// Records of which neither digest nor payload is left.
    pub(super) unknown: Records,
    /// Records whose signature is not 64 bytes long.
    pub(super) malformed: Records,
}

impl RowFindings {
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

    /// Compares a row's payload with the digest that was signed, if that was kept. Returns the digest to check the signature over.
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

/// A walk over adjacent batches.
pub(super) struct Walk<'a> {
    batches: &'a [SignedBatch],
    form: MessageForm,
    threads: &'a Threads,
    seen: &'a mut RowFindings,
    at: usize,
    tree: merkle::Tree,
    trees: Vec<Hash>,
    run: SignatureRun,
}

impl<'a> Walk<'a> {
    pub(super) fn over(
        batches: &'a [SignedBatch],
        form: MessageForm,
        threads: &'a Threads,
        seen: &'a mut RowFindings,
    ) -> Self {
        let trees = Vec::with_capacity(batches.len());
        Self { batches, form, threads, seen, at: 0, tree: merkle::Tree::new(), trees, run: SignatureRun::default() }
    }

    /// The next row.
    pub(super) fn take(&mut self, row: &SignedRow<'_>) {
        let digest = self.seen.digest(row, self.form);
        let signature = <[u8; 64]>::try_from(row.signature).ok().map(RawSignature);
        if signature.is_none() {
            self.seen.malformed.add(row.id);
        }
        // Without one of them the batch's root cannot be right, so that batch is reported, too.
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
        if self.run.ids.len() >= RUN_LENGTH || self.run.key.is_some_and(|of| of != key) {
            self.threads.check(std::mem::take(&mut self.run));
        }
        self.run.key = Some(key);
        self.run.ids.push(id);
        self.run.digests.push(digest);
        self.run.signatures.push(signature);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_compared_with_the_digest_that_was_signed_where_that_is_kept() {
        let (kept, other) = (Digest::of(b"a"), Digest::of(b"b"));
        // The columns: signed digest, row, digest to check, then compared, changed, gone, unreadable, unknown.
        let cases = [
            (Some(kept), Now::Payload(b"a"), Some(kept), [1, 0, 0, 0, 0]),
            (Some(kept), Now::Payload(b"b"), Some(kept), [1, 1, 0, 0, 0]),
            (Some(kept), Now::Null, Some(kept), [1, 1, 0, 0, 0]),
            (Some(kept), Now::Gone, Some(kept), [1, 0, 1, 0, 0]),
            (Some(kept), Now::Unreadable("why"), Some(kept), [0, 0, 0, 1, 0]),
            (Some(kept), Now::NotRead, Some(kept), [0, 0, 0, 0, 0]),
            // Generated records: their digest is that of the payload.
            (None, Now::Payload(b"b"), Some(other), [0, 0, 0, 0, 0]),
            (None, Now::Gone, None, [0, 0, 0, 0, 1]),
        ];
        for (signed, now, digest, counted) in cases {
            let mut found = RowFindings::keeping(10);
            let bytes = signed.as_ref().map(|digest| digest.0.as_slice());
            let row = SignedRow { id: 1, key: KeyId(1), signature: &[0; 64], digest: bytes, now };
            assert_eq!(found.digest(&row, MessageForm::Payload), digest, "{signed:?} {now:?}");
            let counts = [
                found.compared,
                found.changed.count(),
                found.gone.count(),
                found.unreadable.count(),
                found.unknown.count(),
            ];
            assert_eq!(counts, counted, "{signed:?} {now:?}");
        }
    }
}
