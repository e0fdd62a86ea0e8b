//! The digits of a scalar: odd, signed, without zero.
//!
//! An odd k < 2²⁵⁶ is the sum of d_j·2^(w·j), where d_j = ((k >> w·j) mod 2^(w+1) | 1) - 2^w for every window but the last, and
//! d_j = (k >> w·j) | 1 for the last. Every digit is odd, so the table needs odd multiples only and no sum passes through the point at
//! infinity (Joye, Tunstall, "Exponent recoding and regular exponentiation algorithms", AFRICACRYPT 2009, §3.2).

use crate::{lanes::windows, words::Words};

/// Where a window's digit lies in a scalar's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The word that its lowest bit is in.
    pub(crate) word: usize,
    /// That bit's place in the word.
    pub(crate) shift: u32,
    /// Whether bits of the next word may belong to it.
    pub(crate) spans: bool,
    /// Whether it is the last, whose digit is not signed.
    pub(crate) is_last: bool,
}

impl Window {
    pub(crate) const fn new(window: usize, bits: usize) -> Self {
        let first = window * bits;
        let shift = first % 64;
        Self {
            word: first / 64,
            shift: shift as u32,
            spans: shift + bits + 1 > 64 && first / 64 < 3,
            is_last: window + 1 == windows(bits),
        }
    }
}

/// The digit of a window: (|d| - 1)/2, the index in its row, and all ones when d is negative.
#[inline(always)]
pub(crate) fn digit(scalar: &Words, window: usize, bits: usize) -> (u64, u64) {
    let at = Window::new(window, bits);
    let mut raw = scalar[at.word] >> at.shift;
    if at.spans {
        raw |= scalar[at.word + 1] << (64 - at.shift);
    }
    let half = raw >> 1 & ((1 << bits) - 1);
    if at.is_last {
        return (half, 0);
    }
    // raw | 1 = 2·half + 1: above 2^bits, d = 2·half + 1 - 2^bits; below, -d = 2^bits - 1 - 2·half.
    let index = (1 << (bits - 1)) - 1;
    let negative = (half >> (bits - 1)).wrapping_sub(1);
    ((half ^ negative) & index, negative)
}
