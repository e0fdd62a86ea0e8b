//! What the maker of checkpoints keeps from one to the next, so that each costs the new batches only.

use std::collections::HashMap;

use crate::Hash;
use crate::merkle::Tree;
use crate::receipt::{KeyUse, KeyUseCollector, KeyUses, Receipt, ReceiptFormat, SignedCheckpoint, Totals};
use crate::thumbprint::Thumbprint;

/// The version of the bytes of a state.
const VERSION: u8 = 1;

/// The sums over the first batches of a job that follows its table. The ledger keeps its bytes, and whoever writes the ledger may change
/// them: [`CheckpointState::resume`] takes none that the last signed checkpoint does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointState {
    batches: Tree,
    rejects: Tree,
    sealed: u64,
    changed: u64,
    /// By ordinal and version, each once, none without a signature.
    keys: Vec<KeyUse>,
}

/// A batch whose root, rejects and seal were checked.
#[derive(Clone, Copy, Debug)]
pub struct CheckedBatch<'a> {
    /// Its root.
    pub root: Hash,
    /// The key that signed it, where a record was signed, and the number of records.
    pub signed: Option<(Thumbprint, u64)>,
    /// The leaves of its rejects, ids ascending.
    pub rejects: &'a [Hash],
    /// Whether it has a seal.
    pub sealed: bool,
    /// Records that came or went between planning and signing.
    pub changed: u64,
}

/// A state to which batches are added: it says nothing until the order of the keys is known.
#[derive(Clone, Debug)]
pub struct GrowingState {
    state: CheckpointState,
    added: HashMap<Thumbprint, u64>,
}

/// Why there is no such state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Bytes that this version did not write.
    #[error("what is kept between two checkpoints has not its form")]
    Form,
    /// It is not what the signed checkpoint says.
    #[error("what is kept between two checkpoints is not what the last checkpoint says")]
    Altered,
    /// The keys are not those that signed, in their order.
    #[error("the job's keys are not those that signed its batches, or have another order than in the last checkpoint")]
    Keys,
    /// More than 64 bits count.
    #[error("the numbers of a checkpoint have 64 bits, and these records are more")]
    TooMany,
}

impl CheckpointState {
    /// Before the first batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The state behind a checkpoint, from the bytes that were kept of it.
    ///
    /// # Errors
    /// For other bytes, and for those of a state that is not the checkpoint's.
    pub fn resume(bytes: &[u8], checkpoint: &SignedCheckpoint) -> Result<Self, StateError> {
        let state = Self::decode(bytes)?;
        if state.agrees_with(checkpoint.receipt()) { Ok(state) } else { Err(StateError::Altered) }
    }

    /// Begins to add batches.
    #[must_use]
    pub fn grow(self) -> GrowingState {
        GrowingState { state: self, added: HashMap::new() }
    }

    /// The number of batches: the next one to add has this number.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.batches.len()
    }

    /// The root over the batches.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.batches.root()
    }

    /// The root over the rejects in the order of batches; none without any.
    #[must_use]
    pub fn rejects_root(&self) -> Option<Hash> {
        (!self.rejects.is_empty()).then(|| self.rejects.root())
    }

    /// Batches with a seal.
    #[must_use]
    pub fn sealed(&self) -> u64 {
        self.sealed
    }

    /// What became of the records.
    #[must_use]
    pub fn totals(&self) -> Totals {
        // Neither this sum nor that of the keys is more than 64 bits: `finish` and `decode` see to that.
        let signed = self.keys.iter().fold(0, |sum: u64, key| sum.saturating_add(key.signed));
        let rejected = self.rejects.len();
        Totals { total: signed.saturating_add(rejected), signed, rejected, changed: self.changed }
    }

    /// What a checkpoint says of the keys.
    #[must_use]
    pub fn keys(&self) -> KeyUses {
        let mut keys = KeyUseCollector::new(ReceiptFormat::V6);
        self.keys.iter().for_each(|key| keys.push(*key));
        keys.finish()
    }

    /// Whether each part of it is what this checkpoint says.
    #[must_use]
    pub fn agrees_with(&self, receipt: &Receipt) -> bool {
        let sums = receipt.details.as_ref().map(|details| (details.tree_size, details.sealed));
        receipt.checkpoint.is_some()
            && sums == Some((self.batches(), self.sealed))
            && receipt.merkle_root == self.root()
            && receipt.rejects_root == self.rejects_root()
            && receipt.records == self.totals()
            && receipt.keys == self.keys()
    }

    /// Its bytes: docs/formats.md has their table.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        for tree in [&self.batches, &self.rejects] {
            bytes.extend(tree.len().to_be_bytes());
            bytes.extend(tree.peaks().as_flattened());
        }
        for number in [self.sealed, self.changed, self.keys.len() as u64] {
            bytes.extend(number.to_be_bytes());
        }
        for key in &self.keys {
            bytes.extend(key.kid.0);
            bytes.extend(key.signed.to_be_bytes());
        }
        bytes
    }

    /// Reads its bytes. Memory is that of the bytes.
    ///
    /// # Errors
    /// When [`encode`](Self::encode) writes no such bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let mut rest = Bytes(bytes);
        let state = rest.state().filter(|_| rest.0.is_empty()).ok_or(StateError::Form)?;
        if state.counts() { Ok(state) } else { Err(StateError::Form) }
    }

    /// Whether its keys are such, and its sums have 64 bits.
    fn counts(&self) -> bool {
        let mut kids: Vec<&[u8; 32]> = self.keys.iter().map(|key| &key.kid.0).collect();
        kids.sort_unstable();
        let signed = self.keys.iter().try_fold(self.rejects.len(), |sum, key| sum.checked_add(key.signed));
        signed.is_some()
            && self.sealed <= self.batches()
            && self.keys.iter().all(|key| key.signed > 0)
            && kids.windows(2).all(|pair| pair[0] != pair[1])
    }
}

impl GrowingState {
    /// Adds the next batch.
    ///
    /// # Errors
    /// When 64 bits do not count its records.
    pub fn batch(&mut self, batch: &CheckedBatch<'_>) -> Result<(), StateError> {
        let CheckedBatch { root, signed, rejects, sealed, changed } = *batch;
        let state = &mut self.state;
        state.changed = state.changed.checked_add(changed).ok_or(StateError::TooMany)?;
        if let Some((kid, signed)) = signed {
            let sum = self.added.entry(kid).or_default();
            *sum = sum.checked_add(signed).ok_or(StateError::TooMany)?;
        }
        state.batches.push(root);
        state.rejects.extend(rejects.iter().copied());
        state.sealed += u64::from(sealed);
        Ok(())
    }

    /// The state with these batches. `order` has the job's keys by ordinal and version; those that signed nothing may be among them.
    ///
    /// # Errors
    /// When a key that signed is not among them or is there twice, when those of the last checkpoint have another order there, and when 64 bits
    /// do not count the records.
    pub fn finish(self, order: impl IntoIterator<Item = Thumbprint>) -> Result<CheckpointState, StateError> {
        let Self { mut state, mut added } = self;
        let mut before = std::mem::take(&mut state.keys).into_iter().peekable();
        for kid in order {
            let signed = before.next_if(|key| key.kid == kid).map_or(0, |key| key.signed);
            let sum = signed.checked_add(added.remove(&kid).unwrap_or(0)).ok_or(StateError::TooMany)?;
            if sum > 0 {
                state.keys.push(KeyUse { kid, signed: sum });
            }
        }
        let is_all = before.next().is_none() && added.values().all(|signed| *signed == 0);
        if is_all && state.counts() { Ok(state) } else { Err(StateError::Keys) }
    }
}

/// What was not read yet.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn state(&mut self) -> Option<CheckpointState> {
        if self.take::<1>()? != [VERSION] {
            return None;
        }
        let (batches, rejects) = (self.tree()?, self.tree()?);
        let (sealed, changed, number) = (self.number()?, self.number()?, self.number()?);
        // Each takes 40 bytes of those that are there.
        if number.checked_mul(40)? != self.0.len() as u64 {
            return None;
        }
        let keys = (0..number).map(|_| Some(KeyUse { kid: Thumbprint(self.take()?), signed: self.number()? }));
        let keys = keys.collect::<Option<_>>()?;
        Some(CheckpointState { batches, rejects, sealed, changed, keys })
    }

    fn tree(&mut self) -> Option<Tree> {
        let leaves = self.number()?;
        let peaks = (0..leaves.count_ones()).map(|_| self.take()).collect::<Option<_>>()?;
        Tree::resume(peaks, leaves)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}
