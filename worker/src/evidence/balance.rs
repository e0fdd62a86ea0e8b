//! Whether two passes over the ledger have seen the same things, in whatever order and in constant memory.

use vaultstream_signing::Digest;

/// What one pass adds, another takes away. A hash with a secret key stands for each thing, so that other things, which were written between
/// the passes, do not add up to the same.
pub(super) struct Balance {
    key: [u8; 32],
    sum: u128,
}

impl Balance {
    pub(super) fn new() -> Self {
        Self { key: rand::random(), sum: 0 }
    }

    pub(super) fn add(&mut self, thing: &[u8], times: u64) {
        self.sum = self.sum.wrapping_add(self.of(thing, times));
    }

    pub(super) fn take(&mut self, thing: &[u8], times: u64) {
        self.sum = self.sum.wrapping_sub(self.of(thing, times));
    }

    /// Whether as much was taken as was added.
    pub(super) fn is_even(&self) -> bool {
        self.sum == 0
    }

    fn of(&self, thing: &[u8], times: u64) -> u128 {
        let hash = Digest::of(&[self.key.as_slice(), thing].concat()).0;
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        u128::from_be_bytes(half).wrapping_mul(u128::from(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_things_as_often_are_even_whatever_their_order() {
        let balanced = |added: &[(&str, u64)], taken: &[(&str, u64)]| {
            let mut balance = Balance::new();
            added.iter().for_each(|(thing, times)| balance.add(thing.as_bytes(), *times));
            taken.iter().for_each(|(thing, times)| balance.take(thing.as_bytes(), *times));
            balance.is_even()
        };
        assert!(balanced(&[], &[]));
        assert!(balanced(&[("a", 3), ("b", 1), ("a", 2)], &[("b", 1), ("a", 5)]));
        for taken in [&[("a", 4), ("b", 1)][..], &[("a", 5)], &[("a", 1), ("b", 5)], &[("a", 5), ("c", 1)]] {
            assert!(!balanced(&[("a", 3), ("b", 1), ("a", 2)], taken), "{taken:?}");
        }
    }
}
