//! The order of P-256.

/// The order n of P-256, big-endian (SP 800-186 §3.2.1.3).
pub(super) const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// Whether 32 bytes, big-endian, are a number from 1 to n - 1: a private key or a nonce. Takes the same time for every number.
pub(super) fn is_scalar(bytes: &[u8; 32]) -> bool {
    let mut borrow = 0;
    let mut bits = 0;
    for (byte, order) in bytes.iter().zip(&ORDER).rev() {
        borrow = (u16::from(*byte).wrapping_sub(u16::from(*order)).wrapping_sub(borrow) >> 8) & 1;
        bits |= byte;
    }
    (borrow == 1) & (bits != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(at: usize, change: i8) -> [u8; 32] {
        let mut number = ORDER;
        number[at] = number[at].wrapping_add_signed(change);
        number
    }

    #[test]
    fn scalars_are_the_numbers_from_one_to_the_order_less_one() {
        let mut one = [0; 32];
        one[31] = 1;
        let mut high = [0; 32];
        high[0] = 0x80;
        // Below in a high byte and above in a low one; and the other way round.
        let (mut above, mut below) = (with(16, 1), with(16, -1));
        above[31] -= 1;
        below[31] += 1;
        for scalar in [one, high, with(31, -1), with(20, -1), with(16, -1), below] {
            assert!(is_scalar(&scalar), "{scalar:x?}");
        }
        for not in [[0; 32], [0xff; 32], ORDER, with(31, 1), with(20, 1), above] {
            assert!(!is_scalar(&not), "{not:x?}");
        }
    }
}
