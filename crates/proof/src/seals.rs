//! Seals on their way to the threads that verify signatures, those of a key together.

use std::collections::HashMap;

use vaultstream_ledger::KeyId;
use vaultstream_signing::{Hash, RawSignature, seal_digest};

use crate::checkers::{Checkers, RUN_LENGTH, RunOf, SignatureRun};

/// Seals that were not passed on yet: at most as many as a run has.
#[derive(Default)]
pub struct SealRuns {
    runs: HashMap<KeyId, SignatureRun>,
    held: usize,
}

impl SealRuns {
    /// Adds the seal of a batch.
    pub fn add(&mut self, checkers: &Checkers, key: KeyId, batch: i64, root: &Hash, seal: &RawSignature) {
        let run = self.runs.entry(key).or_insert_with(|| SignatureRun::of(RunOf::Batches, key));
        run.ids.push(batch);
        run.digests.push(seal_digest(root));
        run.signatures.push(*seal);
        self.held += 1;
        if self.held >= RUN_LENGTH {
            self.flush(checkers);
        }
    }

    /// Passes on what is held.
    pub fn flush(&mut self, checkers: &Checkers) {
        self.held = 0;
        for (_, run) in self.runs.drain() {
            checkers.check(run);
        }
    }
}
