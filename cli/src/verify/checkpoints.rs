//! Checks the checkpoints of a job that follows its table, or did: each one's signature, that it names the one before, and that its root is
//! the one of the first batches. So what was published is what the ledger has still, and nothing of it was taken back.

use serde::Serialize;
use vaultstream_ledger::{
    Job, Ledger, QueryError,
    checkpoints::{self, CheckpointRow},
    verify::{PublicKeyRow, batch_roots},
};
use vaultstream_program::chain;
use vaultstream_signing::{
    PublicKey,
    merkle::Tree,
    receipt::{Checkpoint, SignedCheckpoint},
};

use super::{
    problem::{Problem, ProblemKind},
    receipt,
};

/// Checkpoints and batches that are read at a time.
const PAGE: usize = 5_000;

/// The last checkpoint of a job that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LastCheckpoint {
    /// Its number.
    pub(crate) number: i64,
    /// The batches that it covers.
    pub(crate) batches: i64,
    /// Records in them.
    pub(crate) records: i64,
}

/// What the checkpoints are, and the first thing that is wrong with them.
pub(super) async fn check(
    ledger: &Ledger,
    job: &Job,
    keys: &[PublicKeyRow],
) -> Result<(Option<LastCheckpoint>, Option<Problem>), QueryError> {
    let Some(key) = receipt::receipt_key(keys).and_then(|key| PublicKey::from_spki_der(&key.public_key).ok()) else {
        return Ok((None, None));
    };
    let mut walk = Walk { ledger, job, key, roots: Tree::new(), pending: Vec::new(), next: None, last: None };
    loop {
        let page = checkpoints::list(ledger, job.id, walk.last.map_or(0, |last| last.number), PAGE).await?;
        if page.is_empty() {
            let end = walk.end();
            return Ok((walk.last, end.err()));
        }
        for row in &page {
            if let Err(problem) = walk.one(row).await? {
                return Ok((walk.last, Some(problem)));
            }
        }
    }
}

/// The way through the checkpoints, and beside it through the roots of the batches.
struct Walk<'a> {
    ledger: &'a Ledger,
    job: &'a Job,
    key: PublicKey,
    roots: Tree,
    /// Roots that were read and belong to later checkpoints, the next one at the end.
    pending: Vec<[u8; 32]>,
    /// What the next one has to be.
    next: Option<Checkpoint>,
    last: Option<LastCheckpoint>,
}

impl Walk<'_> {
    async fn one(&mut self, row: &CheckpointRow) -> Result<Result<(), Problem>, QueryError> {
        let wrong =
            |what: String| Ok(Err(Problem::new(ProblemKind::Receipt, format!("checkpoint {}: {what}", row.number))));
        let signed = match SignedCheckpoint::verify(&self.key, &row.checkpoint) {
            Ok(signed) => signed,
            Err(error) => return wrong(format!("it is not valid: {}", chain(&error))),
        };
        let expected = self.next.unwrap_or_else(Checkpoint::first);
        if signed.receipt().uid != self.job.uid {
            return wrong("it is another job's".to_owned());
        } else if (signed.place().number(), signed.place().previous()) != (expected.number(), expected.previous()) {
            return wrong("it does not follow the one before".to_owned());
        }
        let grows = signed.batches() > self.roots.len();
        if !grows || !self.grow(signed.batches()).await? || self.roots.root() != signed.receipt().merkle_root {
            return wrong("the batches that it covers are not those of the ledger".to_owned());
        }
        self.next = signed.next();
        self.last = Some(LastCheckpoint { number: row.number, batches: row.batches, records: row.records });
        Ok(Ok(()))
    }

    /// Takes batches into the root up to this number of them; false when there are fewer.
    async fn grow(&mut self, batches: u64) -> Result<bool, QueryError> {
        while self.roots.len() < batches {
            if self.pending.is_empty() {
                let from = i64::try_from(self.roots.len()).unwrap_or(i64::MAX);
                let page = batch_roots(self.ledger, self.job.id, from, PAGE).await?;
                let follows = page.iter().zip(from..).take_while(|(batch, number)| batch.batch.0 == *number);
                self.pending.extend(follows.map_while(|(batch, _)| <[u8; 32]>::try_from(batch.root.as_slice()).ok()));
                self.pending.reverse();
            }
            let Some(root) = self.pending.pop() else { return Ok(false) };
            self.roots.push(root);
        }
        Ok(true)
    }

    /// The receipt of a job that has ended is the last one.
    fn end(&self) -> Result<(), Problem> {
        let Some(jws) = &self.job.receipt else { return Ok(()) };
        // What is wrong with the receipt itself is told elsewhere.
        let Ok(last) = SignedCheckpoint::verify(&self.key, jws) else { return Ok(()) };
        let expected = self.next.unwrap_or_else(Checkpoint::first);
        let follows = (last.place().number(), last.place().previous()) == (expected.number(), expected.previous());
        if follows && last.place().is_last() {
            return Ok(());
        }
        Err(Problem::new(ProblemKind::Receipt, "the receipt does not follow the last checkpoint"))
    }
}
