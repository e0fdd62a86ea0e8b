//! Nonces that a key has used twice, which discloses it. Two signatures by one nonce have the same r.

use std::collections::HashSet;

use vaultstream_ledger::KeyId;
use vaultstream_signing::RawSignature;

use crate::{
    checkers::RunOf,
    records::Records,
    repeats::{Prefix, RepeatIndex, Repeats},
};

/// The beginnings of the r of many signatures. Each pass keeps a part of them.
#[derive(Clone, Debug)]
pub struct NonceIndex(RepeatIndex);

impl NonceIndex {
    /// For this number of signatures, within the memory of one pass.
    #[must_use]
    pub fn expecting(signatures: u64) -> Self {
        Self(RepeatIndex::expecting(signatures))
    }

    /// Adds a signature, unless another pass keeps it.
    pub fn add(&mut self, key: KeyId, signature: &RawSignature) {
        self.0.add(prefix(key, signature));
    }

    /// Begins the next pass; false after the last one.
    pub fn begin_next_pass(&mut self) -> bool {
        self.0.begin_next_pass()
    }

    /// What came more than once in this pass.
    pub fn take_repeated(&mut self) -> HashSet<Prefix> {
        self.0.take_repeated()
    }
}

/// The records and seals whose signatures share a nonce.
pub struct RepeatedNonces {
    /// By r and key.
    uses: Repeats<(KeyId, [u8; 32]), NonceUse>,
    found: NonceUsers,
}

/// What was signed with a nonce that its key used more than once.
#[derive(Clone, Debug)]
pub struct NonceUsers {
    /// Records.
    pub records: Records,
    /// Batches, by their seals.
    pub batches: Records,
}

impl NonceUsers {
    /// None yet. At most `most` of each are named.
    #[must_use]
    pub fn keeping(most: usize) -> Self {
        Self { records: Records::keeping(most), batches: Records::keeping(most) }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.count() == 0 && self.batches.count() == 0
    }

    fn add(&mut self, of: RunOf, id: i64) {
        match of {
            RunOf::Records => self.records.add(id),
            RunOf::Batches => self.batches.add(id),
        }
    }
}

/// Which signature has a nonce.
#[derive(Clone, Copy)]
struct NonceUse {
    of: RunOf,
    id: i64,
    s: [u8; 32],
}

impl RepeatedNonces {
    /// Looks closely at these. The ids of at most `most` records are kept.
    #[must_use]
    pub fn among(suspects: HashSet<Prefix>, most: usize) -> Self {
        Self { uses: Repeats::among(suspects), found: NonceUsers::keeping(most) }
    }

    /// Adds the signature of a record. A deterministic signature of the same message is the same one, and repeats nothing.
    pub fn add(&mut self, key: KeyId, id: i64, signature: &RawSignature) {
        self.add_of(RunOf::Records, key, id, signature);
    }

    /// Adds the seal of a batch.
    pub fn add_seal(&mut self, key: KeyId, batch: i64, seal: &RawSignature) {
        self.add_of(RunOf::Batches, key, batch, seal);
    }

    fn add_of(&mut self, of: RunOf, key: KeyId, id: i64, signature: &RawSignature) {
        let (r, s) = halves(signature);
        let repeated = self.uses.add(prefix(key, signature), (key, r), NonceUse { of, id, s }, |first| first.s == s);
        for NonceUse { of, id, .. } in repeated.into_iter().flatten() {
            self.found.add(of, id);
        }
    }

    /// What is at fault.
    #[must_use]
    pub fn finish(self) -> NonceUsers {
        self.found
    }
}

/// The beginning of an r, mixed with its key: the same r under another key tells nothing.
pub(crate) fn prefix(key: KeyId, signature: &RawSignature) -> Prefix {
    let (words, _) = signature.0.as_chunks::<8>();
    u64::from_be_bytes(words[0]) ^ key.0.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn halves(signature: &RawSignature) -> ([u8; 32], [u8; 32]) {
    let (halves, _) = signature.0.as_chunks::<32>();
    (halves[0], halves[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(r: &[u8], s: u8) -> RawSignature {
        let mut signature = RawSignature([s; 64]);
        signature.0[..32].fill(0);
        signature.0[..r.len()].copy_from_slice(r);
        signature
    }

    /// The records found among signatures of `(key, id, r, s)`, in this number of passes.
    fn found(signatures: &[(i64, i64, &[u8], u8)], passes: u64) -> Vec<i64> {
        let mut index = NonceIndex(RepeatIndex::in_passes(passes));
        let mut suspects = HashSet::new();
        loop {
            signatures.iter().for_each(|(key, _, r, s)| index.add(KeyId(*key), &signature(r, *s)));
            suspects.extend(index.take_repeated());
            if !index.begin_next_pass() {
                break;
            }
        }
        let mut repeated = RepeatedNonces::among(suspects, 10);
        signatures.iter().for_each(|(key, id, r, s)| repeated.add(KeyId(*key), *id, &signature(r, *s)));
        repeated.finish().records.ids().collect()
    }

    #[test]
    fn the_records_of_one_key_that_share_an_r_are_named_all_of_them() {
        let none: [i64; 0] = [];
        let long = [[1; 31].as_slice(), &[9]].concat();
        for passes in [1, 2, 7] {
            assert_eq!(found(&[(1, 10, &[7; 32], 1), (1, 11, &[8; 32], 2), (1, 12, &[7; 32], 3)], passes), [10, 12]);
            let three = [(1, 10, &[7; 32][..], 1), (1, 11, &[7; 32], 2), (1, 12, &[7; 32], 3)];
            assert_eq!(found(&three, passes), [10, 11, 12]);
            assert_eq!(found(&[(1, 10, &[7; 32], 1), (2, 11, &[7; 32], 2)], passes), none, "two keys");
            assert_eq!(found(&[(1, 10, &[7; 32], 1), (1, 11, &[7; 32], 1)], passes), none, "the same signature");
            assert_eq!(
                found(&[(1, 10, &[1; 32], 1), (1, 11, &long, 2)], passes),
                none,
                "only the beginning is the same"
            );
        }
    }

    #[test]
    fn a_seal_that_shares_an_r_with_a_record_of_its_key_is_named_as_the_batch_s() {
        let mut repeated = RepeatedNonces::among([prefix(KeyId(1), &signature(&[7; 32], 1))].into(), 10);
        repeated.add(KeyId(1), 10, &signature(&[7; 32], 1));
        repeated.add_seal(KeyId(1), 3, &signature(&[7; 32], 2));
        repeated.add_seal(KeyId(1), 4, &signature(&[8; 32], 2));
        let found = repeated.finish();
        assert_eq!((found.records.ids().collect(), found.batches.ids().collect()), (vec![10], vec![3]));
        assert!(!found.is_empty() && NonceUsers::keeping(1).is_empty());
    }
}
