//! Digests modulo the order of P-256, as nonces are made of them.

use p256::elliptic_curve::ops::Reduce;
use p256::{FieldBytes, Scalar};

use crate::Digest;

/// A digest modulo n, big-endian: what ECDSA signs (FIPS 186-5 §6.4.1). A digest is not secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reduced([u8; 32]);

impl Reduced {
    pub(super) fn of(digest: &Digest) -> Self {
        Self(Scalar::reduce(&FieldBytes::from(digest.0)).to_bytes().into())
    }
}

impl AsRef<[u8; 32]> for Reduced {
    fn as_ref(&self) -> &[u8; 32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::ORDER;
    use super::*;

    #[test]
    fn only_what_is_not_below_the_order_changes() {
        let (mut below, mut above) = (ORDER, ORDER);
        below[31] -= 1;
        above[31] += 1;
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(Reduced::of(&Digest([0; 32])).0, [0; 32]);
        assert_eq!(Reduced::of(&Digest(below)).0, below);
        assert_eq!(Reduced::of(&Digest(ORDER)).0, [0; 32]);
        assert_eq!(Reduced::of(&Digest(above)).0, one);
        // 2²⁵⁶ - 1 - n
        let most = Reduced::of(&Digest([0xff; 32])).0;
        let sum: [u8; 32] = std::array::from_fn(|at| most[at].wrapping_add(ORDER[at]));
        assert_eq!(sum, [0xff; 32], "no byte of this sum carries");
    }
}
