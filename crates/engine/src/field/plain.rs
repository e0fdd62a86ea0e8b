//! One element at a time, in four words: for processors without vector units that we know.

use crate::{
    field::digits,
    isa::{Work, hidden},
    lanes::{Lanes, NEGATED, PRIME, Packed},
    words::{self, Words, add_carry},
};

/// Plain words. Elements are fully reduced; Montgomery's R is 2²⁵⁶.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain;

const ONE: Words = words::power_of_two(&PRIME, 0);
const R_SQUARED: Words = words::power_of_two(&PRIME, 256);

/// Bits of a digit: the scan of a row costs as much as its 32 points.
const WINDOW: usize = 6;

impl Lanes for Plain {
    const WIDTH: usize = 1;
    const WINDOW: usize = WINDOW;
    type Element = Words;
    type Scalars = Words;
    type Row = Vec<[Words; 2]>;

    fn run<W: Work>(self, work: W) -> W::Output {
        work.run()
    }

    fn one(self) -> Words {
        ONE
    }

    #[inline(always)]
    fn encode(self, numbers: &[Words]) -> Words {
        numbers.first().map_or(ONE, |number| self.mul(number, &R_SQUARED))
    }

    #[inline(always)]
    fn decode(self, element: &Words, out: &mut [Words]) {
        let [a, b, c, d] = *element;
        out[0] = reduce([a, b, c, d, 0, 0, 0, 0]);
    }

    #[inline(always)]
    fn mul(self, a: &Words, b: &Words) -> Words {
        reduce(words::mul_wide(a, b))
    }

    #[inline(always)]
    fn square(self, a: &Words) -> Words {
        reduce(words::square_wide(a))
    }

    #[inline(always)]
    fn sub(self, a: &Words, b: &Words) -> Words {
        let (difference, borrow) = words::sub(a, b);
        let mask = hidden(borrow.wrapping_neg());
        words::add(&difference, &[PRIME[0] & mask, PRIME[1] & mask, 0, PRIME[3] & mask]).0
    }

    #[inline(always)]
    fn sub_reduced(self, a: &Words, b: &Words) -> Words {
        self.sub(a, b)
    }

    #[inline(always)]
    fn sub_twice_reduced(self, a: &Words, b: &Words, c: &Words) -> Words {
        self.sub(&self.sub(&self.sub(a, b), b), c)
    }

    #[inline(always)]
    fn gather(self, pool: &[Packed], places: &[u32]) -> (Words, Words) {
        let point = &pool[(places[0] & !NEGATED) as usize];
        let negated = u64::from(places[0] / NEGATED).wrapping_neg();
        (*point.x(), words::select(negated, &self.sub(&[0; 4], point.y()), point.y()))
    }

    #[inline(always)]
    fn scatter(self, x: &Words, y: &Words, out: &mut [Packed]) {
        out[0] = Packed::new(x, y);
    }

    #[inline(always)]
    fn scalars(self, scalars: &[Words]) -> Words {
        scalars.first().copied().unwrap_or([1, 0, 0, 0])
    }

    fn row(self, points: &[(Words, Words)]) -> Self::Row {
        points.iter().map(|(x, y)| [self.encode(&[*x]), self.encode(&[*y])]).collect()
    }

    #[inline(always)]
    fn select(self, row: &Self::Row, scalar: &Words, window: usize) -> (Words, Words) {
        let (index, negative) = digits::digit(scalar, window, WINDOW);
        let (mut x, mut y) = ([0; 4], [0; 4]);
        for (at, point) in (0..).zip(row) {
            let other: u64 = at ^ index;
            let mask = hidden(((other | other.wrapping_neg()) >> 63).wrapping_sub(1));
            for word in 0..4 {
                x[word] |= point[0][word] & mask;
                y[word] |= point[1][word] & mask;
            }
        }
        let mirrored = words::sub(&PRIME, &y).0;
        (x, words::select(negative, &mirrored, &y))
    }
}

/// The eight words divided by R, modulo p, below p. They must be below p·R.
///
/// p is -1 modulo 2⁶⁴, so the lowest word m is itself the multiple of p that clears it:
/// m + m·p = m·2⁹⁶ + m·2¹⁹²·(2⁶⁴ - 2³² + 1).
#[inline(always)]
fn reduce(t: [u64; 8]) -> Words {
    let [mut low @ .., h0, h1, h2, h3] = t;
    let mut above = 0;
    for high in [h0, h1, h2, h3] {
        let m = low[0];
        let (t1, c) = add_carry(low[1], m << 32, 0);
        let (t2, c) = add_carry(low[2], m >> 32, c);
        let wide = u128::from(m) * u128::from(PRIME[3]);
        let (t3, c) = add_carry(low[3], wide as u64, c);
        let (t4, c) = add_carry(high, (wide >> 64) as u64, c);
        let (t4, d) = add_carry(t4, above, 0);
        above = c + d;
        low = [t1, t2, t3, t4];
    }
    words::reduce_once(&low, above, &PRIME)
}
