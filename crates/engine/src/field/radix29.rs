//! Four elements in nine limbs of 29 bits, for units that multiply numbers of 32 bits.
//!
//! Montgomery's R is 2²⁶¹, so a product has size size(a)·size(b)/32 + 1. Limbs are not negative, and below 2²⁹ but for those of `sub`,
//! which leaves carrying to the multiplication: nine products of 2³¹ and 2²⁹ and what is added to them are below 2⁶⁴. So at most one
//! factor of a product is a difference.
//!
//! | operation | sizes of what it takes | size of its result, and its limbs |
//! | --- | --- | --- |
//! | `mul` | at most 4 each, one with limbs below 2³¹, the other below 2²⁹ | 1.5, below 2²⁹ |
//! | `square` | at most 4, below 2²⁹ | 1.5, below 2²⁹ |
//! | `sub` | a at most 4; b at most 1.9; both below 2²⁹ | size(a) + 2, below 2³¹ |
//! | `sub_reduced` | at most 1.9 each, below 2²⁹ | 1.01, below 2²⁹ |
//! | `sub_twice_reduced` | a at most 2, b at most 1.01, c at most 3.01 and below 2³¹ | 1.01, below 2²⁹ |
//! | `encode` | numbers below 2²⁵⁶ | 1.04, below 2²⁹ |
//! | `scatter` | at most 1.9, below 2²⁹ | below 2²⁵⁶ |

mod limbs;
mod reduction;

use self::{
    limbs::{BITS, LIMBS, LOW_29, lent, limbs, number},
    reduction::{Reduction, columns},
};
use crate::{
    field::{bounds, digits::Window},
    isa::{Mul32, Work},
    lanes::{Lanes, NEGATED, PRIME, Packed, windows},
    words::{self, Words},
};

/// Elements of four lanes on a unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Radix29<I>(pub(crate) I);

const LANES: usize = 4;
const WINDOW: usize = 7;

/// R modulo p, and R² modulo p, for R = 2²⁶¹.
const ONE: [u64; LIMBS] = limbs(&words::power_of_two(&PRIME, 5));
const R_SQUARED: [u64; LIMBS] = limbs(&words::power_of_two(&PRIME, 266));

/// Multiples of p whose lower limbs are larger than those of what is subtracted from them.
const PRIME_OVER_29: [u64; LIMBS] = lent(1, 29);
const TWICE_PRIME_OVER_29: [u64; LIMBS] = lent(2, 29);
const TWICE_PRIME_OVER_30: [u64; LIMBS] = lent(2, 30);
const SIX_TIMES_PRIME_OVER_32: [u64; LIMBS] = lent(6, 32);

/// The points of one window: nine limbs of each coordinate, and of each those of the 64 points.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Row {
    x: [[u32; 64]; LIMBS],
    y: [[u32; 64]; LIMBS],
}

impl<I: Mul32> Radix29<I> {
    #[inline(always)]
    fn all(self, limbs: &[u64; LIMBS]) -> [I::Vector; LIMBS] {
        let mut all = [self.0.splat(0); LIMBS];
        for at in 0..LIMBS {
            all[at] = self.0.splat(limbs[at]);
        }
        all
    }

    /// Whether all lanes are within these bounds; always so where bounds are not asserted.
    #[inline(always)]
    fn is_within(self, element: &[I::Vector; LIMBS], limb_bits: u32, hundredths: u128) -> bool {
        !bounds::IN_THIS_BUILD || self.look_within(element, limb_bits, hundredths)
    }

    #[inline(never)]
    fn look_within(self, element: &[I::Vector; LIMBS], limb_bits: u32, hundredths: u128) -> bool {
        bounds::hold(&element.map(|limb| self.0.store(limb)), BITS, limb_bits, hundredths)
    }

    /// The limbs of a number in Montgomery's form, below p.
    fn encoded_limbs(self, coordinate: &Words) -> [u64; LIMBS] {
        let encoded = self.encode(&[*coordinate]);
        let lane_0 = std::array::from_fn(|limb| self.0.store(encoded[limb])[0]);
        limbs(&words::reduce_once(&number(&lane_0), lane_0[8] >> 24, &PRIME))
    }

    /// The sum of the products of two limbs that belong to column `AT`.
    #[inline(always)]
    fn products<const AT: usize>(self, a: &[I::Vector; LIMBS], b: &[I::Vector; LIMBS]) -> I::Vector {
        let mut sum = self.0.splat(0);
        for i in AT.saturating_sub(LIMBS - 1)..LIMBS {
            if i <= AT {
                sum = self.0.add(sum, self.0.mul(a[i], b[AT - i]));
            }
        }
        sum
    }

    /// The same of a square: products of different limbs are made once.
    #[inline(always)]
    fn squares<const AT: usize>(self, a: &[I::Vector; LIMBS], doubled: &[I::Vector; LIMBS]) -> I::Vector {
        let mut sum = self.0.splat(0);
        for i in AT.saturating_sub(LIMBS - 1)..LIMBS {
            if 2 * i < AT {
                sum = self.0.add(sum, self.0.mul(doubled[i], a[AT - i]));
            }
        }
        if AT.is_multiple_of(2) && AT / 2 < LIMBS {
            sum = self.0.add(sum, self.0.mul(a[AT / 2], a[AT / 2]));
        }
        sum
    }

    /// Limbs of 29 bits again; none is negative.
    #[inline(always)]
    fn carry(self, mut a: [I::Vector; LIMBS]) -> [I::Vector; LIMBS] {
        let low = self.0.splat(LOW_29);
        for at in 0..LIMBS - 1 {
            a[at + 1] = self.0.add(a[at + 1], self.0.shr::<29>(a[at]));
            a[at] = self.0.and(a[at], low);
        }
        a
    }

    /// A number below 16·2²⁵⁶, whose limbs are above 2²⁵, to size 1.01: 2²⁵⁶ is 2²²⁴ - 2¹⁹² - 2⁹⁶ + 1 modulo p.
    #[inline(always)]
    fn reduce(self, mut a: [I::Vector; LIMBS]) -> [I::Vector; LIMBS] {
        assert!(self.is_within(&a, 33, 1600));
        let unit = self.0;
        let above = unit.shr::<24>(a[8]);
        a[8] = unit.and(a[8], unit.splat((1 << 24) - 1));
        a[0] = unit.add(a[0], above);
        a[3] = unit.sub(a[3], unit.shl::<9>(above));
        a[6] = unit.sub(a[6], unit.shl::<18>(above));
        a[7] = unit.add(a[7], unit.shl::<21>(above));
        let reduced = self.carry(a);
        assert!(self.is_within(&reduced, 29, 101));
        reduced
    }

    /// Limbs of four numbers: vector i has word i of each.
    #[inline(always)]
    fn limbs_of([a, b, c, d]: [I::Vector; 4], unit: I) -> [I::Vector; LIMBS] {
        let low = unit.splat(LOW_29);
        [
            unit.and(a, low),
            unit.and(unit.shr::<29>(a), low),
            unit.and(unit.or(unit.shr::<58>(a), unit.shl::<6>(b)), low),
            unit.and(unit.shr::<23>(b), low),
            unit.and(unit.or(unit.shr::<52>(b), unit.shl::<12>(c)), low),
            unit.and(unit.shr::<17>(c), low),
            unit.and(unit.or(unit.shr::<46>(c), unit.shl::<18>(d)), low),
            unit.and(unit.shr::<11>(d), low),
            unit.shr::<40>(d),
        ]
    }

    /// The words of four numbers below 2²⁵⁶: vector i has word i of each.
    #[inline(always)]
    fn words_of(l: [I::Vector; LIMBS], unit: I) -> [I::Vector; 4] {
        [
            unit.or(unit.or(l[0], unit.shl::<29>(l[1])), unit.shl::<58>(l[2])),
            unit.or(unit.or(unit.shr::<6>(l[2]), unit.shl::<23>(l[3])), unit.shl::<52>(l[4])),
            unit.or(unit.or(unit.shr::<12>(l[4]), unit.shl::<17>(l[5])), unit.shl::<46>(l[6])),
            unit.or(unit.or(unit.shr::<18>(l[6]), unit.shl::<11>(l[7])), unit.shl::<40>(l[8])),
        ]
    }

    /// A number of size 1.9 at most, made smaller than 2²⁵⁶.
    #[inline(always)]
    fn fit(self, element: &[I::Vector; LIMBS]) -> [I::Vector; LIMBS] {
        let unit = self.0;
        // Once more as in `reduce`, with 2²⁹ lent to limbs 3 to 7, so that none is negative: there is at most one 2²⁵⁶ to take off.
        assert!(self.is_within(element, 29, 190));
        let mut l = *element;
        let (lent, passed_on) = (unit.splat(1 << BITS), unit.splat(LOW_29));
        let above = unit.shr::<24>(l[8]);
        l[0] = unit.add(l[0], above);
        l[3] = unit.sub(unit.add(l[3], lent), unit.shl::<9>(above));
        l[4] = unit.add(l[4], passed_on);
        l[5] = unit.add(l[5], passed_on);
        l[6] = unit.sub(unit.add(l[6], passed_on), unit.shl::<18>(above));
        l[7] = unit.add(unit.add(l[7], passed_on), unit.shl::<21>(above));
        l[8] = unit.sub(unit.and(l[8], unit.splat((1 << 24) - 1)), unit.splat(1));
        self.carry(l)
    }

    /// Word i of up to four numbers in vector i; 1 in the lanes that are left.
    #[inline(always)]
    fn words(self, numbers: &[Words]) -> [I::Vector; 4] {
        let mut rows = [self.0.load(&[1, 0, 0, 0]); LANES];
        for (row, number) in rows.iter_mut().zip(numbers) {
            *row = self.0.load(number);
        }
        self.0.transpose(rows)
    }
}

impl<I: Mul32> Lanes for Radix29<I> {
    const WIDTH: usize = LANES;
    const WINDOW: usize = WINDOW;
    type Element = [I::Vector; LIMBS];
    type Scalars = [I::Vector; 4];
    type Row = Box<Row>;

    fn run<W: Work>(self, work: W) -> W::Output {
        self.0.run(work)
    }

    #[cfg_attr(not(test), inline(always))]
    fn one(self) -> Self::Element {
        self.all(&ONE)
    }

    #[cfg_attr(not(test), inline(always))]
    fn encode(self, numbers: &[Words]) -> Self::Element {
        self.mul(&Self::limbs_of(self.words(numbers), self.0), &self.all(&R_SQUARED))
    }

    #[cfg_attr(not(test), inline(always))]
    fn decode(self, element: &Self::Element, out: &mut [Words]) {
        // Times 1: at most p, for what is added is below p·R and the element below R.
        let number = self.mul(element, &self.all(&[1, 0, 0, 0, 0, 0, 0, 0, 0]));
        let rows = self.0.transpose(Self::words_of(number, self.0));
        for (row, out) in rows.into_iter().zip(out) {
            *out = words::reduce_once(&self.0.store(row), 0, &PRIME);
        }
    }

    #[cfg_attr(not(test), inline(always))]
    fn mul(self, a: &Self::Element, b: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 31, 400) && self.is_within(b, 31, 400));
        assert!(self.is_within(a, 29, 400) || self.is_within(b, 29, 400));
        let product = columns!(self, |AT| self.products::<AT>(a, b));
        assert!(self.is_within(&product, 29, 150));
        product
    }

    #[cfg_attr(not(test), inline(always))]
    fn square(self, a: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 29, 400));
        let mut doubled = *a;
        for limb in &mut doubled {
            *limb = self.0.add(*limb, *limb);
        }
        let square = columns!(self, |AT| self.squares::<AT>(a, &doubled));
        assert!(self.is_within(&square, 29, 150));
        square
    }

    #[cfg_attr(not(test), inline(always))]
    fn sub(self, a: &Self::Element, b: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 29, 400) && self.is_within(b, 29, 190));
        let mut difference = self.all(&TWICE_PRIME_OVER_29);
        for at in 0..LIMBS {
            difference[at] = self.0.sub(self.0.add(a[at], difference[at]), b[at]);
        }
        assert!(self.is_within(&difference, 31, 600));
        difference
    }

    #[cfg_attr(not(test), inline(always))]
    fn sub_reduced(self, a: &Self::Element, b: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 29, 190) && self.is_within(b, 29, 190));
        let mut difference = self.all(&TWICE_PRIME_OVER_30);
        for at in 0..LIMBS {
            difference[at] = self.0.sub(self.0.add(a[at], difference[at]), b[at]);
        }
        self.reduce(difference)
    }

    #[cfg_attr(not(test), inline(always))]
    fn sub_twice_reduced(self, a: &Self::Element, b: &Self::Element, c: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 29, 200) && self.is_within(b, 29, 101) && self.is_within(c, 31, 301));
        let mut difference = self.all(&SIX_TIMES_PRIME_OVER_32);
        for at in 0..LIMBS {
            let less = self.0.sub(self.0.add(a[at], difference[at]), c[at]);
            difference[at] = self.0.sub(less, self.0.add(b[at], b[at]));
        }
        self.reduce(difference)
    }

    #[cfg_attr(not(test), inline(always))]
    fn gather(self, pool: &[Packed], places: &[u32]) -> (Self::Element, Self::Element) {
        let unit = self.0;
        let (mut x, mut y, mut negated) = ([unit.splat(0); LANES], [unit.splat(0); LANES], [0; LANES]);
        for lane in 0..LANES {
            let point = &pool[(places[lane] & !NEGATED) as usize];
            (x[lane], y[lane]) = (unit.load(point.x()), unit.load(point.y()));
            negated[lane] = u64::from(places[lane] / NEGATED).wrapping_neg();
        }
        let mut y = Self::limbs_of(unit.transpose(y), unit);
        let mut difference = self.all(&TWICE_PRIME_OVER_30);
        for at in 0..LIMBS {
            difference[at] = unit.sub(difference[at], y[at]);
        }
        let mirrored = self.reduce(difference);
        let negated = unit.load(&negated);
        for at in 0..LIMBS {
            y[at] = unit.blend(negated, mirrored[at], y[at]);
        }
        (Self::limbs_of(unit.transpose(x), unit), y)
    }

    #[cfg_attr(not(test), inline(always))]
    fn scatter(self, x: &Self::Element, y: &Self::Element, out: &mut [Packed]) {
        let x = self.0.transpose(Self::words_of(self.fit(x), self.0));
        let y = self.0.transpose(Self::words_of(self.fit(y), self.0));
        for (lane, out) in out.iter_mut().enumerate().take(LANES) {
            *out = Packed::new(&self.0.store(x[lane]), &self.0.store(y[lane]));
        }
    }

    #[cfg_attr(not(test), inline(always))]
    fn scalars(self, scalars: &[Words]) -> Self::Scalars {
        self.words(scalars)
    }

    fn row(self, points: &[(Words, Words)]) -> Box<Row> {
        let mut row = Box::new(Row { x: [[0; 64]; LIMBS], y: [[0; 64]; LIMBS] });
        for (at, (x, y)) in points.iter().enumerate() {
            let (x, y) = (self.encoded_limbs(x), self.encoded_limbs(y));
            for limb in 0..LIMBS {
                row.x[limb][at] = x[limb] as u32;
                row.y[limb][at] = y[limb] as u32;
            }
        }
        row
    }

    #[cfg_attr(not(test), inline(always))]
    fn select(self, row: &Box<Row>, scalars: &Self::Scalars, window: usize) -> (Self::Element, Self::Element) {
        let unit = self.0;
        let at = Window::new(window, WINDOW);
        let mut raw = unit.shr_by(scalars[at.word], at.shift);
        if at.spans {
            raw = unit.or(raw, unit.shl_by(scalars[at.word + 1], 64 - at.shift));
        }
        let half = unit.and(unit.shr::<1>(raw), unit.splat((1 << WINDOW) - 1));
        let negative =
            if at.is_last { unit.splat(0) } else { unit.sub(unit.shr_by(half, WINDOW as u32 - 1), unit.splat(1)) };
        let index = unit.and(unit.xor(half, negative), unit.splat(63));
        let (mut x, mut y, mut mirrored) = ([index; LIMBS], [index; LIMBS], [index; LIMBS]);
        for limb in 0..LIMBS {
            x[limb] = unit.look_up(&row.x[limb], index);
            y[limb] = unit.look_up(&row.y[limb], index);
            mirrored[limb] = unit.sub(unit.splat(PRIME_OVER_29[limb]), y[limb]);
        }
        let mirrored = self.carry(mirrored);
        for limb in 0..LIMBS {
            y[limb] = unit.blend(negative, mirrored[limb], y[limb]);
        }
        (x, y)
    }
}

const _: () = assert!(windows(WINDOW) == 37);
