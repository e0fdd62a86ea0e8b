//! Inclusion proofs: from a record's leaf to its batch's root, and from there to the job's.

use std::{collections::HashMap, ops::ControlFlow};

use futures_util::{FutureExt as _, future::BoxFuture};
use vaultstream_ledger::{
    Job, KeyId, Ledger,
    verify::{Rows, SignedBatch, SignedRow, SignedRows, batch_rejects_root, each_root},
};
use vaultstream_signing::{FullTree, Hash, MessageForm, RawSignature, Thumbprint, merkle, proof::InclusionProof};

use crate::{digests, error::ProofError};

/// The tree over the batches: 64 bytes of memory for each.
pub struct Proofs {
    tree: FullTree,
    batches: usize,
    form: MessageForm,
}

/// The proofs of one batch's records.
pub struct BatchProofs {
    tree: FullTree,
    common: InclusionProof,
}

impl Proofs {
    /// Reads the roots of all batches.
    ///
    /// # Errors
    /// When the ledger cannot be read, or a root is damaged.
    pub async fn new(ledger: &Ledger, job: &Job) -> Result<Self, ProofError> {
        let mut roots: Vec<Hash> = Vec::new();
        let read = each_root(ledger, job.id, |root| roots.push(root)).await?;
        read.map_err(|batch| ProofError::DamagedRoot(batch.0))?;
        Ok(Self { batches: roots.len(), tree: FullTree::new(roots), form: job.message_form() })
    }

    /// Reads a batch's rows for its tree.
    ///
    /// # Errors
    /// When they cannot be read, or one of them has no leaf any more.
    pub fn of_batch<'p>(
        &'p self,
        ledger: &'p Ledger,
        job: &'p Job,
        batch: &'p SignedBatch,
        keys: &'p HashMap<KeyId, Thumbprint>,
        signed: &'p mut SignedRows<'_>,
    ) -> BoxFuture<'p, Result<BatchProofs, ProofError>> {
        self.read_batch(ledger, job, batch, keys, signed).boxed()
    }

    async fn read_batch(
        &self,
        ledger: &Ledger,
        job: &Job,
        batch: &SignedBatch,
        keys: &HashMap<KeyId, Thumbprint>,
        signed: &mut SignedRows<'_>,
    ) -> Result<BatchProofs, ProofError> {
        let mut leaves = Vec::new();
        let mut damaged = None;
        let which = Rows::Range { first: batch.first, last: batch.last };
        let mut visit = |row: SignedRow<'_>| {
            let digest = digests::kept(&row).or_else(|| digests::of_payload(&row, self.form));
            let (Some(digest), Ok(signature)) = (digest, row.signature.try_into()) else {
                damaged = Some(row.id);
                return ControlFlow::Break(());
            };
            leaves.push(merkle::leaf(row.name(), &digest, &RawSignature(signature)));
            ControlFlow::Continue(())
        };
        signed.read(which, &mut visit).await?;
        if let Some(id) = damaged {
            return Err(ProofError::NoLeaf(id));
        }
        Ok(BatchProofs {
            tree: FullTree::new(leaves),
            common: InclusionProof {
                batch: batch.batch.0,
                batches: self.batches as u64,
                first: batch.first,
                last: batch.last,
                signed: batch.signed,
                rejected: batch.rejected,
                kid: batch.key.and_then(|key| keys.get(&key).copied()).unwrap_or(Thumbprint::ZERO),
                rejects_root: batch_rejects_root(ledger, job, batch, |_| {}).await?,
                index: 0,
                batch_path: Vec::new(),
                job_path: self.tree.proof(usize::try_from(batch.batch.0).unwrap_or(usize::MAX)),
            },
        })
    }
}

impl BatchProofs {
    /// The proof of the batch's `index`-th signature.
    #[must_use]
    pub fn of_row(&self, index: usize) -> InclusionProof {
        InclusionProof { index: index as u64, batch_path: self.tree.proof(index), ..self.common.clone() }
    }
}
