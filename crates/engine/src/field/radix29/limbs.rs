//! Numbers in nine limbs of 29 bits.

use crate::{lanes::PRIME, words::Words};

pub(super) const LIMBS: usize = 9;
pub(super) const BITS: usize = 29;
pub(super) const LOW_29: u64 = (1 << BITS) - 1;

/// Nine limbs of 29 bits.
pub(super) const fn limbs(number: &Words) -> [u64; LIMBS] {
    let mut limbs = [0; LIMBS];
    let mut at = 0;
    while at < LIMBS {
        let (word, shift) = (at * BITS / 64, at * BITS % 64);
        limbs[at] = number[word] >> shift;
        if shift + BITS > 64 && word < 3 {
            limbs[at] |= number[word + 1] << (64 - shift);
        }
        limbs[at] &= LOW_29;
        at += 1;
    }
    limbs
}

/// The number of nine limbs of 29 bits modulo 2²⁵⁶.
#[inline(always)]
pub(super) fn number(limbs: &[u64; LIMBS]) -> Words {
    let mut number = [0; 4];
    for (at, limb) in limbs.iter().enumerate() {
        let (word, shift) = (at * BITS / 64, at * BITS % 64);
        number[word] |= limb << shift;
        if shift + BITS > 64 && word < 3 {
            number[word + 1] |= limb >> (64 - shift);
        }
    }
    number
}

/// times·p, with 2^`bits` lent to each limb by the next, but for the last.
pub(super) const fn lent(times: u64, bits: usize) -> [u64; LIMBS] {
    let p = limbs(&PRIME);
    let mut multiple = [0; LIMBS];
    let mut carry = 0;
    let mut at = 0;
    while at < LIMBS {
        let limb = p[at] * times + carry;
        (multiple[at], carry) = if at + 1 < LIMBS { (limb & LOW_29, limb >> BITS) } else { (limb, 0) };
        if at + 1 < LIMBS {
            multiple[at] += 1 << bits;
        }
        if at > 0 {
            multiple[at] -= 1 << (bits - BITS);
        }
        at += 1;
    }
    multiple
}
