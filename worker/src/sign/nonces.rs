//! The r of the signatures that a lease has made. Two signatures of different digests with the same r disclose the key.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasherDefault, Hash, Hasher},
};

use vaultstream_signing::{Digest, RawSignature};

/// From this number on, the next unit begins with an empty set, so that a long lease takes no more memory.
const SIZE_LIMIT: usize = 1 << 16;

/// Half of an r: random enough that no two nonces of a lease share it by chance.
#[derive(PartialEq, Eq)]
struct Prefix([u64; 2]);

impl Hash for Prefix {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// The r that were made under a lease, each with the beginning of its digest.
#[derive(Default)]
pub(crate) struct NonceSet(HashMap<Prefix, u64, BuildHasherDefault<Uniform>>);

impl NonceSet {
    /// Makes room. At least the last unit, and all units within the limit, remain known.
    pub(crate) fn begin_unit(&mut self, records: usize) {
        if self.0.len() >= SIZE_LIMIT {
            self.0.clear();
        }
        self.0.reserve(records);
    }

    /// Adds a signature. False when its r was used for another digest. The same digest may have the same r: a deterministic
    /// signature that is made again is the same one.
    pub(crate) fn add(&mut self, digest: &Digest, signature: &RawSignature) -> bool {
        let (words, _) = signature.0.as_chunks::<8>();
        let prefix = Prefix([words[0], words[1]].map(u64::from_be_bytes));
        let (words, _) = digest.0.as_chunks::<8>();
        let digest = u64::from_be_bytes(words[0]);
        match self.0.entry(prefix) {
            Entry::Vacant(entry) => {
                entry.insert(digest);
                true
            }
            Entry::Occupied(entry) => *entry.get() == digest,
        }
    }
}

/// An r is as good as random: its first word is hash enough.
#[derive(Default)]
struct Uniform(u64);

impl Hasher for Uniform {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.rotate_left(8) ^ word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_r(r: u8) -> RawSignature {
        let mut signature = RawSignature([r; 64]);
        signature.0[32..].fill(rand::random());
        signature
    }

    #[test]
    fn an_r_is_used_for_one_digest_only() {
        let mut set = NonceSet::default();
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert!(set.add(&one, &with_r(1)));
        assert!(set.add(&other, &with_r(2)));
        assert!(set.add(&one, &with_r(1)), "the same signature, made again");
        assert!(!set.add(&other, &with_r(1)));
    }

    #[test]
    fn the_set_is_bounded_and_knows_all_of_the_last_unit() {
        let mut set = NonceSet::default();
        let signature = |n: u32| {
            let mut signature = RawSignature([0; 64]);
            signature.0[4..8].copy_from_slice(&n.to_be_bytes());
            signature
        };
        for unit in 0..20 {
            set.begin_unit(10_000);
            for n in unit * 10_000..(unit + 1) * 10_000 {
                assert!(set.add(&Digest::of(b"one"), &signature(n)));
            }
            assert!(!set.add(&Digest::of(b"other"), &signature(unit * 10_000)));
            assert!(set.0.len() < SIZE_LIMIT + 10_000);
        }
    }
}
