//! Numbers modulo the order of P-256: private keys and the secret numbers of signatures.

use std::fmt;

use zeroize::ZeroizeOnDrop;

/// The order n of the base point of P-256 (SP 800-186 §3.2.1.3), least significant word first.
const ORDER: [u64; 4] = [0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, 0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000];

/// A number from 1 to n-1, wiped when it is dropped; `Debug` does not show it.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Scalar {
    /// Least significant first, as the library reads it.
    pub(crate) words: [u64; 4],
}

impl Scalar {
    /// Takes 32 bytes, big-endian; `None` when the number is 0 or not below n. Takes the same time for every number.
    #[must_use]
    pub fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let scalar = Self { words: words(bytes) };
        let mut borrow = false;
        let mut bits = 0;
        for (word, order) in scalar.words.iter().zip(ORDER) {
            borrow = word.overflowing_sub(order).1 | (word.wrapping_sub(order).overflowing_sub(borrow.into()).1);
            bits |= word;
        }
        (borrow & (bits != 0)).then_some(scalar)
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scalar").finish_non_exhaustive()
    }
}

/// The words of a big-endian number, least significant first.
pub(crate) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let (chunks, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|word| u64::from_be_bytes(chunks[3 - word]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: [u64; 4]) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (chunk, word) in bytes.chunks_exact_mut(8).zip(words.iter().rev()) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn scalars_are_the_numbers_from_one_to_the_order_less_one() {
        let [low, rest @ ..] = ORDER;
        let with_low = |low| bytes([low, rest[0], rest[1], rest[2]]);
        assert!(Scalar::from_be_bytes(&[0; 32]).is_none());
        assert!(Scalar::from_be_bytes(&bytes([1, 0, 0, 0])).is_some());
        assert!(Scalar::from_be_bytes(&bytes([0, 0, 0, 1])).is_some());
        assert!(Scalar::from_be_bytes(&with_low(low - 1)).is_some());
        assert!(Scalar::from_be_bytes(&with_low(low)).is_none());
        assert!(Scalar::from_be_bytes(&with_low(low + 1)).is_none());
        assert!(Scalar::from_be_bytes(&[0xff; 32]).is_none());
        // Below in a high word, above in a low one; and the other way round.
        assert!(Scalar::from_be_bytes(&bytes([u64::MAX, u64::MAX, u64::MAX, ORDER[3] - 1])).is_some());
        assert!(Scalar::from_be_bytes(&bytes([0, 0, 0, ORDER[3] + 1])).is_none());
        assert!(Scalar::from_be_bytes(&bytes([low, rest[0] - 1, rest[1], rest[2]])).is_some());
        assert!(Scalar::from_be_bytes(&bytes([low - 1, rest[0] + 1, rest[1], rest[2]])).is_none());
    }

    #[test]
    fn words_are_least_significant_first() {
        let counting: [u8; 32] = std::array::from_fn(|at| at as u8);
        assert_eq!(words(&counting)[0], 0x1819_1a1b_1c1d_1e1f);
        assert_eq!(words(&counting)[3], 0x0001_0203_0405_0607);
    }
}
