//! An earlier checkpoint of a job, which a bundle has to extend: its first batches are those that the checkpoint covers.

use vaultstream_signing::{Hash, Receipt, merkle, receipt::SignedCheckpoint};

use super::{
    error::{BundleProblem, BundleProblemKind},
    line::HeaderLine,
};

/// An earlier checkpoint, and what the bundle has in its place.
pub(super) struct Earlier {
    checkpoint: SignedCheckpoint,
    /// The root over as many batches of the bundle, once they were read.
    found: Option<Hash>,
}

impl Earlier {
    /// Reads the checkpoint.
    ///
    /// # Errors
    /// A sentence, when the bundle's receipt key did not sign it.
    pub(super) fn read(jws: &str, header: &HeaderLine) -> Result<Self, BundleProblem> {
        let key = header.receipt_key.public_key();
        let key = key.map_err(|error| problem(format!("the receipt key is damaged: {error}")))?;
        let checkpoint = SignedCheckpoint::verify(&key, jws.trim()).map_err(|error| {
            let why = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
            problem(format!("the earlier checkpoint is not one that the bundle's receipt key signed: {error}{why}"))
        })?;
        let found = (checkpoint.batches() == 0).then(merkle::empty_root);
        Ok(Self { checkpoint, found })
    }

    /// What the bundle's receipt contradicts.
    pub(super) fn problems(&self, receipt: &Receipt) -> Vec<BundleProblem> {
        let Some(place) = receipt.checkpoint else {
            return vec![problem("the bundle's receipt is no checkpoint, and so extends none".to_owned())];
        };
        let (earlier, number) = (self.checkpoint.place(), self.checkpoint.place().number());
        let mut told = Vec::new();
        if self.checkpoint.receipt().uid != receipt.uid {
            told.push("the earlier checkpoint is one of another job".to_owned());
        }
        if number >= place.number() {
            told.push(format!(
                "the earlier checkpoint has the number {number}, and the bundle's, {}, is no later one",
                place.number()
            ));
        }
        if earlier.is_last() {
            told.push("the earlier checkpoint is the last one of its job, and none follows it".to_owned());
        }
        if number + 1 == place.number() && place.previous() != Some(self.checkpoint.digest()) {
            told.push("the bundle's checkpoint names another one before it than the earlier checkpoint".to_owned());
        }
        told.into_iter().map(problem).collect()
    }

    /// Looks at the tree over the batches that were read so far.
    pub(super) fn see(&mut self, batches: &merkle::Tree) {
        if batches.len() == self.checkpoint.batches() {
            self.found = Some(batches.root());
        }
    }

    /// What is wrong with the first batches of a bundle that has this many.
    pub(super) fn batch_problem(&self, batches: u64) -> Option<BundleProblem> {
        let covers = self.checkpoint.batches();
        match &self.found {
            Some(root) if *root == self.checkpoint.receipt().merkle_root => None,
            Some(_) => Some(problem(format!("the first {covers} batches are not those of the earlier checkpoint"))),
            None => Some(problem(format!("the earlier checkpoint covers {covers} batches, the bundle has {batches}"))),
        }
    }

    pub(super) fn into_checkpoint(self) -> SignedCheckpoint {
        self.checkpoint
    }
}

fn problem(message: String) -> BundleProblem {
    BundleProblem::new(BundleProblemKind::Receipt, message)
}
