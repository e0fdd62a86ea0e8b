//! Inclusion proofs: from a record's leaf to its batch's root, and from there to the job's.

use std::{collections::HashMap, ops::ControlFlow};

use vaultstream_ledger::{
    Job, KeyId, Ledger,
    verify::{Rows, SignedBatch, SignedRow, SignedRows},
};
use vaultstream_signing::{
    Digest, FullTree, Hash, MessageForm, RawSignature, Thumbprint, merkle, proof::InclusionProof,
};

use crate::{
    batches::{self, rejects_root},
    error::Failure,
};

/// The tree over the batches: 64 bytes of memory for each.
pub(super) struct Proofs {
    tree: FullTree,
    batches: usize,
    form: MessageForm,
}

/// The proofs of one batch's records.
pub(super) struct BatchProofs {
    tree: FullTree,
    common: InclusionProof,
}

impl Proofs {
    /// Reads the roots of all batches.
    pub(super) async fn new(ledger: &Ledger, job: &Job) -> Result<Self, Failure> {
        let mut roots: Vec<Hash> = Vec::new();
        let mut from = 0;
        loop {
            let page = batches::page(ledger, job, from).await?;
            let Some(last) = page.last() else { break };
            from = last.batch.0 + 1;
            for batch in &page {
                let root = batch.root.as_slice().try_into();
                roots.push(
                    root.map_err(|_| Failure::failed(format!("the root of batch {} is damaged", batch.batch.0)))?,
                );
            }
        }
        Ok(Self { batches: roots.len(), tree: FullTree::new(roots), form: job.message_form() })
    }

    /// Reads a batch's rows for its tree.
    pub(super) async fn of_batch(
        &self,
        ledger: &Ledger,
        job: &Job,
        batch: &SignedBatch,
        keys: &HashMap<KeyId, Thumbprint>,
        signed: &mut SignedRows<'_>,
    ) -> Result<BatchProofs, Failure> {
        let mut leaves = Vec::new();
        let mut damaged = None;
        let which = Rows::Range { first: batch.first, last: batch.last };
        let mut visit = |row: SignedRow<'_>| {
            let digest = match (row.digest.and_then(|digest| digest.try_into().ok()), row.now.payload()) {
                (Some(signed), _) => Some(Digest(signed)),
                (None, payload) => payload.map(|payload| self.form.digest(row.id, payload)),
            };
            let (Some(digest), Ok(signature)) = (digest, row.signature.try_into()) else {
                damaged = Some(row.id);
                return ControlFlow::Break(());
            };
            leaves.push(merkle::leaf(row.id, &digest, &RawSignature(signature)));
            ControlFlow::Continue(())
        };
        let read = signed.read(which, &mut visit);
        read.await.map_err(|error| Failure::of(&error))?;
        if let Some(id) = damaged {
            return Err(Failure::failed(format!(
                "there is no proof for record {id}: its digest and payload are gone, or its signature is damaged; \
                 `vaultstream verify` tells more"
            )));
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
                rejects_root: rejects_root(ledger, job, batch).await?,
                index: 0,
                batch_path: Vec::new(),
                job_path: self.tree.proof(usize::try_from(batch.batch.0).unwrap_or(usize::MAX)),
            },
        })
    }
}

impl BatchProofs {
    /// The proof of the batch's `index`-th signature.
    pub(super) fn of_row(&self, index: usize) -> InclusionProof {
        InclusionProof { index: index as u64, batch_path: self.tree.proof(index), ..self.common.clone() }
    }
}
