//! Montgomery's reduction of a product of two elements, a column of partial products at a time.

use super::limbs::{LIMBS, LOW_29};
use crate::isa::Mul32;

/// Added to the columns of a product so that none is negative: 2⁵⁰ in columns 7 to 16, taken back as 2²¹ from the next.
const COLUMNS: [u64; 2 * LIMBS] = {
    let mut columns = [0_u64; 2 * LIMBS];
    let mut at = 7;
    while at < 17 {
        columns[at] = columns[at].wrapping_add(1 << 50);
        columns[at + 1] = columns[at + 1].wrapping_sub(1 << 21);
        at += 1;
    }
    columns
};

/// A product column by column, of which `$sums` gives the sums of partial products: its number divided by R.
macro_rules! columns {
    ($lanes:ident, |$at:ident| $sum:expr) => {{
        let mut reduction = Reduction::new($lanes.0);
        columns!(@ reduction, $at, $sum, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17);
        reduction.out
    }};
    (@ $reduction:ident, $name:ident, $sum:expr, $($at:literal)*) => {
        $( {
            const $name: usize = $at;
            let sum = $sum;
            $reduction.column::<$at>(sum);
        } )*
    };
}

/// Montgomery's reduction, a column at a time.
pub(super) struct Reduction<I: Mul32> {
    unit: I,
    /// The multiples of p that clear columns 0 to 8.
    multiples: [I::Vector; LIMBS],
    /// Columns 9 to 17.
    pub(super) out: [I::Vector; LIMBS],
    carry: I::Vector,
}

impl<I: Mul32> Reduction<I> {
    #[inline(always)]
    pub(super) fn new(unit: I) -> Self {
        let zero = unit.splat(0);
        Self { unit, multiples: [zero; LIMBS], out: [zero; LIMBS], carry: zero }
    }

    /// Takes a column's sum of partial products.
    ///
    /// p = 2²⁵⁶ - 2²²⁴ + 2¹⁹² + 2⁹⁶ - 1. From limb i on, m·(p + 1) is m·2⁹ at limb 3, m·2¹⁸ at limb 6, -m·2²¹ at limb 7 and m·2²⁴ at
    /// limb 8.
    #[inline(always)]
    pub(super) fn column<const AT: usize>(&mut self, sum: I::Vector) {
        let unit = self.unit;
        let mut sum = unit.add(sum, self.carry);
        if AT >= 7 {
            sum = unit.add(sum, unit.splat(COLUMNS[AT]));
        }
        if AT >= 3 && AT < 3 + LIMBS {
            sum = unit.add(sum, unit.shl::<9>(self.multiples[AT - 3]));
        }
        if AT >= 6 && AT < 6 + LIMBS {
            sum = unit.add(sum, unit.shl::<18>(self.multiples[AT - 6]));
        }
        if AT >= 7 && AT < 7 + LIMBS {
            sum = unit.sub(sum, unit.shl::<21>(self.multiples[AT - 7]));
        }
        if AT >= 8 && AT < 8 + LIMBS {
            sum = unit.add(sum, unit.shl::<24>(self.multiples[AT - 8]));
        }
        if AT + 1 == 2 * LIMBS {
            self.out[LIMBS - 1] = sum;
            return;
        }
        let limb = unit.and(sum, unit.splat(LOW_29));
        if AT < LIMBS {
            self.multiples[AT] = limb;
        } else {
            self.out[AT - LIMBS] = limb;
        }
        self.carry = unit.shr::<29>(sum);
    }
}

pub(super) use columns;
