//! Eight elements in five limbs of 52 bits, for units that multiply and add numbers of 52 bits.
//!
//! Montgomery's R is 2²⁶⁰. Limbs of a factor are below 2⁵²; a factor's size is below 16 (2²⁶⁰). Products have size
//! size(a)·size(b)/16 + 1: what is added to a·b to make it a multiple of R is below p·R.
//!
//! | operation | sizes of what it takes | size of its result |
//! | --- | --- | --- |
//! | `mul`, `square` | at most 4 each | at most 2 |
//! | `sub` | a at most 2, b at most 1.99 | size(a) + 2 |
//! | `sub_reduced` | a at most 2, b at most 1.99 | 1.01 |
//! | `sub_twice_reduced` | a at most 2; b at most 1.01; c at most 3.01 | 1.01 |
//! | `encode` | numbers below 2²⁵⁶ | 1.07 |
//! | `scatter` | at most 1.9 | below 2²⁵⁶ |
//!
//! Limbs of every result are below 2⁵².

use crate::{
    field::{bounds, digits::Window},
    isa::{Madd52, Work},
    lanes::{Lanes, NEGATED, PRIME, Packed, windows},
    words::{self, Words},
};

/// Elements of eight lanes on a unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Radix52<I>(pub(crate) I);

const LIMBS: usize = 5;
const LANES: usize = 8;
const WINDOW: usize = 7;
const LOW_52: u64 = (1 << 52) - 1;

const PRIME_LIMBS: [u64; LIMBS] = limbs(&PRIME);

/// R modulo p, and R² modulo p, for R = 2²⁶⁰.
const ONE: [u64; LIMBS] = limbs(&words::power_of_two(&PRIME, 4));
const R_SQUARED: [u64; LIMBS] = limbs(&words::power_of_two(&PRIME, 264));

/// 2p and 6p, so that no difference is negative. Its lower limbs may be: carries have signs.
const TWICE_PRIME: [u64; LIMBS] = multiple_of_prime(2);
const SIX_TIMES_PRIME: [u64; LIMBS] = multiple_of_prime(6);

/// p = 2²⁵⁶ - 2²²⁴ + 2¹⁹² + 2⁹⁶ - 1. From limb i on, m·(p + 1) is m·2⁴⁴ at limb 1, m·2³⁶ at limb 3 and m·(2⁴⁸ - 2¹⁶) at limb 4.
const AT_LIMB_1: u64 = 1 << 44;
const AT_LIMB_3: u64 = 1 << 36;
const AT_LIMB_4: u64 = (1 << 48) - (1 << 16);

/// The points of one window: ten limbs, and of each those of the 64 points.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Row {
    x: [[u64; 64]; LIMBS],
    y: [[u64; 64]; LIMBS],
}

impl<I: Madd52> Radix52<I> {
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
    fn is_within(self, element: &[I::Vector; LIMBS], hundredths: u128) -> bool {
        !bounds::IN_THIS_BUILD || self.look_within(element, hundredths)
    }

    #[inline(never)]
    fn look_within(self, element: &[I::Vector; LIMBS], hundredths: u128) -> bool {
        bounds::hold(&element.map(|limb| self.0.store(limb)), 52, 52, hundredths)
    }

    /// The limbs of a number in Montgomery's form, below p.
    fn encoded_limbs(self, coordinate: &Words) -> [u64; LIMBS] {
        let encoded = self.encode(&[*coordinate]);
        let lane_0 = std::array::from_fn(|limb| self.0.store(encoded[limb])[0]);
        limbs(&words::reduce_once(&number(&lane_0), lane_0[4] >> 48, &PRIME))
    }

    /// Limbs of 52 bits again: each gives what is above, with its sign, to the next. The number is not negative.
    #[inline(always)]
    fn carry(self, mut a: [I::Vector; LIMBS]) -> [I::Vector; LIMBS] {
        let low = self.0.splat(LOW_52);
        for at in 0..LIMBS - 1 {
            a[at + 1] = self.0.add(a[at + 1], self.0.sar::<52>(a[at]));
            a[at] = self.0.and(a[at], low);
        }
        a
    }

    /// A number that is not negative and below 2⁴·2²⁵⁶ to size 1.01: 2²⁵⁶ is 2²²⁴ - 2¹⁹² - 2⁹⁶ + 1 modulo p, and there are at most 16 of it.
    #[inline(always)]
    fn reduce(self, mut a: [I::Vector; LIMBS]) -> [I::Vector; LIMBS] {
        let unit = self.0;
        let above = unit.sar::<48>(a[4]);
        a[4] = unit.and(a[4], unit.splat((1 << 48) - 1));
        a[0] = unit.add(a[0], above);
        a[1] = unit.sub(a[1], unit.shl::<44>(above));
        a[3] = unit.sub(a[3], unit.shl::<36>(above));
        a[4] = unit.add(a[4], unit.shl::<16>(above));
        let reduced = self.carry(a);
        assert!(self.is_within(&reduced, 101));
        reduced
    }

    /// The ten columns of a product divided by R.
    #[inline(always)]
    fn montgomery(self, mut t: [I::Vector; 2 * LIMBS]) -> [I::Vector; LIMBS] {
        let unit = self.0;
        let (at_1, at_3, at_4) = (unit.splat(AT_LIMB_1), unit.splat(AT_LIMB_3), unit.splat(AT_LIMB_4));
        for at in 0..LIMBS {
            // Its low 52 bits are the m that clears them.
            let m = t[at];
            t[at + 1] = unit.add(t[at + 1], unit.shr::<52>(m));
            t[at + 1] = unit.madd_low(t[at + 1], m, at_1);
            t[at + 2] = unit.madd_high(t[at + 2], m, at_1);
            t[at + 3] = unit.madd_low(t[at + 3], m, at_3);
            t[at + 4] = unit.madd_high(t[at + 4], m, at_3);
            t[at + 4] = unit.madd_low(t[at + 4], m, at_4);
            t[at + 5] = unit.madd_high(t[at + 5], m, at_4);
        }
        let [_, _, _, _, _, high @ ..] = t;
        let product = self.carry(high);
        assert!(self.is_within(&product, 200));
        product
    }

    /// Limbs of eight numbers: vector i has word i of each.
    #[inline(always)]
    fn limbs_of([a, b, c, d]: [I::Vector; 4], unit: I) -> [I::Vector; LIMBS] {
        let low = unit.splat(LOW_52);
        [
            unit.and(a, low),
            unit.and(unit.or(unit.shr::<52>(a), unit.shl::<12>(b)), low),
            unit.and(unit.or(unit.shr::<40>(b), unit.shl::<24>(c)), low),
            unit.and(unit.or(unit.shr::<28>(c), unit.shl::<36>(d)), low),
            unit.shr::<16>(d),
        ]
    }

    /// The words of eight numbers below 2²⁵⁶: vector i has word i of each.
    #[inline(always)]
    fn words_of([a, b, c, d, e]: [I::Vector; LIMBS], unit: I) -> [I::Vector; 4] {
        [
            unit.or(a, unit.shl::<52>(b)),
            unit.or(unit.shr::<12>(b), unit.shl::<40>(c)),
            unit.or(unit.shr::<24>(c), unit.shl::<28>(d)),
            unit.or(unit.shr::<36>(d), unit.shl::<16>(e)),
        ]
    }

    /// Word i of up to eight numbers in vector i; 1 in the lanes that are left.
    #[inline(always)]
    fn words(self, numbers: &[Words]) -> [I::Vector; 4] {
        let mut rows = [self.0.load_half(&[1, 0, 0, 0]); LANES];
        for (row, number) in rows.iter_mut().zip(numbers) {
            *row = self.0.load_half(number);
        }
        let [a, b, c, d, ..] = self.0.transpose(rows);
        [a, b, c, d]
    }
}

impl<I: Madd52> Lanes for Radix52<I> {
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
        let number = self.mul(element, &self.all(&[1, 0, 0, 0, 0]));
        let [a, b, c, d] = Self::words_of(number, self.0);
        let zero = self.0.splat(0);
        let rows = self.0.transpose([a, b, c, d, zero, zero, zero, zero]);
        for (row, out) in rows.into_iter().zip(out) {
            let [a, b, c, d, ..] = self.0.store(row);
            *out = words::reduce_once(&[a, b, c, d], 0, &PRIME);
        }
    }

    #[cfg_attr(not(test), inline(always))]
    fn mul(self, a: &Self::Element, b: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 400) && self.is_within(b, 400));
        let mut t = [self.0.splat(0); 2 * LIMBS];
        for i in 0..LIMBS {
            for j in 0..LIMBS {
                t[i + j] = self.0.madd_low(t[i + j], a[i], b[j]);
                t[i + j + 1] = self.0.madd_high(t[i + j + 1], a[i], b[j]);
            }
        }
        self.montgomery(t)
    }

    #[cfg_attr(not(test), inline(always))]
    fn square(self, a: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 400));
        let mut t = [self.0.splat(0); 2 * LIMBS];
        for i in 0..LIMBS {
            for j in i + 1..LIMBS {
                t[i + j] = self.0.madd_low(t[i + j], a[i], a[j]);
                t[i + j + 1] = self.0.madd_high(t[i + j + 1], a[i], a[j]);
            }
        }
        for column in &mut t {
            *column = self.0.add(*column, *column);
        }
        for i in 0..LIMBS {
            t[2 * i] = self.0.madd_low(t[2 * i], a[i], a[i]);
            t[2 * i + 1] = self.0.madd_high(t[2 * i + 1], a[i], a[i]);
        }
        self.montgomery(t)
    }

    #[cfg_attr(not(test), inline(always))]
    fn sub(self, a: &Self::Element, b: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 200) && self.is_within(b, 199));
        let mut difference = self.all(&TWICE_PRIME);
        for at in 0..LIMBS {
            difference[at] = self.0.sub(self.0.add(a[at], difference[at]), b[at]);
        }
        let difference = self.carry(difference);
        assert!(self.is_within(&difference, 400));
        difference
    }

    #[cfg_attr(not(test), inline(always))]
    fn sub_reduced(self, a: &Self::Element, b: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 200) && self.is_within(b, 199));
        let mut difference = self.all(&TWICE_PRIME);
        for at in 0..LIMBS {
            difference[at] = self.0.sub(self.0.add(a[at], difference[at]), b[at]);
        }
        self.reduce(difference)
    }

    #[cfg_attr(not(test), inline(always))]
    fn sub_twice_reduced(self, a: &Self::Element, b: &Self::Element, c: &Self::Element) -> Self::Element {
        assert!(self.is_within(a, 200) && self.is_within(b, 101) && self.is_within(c, 301));
        let mut difference = self.all(&SIX_TIMES_PRIME);
        for at in 0..LIMBS {
            let less = self.0.sub(self.0.add(a[at], difference[at]), c[at]);
            difference[at] = self.0.sub(less, self.0.add(b[at], b[at]));
        }
        self.reduce(difference)
    }

    #[cfg_attr(not(test), inline(always))]
    fn gather(self, pool: &[Packed], places: &[u32]) -> (Self::Element, Self::Element) {
        let unit = self.0;
        let (mut rows, mut negated) = ([unit.splat(0); LANES], [0; LANES]);
        for lane in 0..LANES {
            rows[lane] = unit.load(&pool[(places[lane] & !NEGATED) as usize].0);
            negated[lane] = u64::from(places[lane] / NEGATED).wrapping_neg();
        }
        let [x0, x1, x2, x3, y0, y1, y2, y3] = unit.transpose(rows);
        let mut y = Self::limbs_of([y0, y1, y2, y3], unit);
        let mut difference = self.all(&TWICE_PRIME);
        for at in 0..LIMBS {
            difference[at] = unit.sub(difference[at], y[at]);
        }
        let mirrored = self.reduce(difference);
        let negated = unit.load(&negated);
        for at in 0..LIMBS {
            y[at] = unit.blend(negated, mirrored[at], y[at]);
        }
        (Self::limbs_of([x0, x1, x2, x3], unit), y)
    }

    #[cfg_attr(not(test), inline(always))]
    fn scatter(self, x: &Self::Element, y: &Self::Element, out: &mut [Packed]) {
        assert!(self.is_within(x, 190) && self.is_within(y, 190));
        let [x0, x1, x2, x3] = Self::words_of(self.reduce(*x), self.0);
        let [y0, y1, y2, y3] = Self::words_of(self.reduce(*y), self.0);
        for (row, out) in self.0.transpose([x0, x1, x2, x3, y0, y1, y2, y3]).into_iter().zip(out) {
            out.0 = self.0.store(row);
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
                row.x[limb][at] = x[limb];
                row.y[limb][at] = y[limb];
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
            // p - y, of whose limbs the lower ones may be negative.
            mirrored[limb] = unit.sub(unit.splat(PRIME_LIMBS[limb]), y[limb]);
        }
        let mirrored = self.carry(mirrored);
        for limb in 0..LIMBS {
            y[limb] = unit.blend(negative, mirrored[limb], y[limb]);
        }
        (x, y)
    }
}

/// Five limbs of 52 bits.
const fn limbs(number: &Words) -> [u64; LIMBS] {
    let [a, b, c, d] = *number;
    [a & LOW_52, (a >> 52 | b << 12) & LOW_52, (b >> 40 | c << 24) & LOW_52, (c >> 28 | d << 36) & LOW_52, d >> 16]
}

/// The number of five limbs of 52 bits modulo 2²⁵⁶.
fn number(l: &[u64; LIMBS]) -> Words {
    [l[0] | l[1] << 52, l[1] >> 12 | l[2] << 40, l[2] >> 24 | l[3] << 28, l[3] >> 36 | l[4] << 16]
}

/// times·p, times at most 8.
const fn multiple_of_prime(times: u64) -> [u64; LIMBS] {
    let p = limbs(&PRIME);
    let mut multiple = [0; LIMBS];
    let mut at = 0;
    while at < LIMBS {
        multiple[at] = p[at] * times;
        at += 1;
    }
    multiple
}

const _: () = assert!(windows(WINDOW) == 37);
