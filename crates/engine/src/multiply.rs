//! Σ tᵢ·Pᵢ over many public points, by buckets (Pippenger, "On the evaluation of powers and related problems", FOCS 1976).
//!
//! Each t is cut into signed digits of c bits. In each window, the points of the same |digit| go into one bucket, whose sum counts digit
//! times. A bucket's number is hi·2ʰ + lo, so the buckets are summed by hi and by lo, and only those sums are multiplied, by running sums.

use p256::{
    AffinePoint, ProjectivePoint,
    elliptic_curve::{Group as _, sec1::FromSec1Point as _},
};

use crate::{
    lanes::{Lanes, NEGATED, Packed, SameX},
    pairs::{Member, Pairs},
    words,
};

/// Members that are summed in one go: few enough for the caches, enough to share inversions.
const MEMBERS: usize = 16_384;

/// A number for each point.
pub(crate) type Weight = u128;

/// How weights of `bits` bits are cut for this many points.
#[derive(Clone, Copy, Debug)]
struct Cut {
    bits: u32,
    windows: u32,
}

impl Cut {
    /// The windows have one bit more than the weights, so that the last digit lends nothing.
    fn new(points: usize, weight_bits: u32) -> Self {
        let cost = |bits: u32| {
            let windows = u64::from((weight_bits + 1).div_ceil(bits));
            // Additions of points, of buckets twice, and of the running sums, each of which costs six.
            windows * (points as u64 + (1 << bits) + 24 * (1 << bits.div_ceil(2)))
        };
        let bits = (3..=13).min_by_key(|bits| cost(*bits)).unwrap_or(8);
        Self { bits, windows: (weight_bits + 1).div_ceil(bits) }
    }

    /// The digits of a weight, the lowest first, each from -2^(bits-1) to 2^(bits-1).
    fn digits(self, weight: Weight) -> impl Iterator<Item = i16> {
        let mut rest = weight;
        (0..self.windows).map(move |_| {
            let low = (rest & ((1 << self.bits) - 1)) as i32;
            let lends = low > 1 << (self.bits - 1);
            rest = (rest >> self.bits) + u128::from(lends);
            (low - (i32::from(lends) << self.bits)) as i16
        })
    }
}

/// The memory in which sums of products are made.
pub(crate) struct Multiply<L: Lanes> {
    pub(crate) pairs: Pairs<L>,
    digits: Vec<i16>,
    members: Vec<Member>,
    sorted: Vec<Member>,
    counts: Vec<u32>,
    buckets: Vec<(u32, Packed)>,
}

/// The first of the points in the pool: those before fill up lanes.
pub(crate) const FIRST: usize = 2;

impl<L: Lanes> Multiply<L> {
    pub(crate) fn new(filling: [Packed; 2]) -> Self {
        Self {
            pairs: Pairs::new(filling),
            digits: Vec::new(),
            members: Vec::new(),
            sorted: Vec::new(),
            counts: Vec::new(),
            buckets: Vec::new(),
        }
    }

    /// Σ weights[i]·pool[FIRST + i]; the pool has no other points.
    ///
    /// # Errors
    /// When sums of the same x met: the points were not independent of the weights, or this is one case among 2¹⁰⁰.
    #[inline(always)]
    pub(crate) fn sum(&mut self, lanes: L, weights: &[Weight]) -> Result<ProjectivePoint, SameX> {
        let any = weights.iter().fold(0, |any, weight| any | weight);
        let cut = Cut::new(weights.len(), Weight::BITS - any.leading_zeros());
        let half = 1_u32 << (cut.bits - 1);
        let points = self.pairs.pool.len();
        self.buckets.clear();
        self.digits.resize(weights.len() * cut.windows as usize, 0);
        for (at, weight) in weights.iter().enumerate() {
            for (window, digit) in cut.digits(*weight).enumerate() {
                self.digits[window * weights.len() + at] = digit;
            }
        }
        let windows_at_once = (MEMBERS / weights.len().max(1)).clamp(1, cut.windows as usize) as u32;
        for first in (0..cut.windows).step_by(windows_at_once as usize) {
            let windows = first..(first + windows_at_once).min(cut.windows);
            self.members.clear();
            for window in windows.clone() {
                let digits = &self.digits[window as usize * weights.len()..][..weights.len()];
                for (place, digit) in (FIRST as u32..).zip(digits).filter(|(_, digit)| **digit != 0) {
                    let group = (window - first) * half + u32::from(digit.unsigned_abs()) - 1;
                    let negated = if *digit < 0 { NEGATED } else { 0 };
                    self.members.push(Member { group, place: place | negated });
                }
            }
            self.sort(windows.len() * half as usize);
            self.pairs.sum(lanes, &mut self.sorted)?;
            for bucket in &self.sorted {
                // A bucket of one point still has the point's sign.
                let (window, digit) = (bucket.group / half + first, bucket.group % half + 1);
                let negated = bucket.place & NEGATED;
                let point = self.pairs.pool[(bucket.place & !NEGATED) as usize];
                self.buckets.push(((window << 16 | digit) | negated, point));
            }
            self.pairs.pool.truncate(points);
        }
        self.sum_buckets(lanes, cut)
    }

    /// Puts the members of each group side by side.
    fn sort(&mut self, groups: usize) {
        self.counts.clear();
        self.counts.resize(groups + 1, 0);
        for member in &self.members {
            self.counts[member.group as usize + 1] += 1;
        }
        for group in 0..groups {
            self.counts[group + 1] += self.counts[group];
        }
        self.sorted.resize(self.members.len(), Member { group: 0, place: 0 });
        for member in &self.members {
            let at = &mut self.counts[member.group as usize];
            self.sorted[*at as usize] = *member;
            *at += 1;
        }
    }

    /// Σ over windows of 2^(bits·window)·Σ digit·bucket.
    #[inline(always)]
    fn sum_buckets(&mut self, lanes: L, cut: Cut) -> Result<ProjectivePoint, SameX> {
        let low_bits = cut.bits.div_ceil(2);
        let side = 1_u32 << low_bits;
        self.pairs.pool.truncate(FIRST);
        self.members.clear();
        for (bucket, point) in &self.buckets {
            let (window, digit) = (bucket >> 16 & 0x7fff, bucket & 0xffff);
            let place = self.pairs.pool.len() as u32 | bucket & NEGATED;
            self.pairs.pool.push(*point);
            for (part, digit) in [(0, digit % side), (1, digit / side)] {
                if digit != 0 {
                    self.members.push(Member { group: (2 * window + part) * side + digit, place });
                }
            }
        }
        self.sort(((2 * cut.windows) * side) as usize + side as usize);
        self.pairs.sum(lanes, &mut self.sorted)?;
        let mut total = ProjectivePoint::IDENTITY;
        let mut sums = self.sorted.iter().rev().peekable();
        for window in (0..cut.windows).rev() {
            for _ in 0..cut.bits - low_bits {
                total = total.double();
            }
            for part in [1, 0] {
                let first = (2 * window + part) * side;
                let (mut running, mut weighted) = (ProjectivePoint::IDENTITY, ProjectivePoint::IDENTITY);
                for digit in (1..side).rev() {
                    while let Some(sum) = sums.next_if(|sum| sum.group == first + digit) {
                        running += self.point(lanes, sum.place)?;
                    }
                    weighted += running;
                }
                total += weighted;
                if part == 1 {
                    for _ in 0..low_bits {
                        total = total.double();
                    }
                }
            }
        }
        Ok(total)
    }

    /// A point of the pool for the other library, which checks that it is on the curve.
    #[inline(always)]
    fn point(&self, lanes: L, place: u32) -> Result<AffinePoint, SameX> {
        let (x, y) = lanes.gather(&self.pairs.pool, &[place; 8][..L::WIDTH]);
        let mut numbers = [[[0; 4]; 8]; 2];
        lanes.decode(&x, &mut numbers[0][..L::WIDTH]);
        lanes.decode(&y, &mut numbers[1][..L::WIDTH]);
        let [x, y] = [numbers[0][0], numbers[1][0]];
        let mut encoded = [4; 65];
        encoded[1..33].copy_from_slice(&words::to_bytes(&x));
        encoded[33..].copy_from_slice(&words::to_bytes(&y));
        let encoded = p256::Sec1Point::from_bytes(encoded).map_err(|_| SameX)?;
        Option::<AffinePoint>::from(AffinePoint::from_sec1_point(&encoded)).ok_or(SameX)
    }
}
