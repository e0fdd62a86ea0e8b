//! Walks over the batches: their rows to the checking threads and into their Merkle trees, their roots into the job's.

use std::{collections::HashMap, ops::ControlFlow};

use indicatif::{ProgressBar, ProgressStyle};
use vaultstream_api::Message;
use vaultstream_ledger::{
    Job, KeyId, Ledger,
    verify::{PublicKeyRow, Rows, SignedBatch, SignedRow, batch_roots, signed_rows},
};
use vaultstream_signing::{BatchRoot, Digest, Hash, MessageForm, PublicKey, RawSignature, Thumbprint, merkle};

use super::threads::{RUN, Run, Threads};
use crate::{error::Failure, export::rejects_root};

/// Batches looked at together; their rows are read in one go where they lie side by side.
const PAGE: usize = 5_000;

/// Wrong batches told one by one.
const TOLD: usize = 10;

/// A walk over a job's batches and signatures.
pub(super) struct Check<'a> {
    ledger: &'a Ledger,
    job: &'a Job,
    form: MessageForm,
    thumbprints: HashMap<KeyId, Thumbprint>,
    threads: &'a Threads,
    bar: ProgressBar,
    changed: u64,
    wrong_batches: usize,
    /// What is wrong so far.
    pub(super) problems: Vec<String>,
}

impl<'a> Check<'a> {
    pub(super) fn new(
        ledger: &'a Ledger,
        job: &'a Job,
        keys: &[PublicKeyRow],
        threads: &'a Threads,
        visible: bool,
    ) -> Self {
        let thumbprint =
            |key: &PublicKeyRow| Some((key.id, PublicKey::from_spki_der(&key.public_key).ok()?.thumbprint()));
        let bar = if visible { ProgressBar::new(job.total.unwrap_or(0).unsigned_abs()) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("verifying [{wide_bar}] {human_pos}/{human_len} {per_sec}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            ledger,
            job,
            form: match job.spec.signing.message {
                Message::Payload => MessageForm::Payload,
                Message::Bound => MessageForm::Bound { job: job.uid },
            },
            thumbprints: keys.iter().filter_map(thumbprint).collect(),
            threads,
            bar,
            changed: 0,
            wrong_batches: 0,
            problems: Vec::new(),
        }
    }

    /// Records of a table that are not what was signed any more.
    pub(super) fn changed(&self) -> u64 {
        self.changed
    }

    /// Checks every signature and every batch root; the root over them.
    pub(super) async fn all(&mut self) -> Result<Hash, Failure> {
        let mut root = merkle::Tree::new();
        let mut from = 0;
        loop {
            let mut page = self.page(from).await?;
            let Some(last) = page.last() else { break };
            from = last.batch.0 + 1;
            for batch in &page {
                root.push(hash(batch));
            }
            page.sort_by_key(|batch| batch.first);
            for side_by_side in page.chunk_by(|one, next| one.last.checked_add(1) == Some(next.first)) {
                self.rows(side_by_side).await?;
            }
        }
        self.bar.finish_and_clear();
        Ok(root.root())
    }

    /// Checks about `rows` signatures, chosen anew each time.
    pub(super) async fn sample(&mut self, rows: u64) -> Result<(), Failure> {
        let mut walk = Walk::over(&[], self.form, self.threads);
        self.bar.set_length(rows);
        let (bar, which) = (self.bar.clone(), Rows::Sample { rows, seed: rand::random() });
        let read = signed_rows(self.ledger, self.job, which, |row| {
            bar.inc(1);
            walk.take(&row)
        });
        read.await.map_err(|error| Failure::of(&error))?;
        let end = walk.finish();
        self.changed += end.changed;
        self.problems.extend(end.problem);
        self.bar.finish_and_clear();
        Ok(())
    }

    /// The root over the stored batch roots.
    pub(super) async fn job_root(&self) -> Result<Hash, Failure> {
        let mut root = merkle::Tree::new();
        let mut from = 0;
        loop {
            let page = self.page(from).await?;
            let Some(last) = page.last() else { return Ok(root.root()) };
            from = last.batch.0 + 1;
            for batch in &page {
                root.push(hash(batch));
            }
        }
    }

    async fn page(&self, from: i64) -> Result<Vec<SignedBatch>, Failure> {
        batch_roots(self.ledger, self.job.id, from, PAGE).await.map_err(|error| Failure::of(&error))
    }

    async fn rows(&mut self, batches: &[SignedBatch]) -> Result<(), Failure> {
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Ok(()) };
        let mut walk = Walk::over(batches, self.form, self.threads);
        let (bar, threads) = (self.bar.clone(), self.threads);
        let which = Rows::Range { first: first.first, last: last.last };
        let read = signed_rows(self.ledger, self.job, which, |row| {
            let going_on = walk.take(&row);
            bar.set_position(threads.checked());
            going_on
        });
        read.await.map_err(|error| Failure::of(&error))?;
        let end = walk.finish();
        self.changed += end.changed;
        self.problems.extend(end.problem);
        for (batch, tree) in batches.iter().zip(end.trees) {
            self.compare(batch, tree).await?;
        }
        Ok(())
    }

    async fn compare(&mut self, batch: &SignedBatch, tree: Hash) -> Result<(), Failure> {
        let thumbprint = batch.key.and_then(|key| self.thumbprints.get(&key).copied());
        let expected = BatchRoot {
            job: self.job.uid,
            batch: batch.batch.0,
            first: batch.first,
            last: batch.last,
            signed: batch.signed,
            rejected: batch.rejected,
            key: thumbprint.unwrap_or(Thumbprint([0; 32])),
            rejects: rejects_root(self.ledger, self.job, batch).await?,
            tree,
        };
        if expected.hash().as_slice() != batch.root.as_slice() {
            self.wrong_batches += 1;
            if self.wrong_batches <= TOLD {
                self.problems.push(format!(
                    "the Merkle root of batch {} (records {} to {}) is not the root of its rows",
                    batch.batch.0, batch.first, batch.last
                ));
            }
        }
        Ok(())
    }
}

/// A stored root; one that is no hash matches nothing.
fn hash(batch: &SignedBatch) -> Hash {
    batch.root.as_slice().try_into().unwrap_or([0; 32])
}

/// Rows in the order of their ids, over batches side by side.
struct Walk<'a> {
    batches: &'a [SignedBatch],
    form: MessageForm,
    threads: &'a Threads,
    at: usize,
    tree: merkle::Tree,
    trees: Vec<Hash>,
    run: Run,
    changed: u64,
    problem: Option<String>,
}

/// What a walk found.
struct End {
    trees: Vec<Hash>,
    changed: u64,
    problem: Option<String>,
}

impl<'a> Walk<'a> {
    fn over(batches: &'a [SignedBatch], form: MessageForm, threads: &'a Threads) -> Self {
        Self {
            batches,
            form,
            threads,
            at: 0,
            tree: merkle::Tree::new(),
            trees: Vec::with_capacity(batches.len()),
            run: Run::default(),
            changed: 0,
            problem: None,
        }
    }

    fn take(&mut self, row: &SignedRow<'_>) -> ControlFlow<()> {
        let Ok(signature) = <[u8; 64]>::try_from(row.signature) else {
            self.problem =
                Some(format!("the signature of record {} has {} bytes, not 64", row.id, row.signature.len()));
            return ControlFlow::Break(());
        };
        let signature = RawSignature(signature);
        let now = row.payload.map(|payload| self.form.digest(row.id, payload));
        let signed = row.digest.and_then(|digest| digest.try_into().ok()).map(Digest);
        let digest = match (signed, now) {
            (Some(signed), now) => {
                self.changed += u64::from(now != Some(signed));
                signed
            }
            (None, Some(now)) => now,
            (None, None) => {
                self.problem = Some(format!("record {} is signed, but its payload is gone", row.id));
                return ControlFlow::Break(());
            }
        };
        self.add_leaf(row.id, &digest, &signature);
        self.add_to_run(row.key, row.id, digest, signature);
        ControlFlow::Continue(())
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

    fn finish(mut self) -> End {
        self.threads.check(std::mem::take(&mut self.run));
        while self.at < self.batches.len() {
            self.close_batch();
        }
        End { trees: self.trees, changed: self.changed, problem: self.problem }
    }
}
