//! What the engine's formulas need of the field of P-256, several elements at a time.
//!
//! An implementation says how large each result can be. Sizes are in units of 2²⁵⁶: an element of size 2 is a number below 2·2²⁵⁶ that
//! stands for its remainder modulo p.

use crate::{isa::Work, words::Words};

/// The prime p of the field (SP 800-186 §3.2.1.3).
pub(crate) const PRIME: Words = [u64::MAX, 0xffff_ffff, 0, 0xffff_ffff_0000_0001];

/// A way to compute with several field elements at once. What runs, and at which addresses, depends on no value of an element or a scalar; it
/// depends on the places that `gather` takes, which are public.
pub(crate) trait Lanes: Copy + Send + Sync + 'static {
    /// Elements that are computed side by side.
    const WIDTH: usize;
    /// Bits of a digit of a scalar.
    const WINDOW: usize;
    /// `WIDTH` elements, in Montgomery's form.
    type Element: Copy + Send + Sync;
    /// `WIDTH` scalars, ready to be cut into digits.
    type Scalars: Copy + Send + Sync;
    /// The points that the digits of one window choose from.
    type Row: Send + Sync;

    /// Runs `work` compiled for the unit of these lanes.
    fn run<W: Work>(self, work: W) -> W::Output;

    /// 1 in every lane.
    fn one(self) -> Self::Element;
    /// Takes up to `WIDTH` numbers below 2²⁵⁶; 1 in the lanes that are left.
    fn encode(self, numbers: &[Words]) -> Self::Element;
    /// Gives as many of the numbers as `out` has room for, each below p.
    fn decode(self, element: &Self::Element, out: &mut [Words]);

    /// a·b
    fn mul(self, a: &Self::Element, b: &Self::Element) -> Self::Element;
    /// a²
    fn square(self, a: &Self::Element) -> Self::Element;
    /// a - b, to be multiplied.
    fn sub(self, a: &Self::Element, b: &Self::Element) -> Self::Element;
    /// a - b, as a coordinate of a point.
    fn sub_reduced(self, a: &Self::Element, b: &Self::Element) -> Self::Element;
    /// a - 2b - c, as a coordinate of a point.
    fn sub_twice_reduced(self, a: &Self::Element, b: &Self::Element, c: &Self::Element) -> Self::Element;

    /// Takes the points at these places of a pool, negated where the place has [`NEGATED`]; `WIDTH` of them.
    fn gather(self, pool: &[Packed], places: &[u32]) -> (Self::Element, Self::Element);
    /// Gives points whose coordinates have size 1.9 at most, `WIDTH` of them.
    fn scatter(self, x: &Self::Element, y: &Self::Element, out: &mut [Packed]);

    /// Takes up to `WIDTH` scalars; 1 in the lanes that are left.
    fn scalars(self, scalars: &[Words]) -> Self::Scalars;
    /// Takes the 2^(WINDOW-1) points (1, 3, 5, …)·2^(WINDOW·j)·G of window j, in affine coordinates.
    fn row(self, points: &[(Words, Words)]) -> Self::Row;
    /// The point of each scalar's digit in this window, of which `row` is.
    fn select(self, row: &Self::Row, scalars: &Self::Scalars, window: usize) -> (Self::Element, Self::Element);
}

/// The affine coordinates of a point in the Montgomery form of its lanes, each below 2²⁵⁶: x in the first four words, y in the others. It is one
/// line of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Packed(pub(crate) [u64; 8]);

impl Packed {
    pub(crate) const ZERO: Self = Self([0; 8]);

    #[inline(always)]
    pub(crate) fn new(x: &Words, y: &Words) -> Self {
        let mut packed = Self::ZERO;
        packed.0[..4].copy_from_slice(x);
        packed.0[4..].copy_from_slice(y);
        packed
    }

    #[inline(always)]
    pub(crate) fn x(&self) -> &Words {
        &self.0.as_chunks().0[0]
    }

    #[inline(always)]
    pub(crate) fn y(&self) -> &Words {
        &self.0.as_chunks().0[1]
    }
}

/// Two points of the same x met in a sum: they are one point, or their sum is the point at infinity. The formulas have no answer then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SameX;

/// Set in the place of a point that is taken with its y negated.
pub(crate) const NEGATED: u32 = 1 << 31;

/// Windows of `bits` bits that a scalar has.
pub(crate) const fn windows(bits: usize) -> usize {
    256_usize.div_ceil(bits)
}
