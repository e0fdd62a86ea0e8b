//! Walks over the batches: passes their rows to the checking checkers and into their Merkle trees, and their roots into the
//! job's.

use std::{collections::HashMap, ops::ControlFlow};

use vaultstream_ledger::{
    Job, KeyId, Ledger,
    verify::{Lost, PublicKeyRow, Rows, SignedBatch, SignedRow, SignedRows, batch_rejects_root},
};
use vaultstream_proof::{Checkers, NonceUsers, Records, RepeatedNonces, RowFindings, SealRuns, Walk, page};
use vaultstream_signing::{BatchRoot, Hash, MessageForm, PublicKey, RawSignature, Thumbprint, merkle};

use super::{
    problem::{Problem, ProblemKind},
    stages::Stages,
};
use crate::error::Failure;

/// Stands for a root that is not a hash; no tree has it.
const NO_HASH: Hash = [0; 32];

/// A walk over a job's batches and signatures.
pub(super) struct Check<'a> {
    ledger: &'a Ledger,
    job: &'a Job,
    form: MessageForm,
    thumbprints: HashMap<KeyId, Thumbprint>,
    checkers: &'a Checkers,
    stages: &'a mut Stages,
    signed: SignedRows<'a>,
    seen: RowFindings,
    seals: SealRuns,
    sealed: u64,
    /// Batches whose seal is none, or is of no key.
    malformed_seals: Records,
    wrong_batches: Vec<String>,
    most: usize,
    more_wrong_batches: u64,
}

/// What the batches add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchSums {
    /// The root over their stored roots.
    pub(super) root: Hash,
    /// Their number.
    pub(crate) number: u64,
    /// The number of those with a seal.
    pub(crate) sealed: u64,
}

/// What the walk found. What the checkers found is in [`vaultstream_proof::Checked`].
pub(super) struct Findings {
    pub(super) seen: RowFindings,
    /// Why the source cannot be read.
    pub(super) lost: Option<Lost>,
    /// Batches with a wrong root.
    pub(super) batches: Option<Problem>,
    /// Batches with a malformed seal.
    pub(super) seals: Option<Problem>,
}

impl Findings {
    /// Signatures that cannot be checked.
    pub(super) fn unreadable_signatures(&self) -> impl Iterator<Item = Problem> {
        let malformed = Problem::about(
            ProblemKind::WrongSignature,
            &self.seen.malformed,
            "signature is not 64 bytes long: that of record",
            "signatures are not 64 bytes long: those of records",
        );
        let unknown = Problem::about(
            ProblemKind::NotCheckable,
            &self.seen.unknown,
            "signature cannot be checked, its digest was not kept and its payload is gone: that of record",
            "signatures cannot be checked, their digests were not kept and their payloads are gone: those of records",
        );
        malformed.into_iter().chain(unknown)
    }
}

impl<'a> Check<'a> {
    /// Of about this many `signatures`. At most `most` records of each kind are named.
    pub(super) fn new(
        ledger: &'a Ledger,
        job: &'a Job,
        keys: &[PublicKeyRow],
        checkers: &'a Checkers,
        stages: &'a mut Stages,
        (most, signatures): (usize, u64),
    ) -> Self {
        let thumbprint =
            |key: &PublicKeyRow| Some((key.id, PublicKey::from_spki_der(&key.public_key).ok()?.thumbprint()));
        Self {
            ledger,
            job,
            form: job.message_form(),
            thumbprints: keys.iter().filter_map(thumbprint).collect(),
            checkers,
            stages,
            signed: SignedRows::of(ledger, job),
            seen: RowFindings::keeping(most, signatures),
            seals: SealRuns::default(),
            sealed: 0,
            malformed_seals: Records::keeping(most),
            wrong_batches: Vec::new(),
            most,
            more_wrong_batches: 0,
        }
    }

    /// Begins a stage of the display.
    pub(super) fn begin(&mut self, stage: &'static str, signatures: u64) {
        self.stages.begin_measured(stage, signatures);
    }

    /// Checks every signature, every batch root and every seal.
    pub(super) async fn all(&mut self) -> Result<BatchSums, Failure> {
        let mut root = merkle::Tree::new();
        let mut from = 0;
        loop {
            let mut page = page(self.ledger, self.job, from).await.map_err(|error| Failure::of(&error))?;
            let Some(last) = page.last() else { break };
            from = last.batch.0 + 1;
            for batch in &page {
                root.push(hash(batch));
                self.seal(batch);
            }
            page.sort_by_key(|batch| batch.first);
            for side_by_side in page.chunk_by(|one, next| one.last.checked_add(1) == Some(next.first)) {
                self.batches(side_by_side).await?;
            }
        }
        Ok(self.sums(&root))
    }

    /// Checks every seal, and no root.
    pub(super) async fn seals(&mut self) -> Result<BatchSums, Failure> {
        let mut root = merkle::Tree::new();
        let mut from = 0;
        loop {
            let page = page(self.ledger, self.job, from).await.map_err(|error| Failure::of(&error))?;
            let Some(last) = page.last() else { break };
            from = last.batch.0 + 1;
            for batch in &page {
                root.push(hash(batch));
                self.seal(batch);
            }
        }
        Ok(self.sums(&root))
    }

    fn sums(&mut self, root: &merkle::Tree) -> BatchSums {
        self.seals.flush(self.checkers);
        BatchSums { root: root.root(), number: root.len(), sealed: self.sealed }
    }

    /// Passes the seal of a batch on to the threads.
    fn seal(&mut self, batch: &SignedBatch) {
        if batch.seal.is_none() {
            return;
        }
        self.sealed += 1;
        match seal_of(batch) {
            Some((key, seal)) => {
                self.seen.nonces.add(key, &seal);
                self.seals.add(self.checkers, key, batch.batch.0, &hash(batch), &seal);
            }
            None => self.malformed_seals.add(batch.batch.0),
        }
    }

    /// Checks signatures but not batches: a sample, or those of a job that is not finished.
    pub(super) async fn signatures(&mut self, which: Rows) -> Result<(), Failure> {
        self.rows(&[], which).await.map(drop)
    }

    /// What was signed with a nonce that its key used more than once, among all that was read.
    pub(super) async fn repeated_nonces(&mut self, which: Rows) -> Result<NonceUsers, Failure> {
        let mut suspects = self.seen.nonces.take_repeated();
        while self.seen.nonces.begin_next_pass() {
            let nonces = &mut self.seen.nonces;
            let mut visit = |row: SignedRow<'_>| {
                with_signature(&row, |signature| nonces.add(row.key, signature));
                ControlFlow::Continue(())
            };
            self.signed.read(which, &mut visit).await.map_err(|error| Failure::of(&error))?;
            each_seal(self.ledger, self.job, |key, _, seal| nonces.add(key, seal)).await?;
            suspects.extend(self.seen.nonces.take_repeated());
        }
        let is_clear = suspects.is_empty();
        let mut repeated = RepeatedNonces::among(suspects, self.most);
        if !is_clear {
            let mut visit = |row: SignedRow<'_>| {
                with_signature(&row, |signature| repeated.add(row.key, row.id, signature));
                ControlFlow::Continue(())
            };
            self.signed.read(which, &mut visit).await.map_err(|error| Failure::of(&error))?;
            each_seal(self.ledger, self.job, |key, batch, seal| repeated.add_seal(key, batch, seal)).await?;
        }
        Ok(repeated.finish())
    }

    /// What was found.
    pub(super) fn finish(self) -> Findings {
        let more = match self.more_wrong_batches {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let batches = (!self.wrong_batches.is_empty()).then(|| {
            let message = format!(
                "the Merkle roots of batches are not the roots of their rows: {}{more}",
                self.wrong_batches.join(", ")
            );
            Problem::new(ProblemKind::MerkleRoot, message)
        });
        let seals = Problem::about_batches(
            ProblemKind::Seal,
            &self.malformed_seals,
            "batch has a seal that is none, or of no key",
            "batches have seals that are none, or of no key",
        );
        Findings { seen: self.seen, lost: self.signed.lost().cloned(), batches, seals }
    }

    async fn batches(&mut self, batches: &[SignedBatch]) -> Result<(), Failure> {
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else { return Ok(()) };
        let trees = self.rows(batches, Rows::Range { first: first.first, last: last.last }).await?;
        for (batch, tree) in batches.iter().zip(trees) {
            self.compare(batch, tree).await?;
        }
        Ok(())
    }

    async fn rows(&mut self, batches: &[SignedBatch], which: Rows) -> Result<Vec<Hash>, Failure> {
        let mut walk = Walk::over(batches, self.form, self.checkers, &mut self.seen);
        let (stages, checkers) = (&mut *self.stages, self.checkers);
        let mut visit = |row: SignedRow<'_>| {
            walk.take(&row);
            stages.update(checkers.checked());
            ControlFlow::Continue(())
        };
        let read = self.signed.read(which, &mut visit);
        read.await.map_err(|error| Failure::of(&error))?;
        Ok(walk.finish())
    }

    async fn compare(&mut self, batch: &SignedBatch, tree: Hash) -> Result<(), Failure> {
        let thumbprint = batch.key.and_then(|key| self.thumbprints.get(&key).copied());
        let rejects = batch_rejects_root(self.ledger, self.job, batch, |_| {}).await;
        let rejects = rejects.map_err(|error| Failure::of(&error))?;
        let expected = BatchRoot {
            job: self.job.uid,
            batch: batch.batch.0,
            first: batch.first,
            last: batch.last,
            signed: batch.signed,
            rejected: batch.rejected,
            key: thumbprint.filter(|_| batch.signed > 0).unwrap_or(Thumbprint::ZERO),
            rejects,
            tree,
        };
        if expected.hash().as_slice() != batch.root.as_slice() {
            if self.wrong_batches.len() < self.most {
                self.wrong_batches.push(format!("{} (records {} to {})", batch.batch.0, batch.first, batch.last));
            } else {
                self.more_wrong_batches += 1;
            }
        }
        Ok(())
    }
}

/// Passes on a signature of the right length; others are reported otherwise.
fn with_signature(row: &SignedRow<'_>, visit: impl FnOnce(&RawSignature)) {
    if let Ok(signature) = <[u8; 64]>::try_from(row.signature) {
        visit(&RawSignature(signature));
    }
}

/// Shows the seals of all batches.
async fn each_seal(
    ledger: &Ledger,
    job: &Job,
    mut visit: impl FnMut(KeyId, i64, &RawSignature),
) -> Result<(), Failure> {
    let mut from = 0;
    loop {
        let page = page(ledger, job, from).await.map_err(|error| Failure::of(&error))?;
        let Some(last) = page.last() else { return Ok(()) };
        from = last.batch.0 + 1;
        for batch in &page {
            if let Some((key, seal)) = seal_of(batch) {
                visit(key, batch.batch.0, &seal);
            }
        }
    }
}

/// The seal of a batch and its key.
fn seal_of(batch: &SignedBatch) -> Option<(KeyId, RawSignature)> {
    Some((batch.key?, RawSignature(batch.seal.as_deref()?.try_into().ok()?)))
}

/// A stored root. One that is not 32 bytes long equals no root.
fn hash(batch: &SignedBatch) -> Hash {
    batch.root.as_slice().try_into().unwrap_or(NO_HASH)
}
