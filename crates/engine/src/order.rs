//! Arithmetic modulo n, the order of P-256: Montgomery's form with R = 2²⁵⁶ in four words, fully reduced.

use crate::words::{self, Words, add_carry, mul_add};

/// n (SP 800-186 §3.2.1.3).
pub(crate) const ORDER: Words =
    [0xf3b9_cac2_fc63_2551, 0xbce6_faad_a717_9e84, 0xffff_ffff_ffff_ffff, 0xffff_ffff_0000_0000];

/// -n⁻¹ modulo 2⁶⁴.
const NEGATIVE_INVERSE: u64 = 0xccd1_c8aa_ee00_bc4f;

/// R² modulo n.
const R_SQUARED: Words = words::power_of_two(&ORDER, 256);

/// A number modulo n in Montgomery's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar(Words);

impl Scalar {
    pub(crate) const ZERO: Self = Self([0; 4]);
    pub(crate) const ONE: Self = Self(words::power_of_two(&ORDER, 0));
    /// 1/R
    pub(crate) const ONE_DIVIDED: Self = Self::divided(&[1, 0, 0, 0]);

    /// From a number below 2²⁵⁶, by a multiplication.
    #[inline(always)]
    pub(crate) fn new(number: &Words) -> Self {
        Self(multiply(number, &R_SQUARED))
    }

    /// number/R, for a number below n: that is what its words are in Montgomery's form.
    #[inline(always)]
    pub(crate) const fn divided(number: &Words) -> Self {
        Self(*number)
    }

    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        Self(multiply(&self.0, &other.0))
    }

    /// Its product with a number below n, as that number is: not in Montgomery's form.
    #[inline(always)]
    pub(crate) fn times(self, number: &Words) -> Plain {
        Plain(multiply(&self.0, number))
    }

    /// Its inverse, by Fermat: a^(n-2), four bits of the exponent at a time; 0 of 0.
    pub(crate) fn invert(self) -> Self {
        let mut powers = [Self::ONE; 16];
        for at in 1..16 {
            powers[at] = powers[at - 1].mul(self);
        }
        let mut result = Self::ONE;
        for nibble in (0..64).rev() {
            for _ in 0..4 {
                result = result.mul(result);
            }
            // The exponent is public.
            let exponent = words::sub(&ORDER, &[2, 0, 0, 0]).0;
            let digit = (exponent[nibble / 16] >> (nibble % 16 * 4)) & 15;
            result = result.mul(powers[digit as usize]);
        }
        result
    }
}

/// A number modulo n, as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain(pub(crate) Words);

impl Plain {
    pub(crate) const ZERO: Self = Self([0; 4]);

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        let (sum, carry) = words::add(&self.0, &other.0);
        Self(words::reduce_once(&sum, carry, &ORDER))
    }
}

/// `scale` divided by each, in place, by one inversion and three multiplications each (Montgomery's trick). None may be zero: then all
/// become zero.
pub(crate) fn invert_all(scalars: &mut [Scalar], before: &mut Vec<Scalar>, scale: Scalar) {
    before.clear();
    let mut product = Scalar::ONE;
    for scalar in &*scalars {
        before.push(product);
        product = product.mul(*scalar);
    }
    let mut inverse = product.invert().mul(scale);
    for (scalar, before) in scalars.iter_mut().zip(before).rev() {
        let inverted = inverse.mul(*before);
        inverse = inverse.mul(*scalar);
        *scalar = inverted;
    }
}

/// A number below 2²⁵⁶ modulo n.
#[inline(always)]
pub(crate) fn reduce(number: &Words) -> Words {
    words::reduce_once(number, 0, &ORDER)
}

/// A number of 512 bits, big-endian, modulo n: uniform bits give a number that is uniform but for 2⁻²⁵⁶. In constant time.
#[must_use]
pub fn reduce_wide(number: &[u8; 64]) -> [u8; 32] {
    let mut halves = [[0; 32]; 2];
    halves.as_flattened_mut().copy_from_slice(number);
    let [high, low] = halves.map(|half| words::from_bytes(&half));
    // R is 2²⁵⁶, so the Montgomery form of the upper half is what it counts.
    let above = Plain(Scalar::new(&high).0);
    words::to_bytes(&above.add(Plain(reduce(&low))).0)
}

/// n - a for a from 1 to n - 1; n for 0.
#[inline(always)]
pub(crate) fn negate(a: &Words) -> Words {
    words::sub(&ORDER, a).0
}

/// a·b/R modulo n, for a·b below n·R.
#[inline(always)]
fn multiply(a: &Words, b: &Words) -> Words {
    let mut t = words::mul_wide(a, b);
    let mut above = 0;
    for at in 0..4 {
        let factor = t[at].wrapping_mul(NEGATIVE_INVERSE);
        let (_, c) = mul_add(t[at], factor, ORDER[0], 0);
        let (t1, c) = mul_add(t[at + 1], factor, ORDER[1], c);
        let (t2, c) = mul_add(t[at + 2], factor, ORDER[2], c);
        let (t3, c) = mul_add(t[at + 3], factor, ORDER[3], c);
        let (t4, c) = add_carry(t[at + 4], c, above);
        (t[at + 1], t[at + 2], t[at + 3], t[at + 4]) = (t1, t2, t3, t4);
        above = c;
    }
    words::reduce_once(&[t[4], t[5], t[6], t[7]], above, &ORDER)
}
