//! Elements as their limbs, and the largest that each operation takes.

use num_bigint::BigUint;
use rand::{RngExt as _, rngs::StdRng};

use super::{big, words_of};
use crate::{
    field::{plain::Plain, radix29::Radix29, radix52::Radix52},
    isa::{Madd52, Mul32},
    lanes::{Lanes, PRIME},
    words::Words,
};

/// A field whose elements can be made of limbs and taken apart: `lanes[lane][limb]`.
pub(super) trait Limbs: Lanes {
    const LIMBS: usize;
    const RADIX: usize;
    /// Montgomery's R is 2 to this.
    const MONTGOMERY: usize;
    /// Whether elements are always below p.
    const REDUCED: bool = false;

    fn of_limbs(self, lanes: &[Vec<u64>]) -> Self::Element;
    fn limbs(self, element: &Self::Element) -> Vec<Vec<u64>>;

    fn number(limbs: &[u64]) -> BigUint {
        limbs.iter().rev().fold(BigUint::ZERO, |number, limb| (number << Self::RADIX) + *limb)
    }
}

impl Limbs for Plain {
    const LIMBS: usize = 4;
    const RADIX: usize = 64;
    const MONTGOMERY: usize = 256;
    const REDUCED: bool = true;

    fn of_limbs(self, lanes: &[Vec<u64>]) -> Words {
        std::array::from_fn(|limb| lanes[0][limb])
    }
    fn limbs(self, element: &Words) -> Vec<Vec<u64>> {
        vec![element.to_vec()]
    }
}

impl<I: Mul32> Limbs for Radix29<I> {
    const LIMBS: usize = 9;
    const RADIX: usize = 29;
    const MONTGOMERY: usize = 261;

    fn of_limbs(self, lanes: &[Vec<u64>]) -> Self::Element {
        std::array::from_fn(|limb| self.0.load(&std::array::from_fn(|lane| lanes[lane][limb])))
    }
    fn limbs(self, element: &Self::Element) -> Vec<Vec<u64>> {
        (0..4).map(|lane| element.iter().map(|limb| self.0.store(*limb)[lane]).collect()).collect()
    }
}

impl<I: Madd52> Limbs for Radix52<I> {
    const LIMBS: usize = 5;
    const RADIX: usize = 52;
    const MONTGOMERY: usize = 260;

    fn of_limbs(self, lanes: &[Vec<u64>]) -> Self::Element {
        std::array::from_fn(|limb| self.0.load(&std::array::from_fn(|lane| lanes[lane][limb])))
    }
    fn limbs(self, element: &Self::Element) -> Vec<Vec<u64>> {
        (0..8).map(|lane| element.iter().map(|limb| self.0.store(*limb)[lane]).collect()).collect()
    }
}

/// What an element may be: its size in hundredths, and the bits of its limbs. Of plain words it is below p, whatever this says.
#[derive(Clone, Copy)]
pub(super) struct Bound(u32, u32);

impl Bound {
    fn most<L: Limbs>(self) -> BigUint {
        if L::REDUCED { big(&PRIME) - 1_u32 } else { (BigUint::from(self.0) << 256) / 100_u32 - 1_u32 }
    }

    pub(super) fn holds<L: Limbs>(self, limbs: &[u64]) -> bool {
        let within = limbs.iter().all(|limb| L::REDUCED || limb >> self.1 == 0);
        within && L::number(limbs) <= self.most::<L>()
    }
}

/// The tables at the heads of the fields' files.
pub(super) struct Bounds {
    pub(super) mul: &'static [[Bound; 2]],
    pub(super) square: Bound,
    pub(super) product: Bound,
    pub(super) sub: [Bound; 2],
    pub(super) difference: Bound,
    pub(super) sub_reduced: [Bound; 2],
    pub(super) sub_twice_reduced: [Bound; 3],
    pub(super) reduced: Bound,
    pub(super) encoded: Bound,
    pub(super) scattered: Bound,
}

pub(super) const RADIX_29: Bounds = Bounds {
    mul: &[[Bound(400, 31), Bound(400, 29)], [Bound(400, 29), Bound(400, 31)]],
    square: Bound(400, 29),
    product: Bound(150, 29),
    sub: [Bound(400, 29), Bound(190, 29)],
    difference: Bound(600, 31),
    sub_reduced: [Bound(190, 29), Bound(190, 29)],
    sub_twice_reduced: [Bound(200, 29), Bound(101, 29), Bound(301, 31)],
    reduced: Bound(101, 29),
    encoded: Bound(104, 29),
    scattered: Bound(190, 29),
};

pub(super) const RADIX_52: Bounds = Bounds {
    mul: &[[Bound(400, 52), Bound(400, 52)]],
    square: Bound(400, 52),
    product: Bound(200, 52),
    sub: [Bound(200, 52), Bound(199, 52)],
    difference: Bound(400, 52),
    sub_reduced: [Bound(200, 52), Bound(199, 52)],
    sub_twice_reduced: [Bound(200, 52), Bound(101, 52), Bound(301, 52)],
    reduced: Bound(101, 52),
    encoded: Bound(107, 52),
    scattered: Bound(190, 52),
};

const BELOW_P: Bound = Bound(100, 64);

pub(super) const PLAIN: Bounds = Bounds {
    mul: &[[BELOW_P; 2]],
    square: BELOW_P,
    product: BELOW_P,
    sub: [BELOW_P; 2],
    difference: BELOW_P,
    sub_reduced: [BELOW_P; 2],
    sub_twice_reduced: [BELOW_P; 3],
    reduced: BELOW_P,
    encoded: BELOW_P,
    scattered: BELOW_P,
};

/// Elements at the edges of what `bound` allows: multiples of p and their neighbours, the largest number, the largest limbs, and limbs that
/// are each 0, 1 or as large as can be, by chance.
pub(super) fn extremes<L: Limbs>(bound: Bound, rng: &mut StdRng) -> Vec<Vec<u64>> {
    let most = bound.most::<L>();
    let p = big(&PRIME);
    let mut numbers = vec![BigUint::ZERO, BigUint::from(1_u32), most.clone()];
    for times in 1_u32..=4 {
        numbers.extend([&p * times - 1_u32, &p * times, &p * times + 1_u32]);
        numbers.extend([(BigUint::from(times) << 256) - 1_u32, BigUint::from(times) << 256]);
    }
    let carried = |number: &BigUint| -> Vec<u64> {
        let mask = (BigUint::from(1_u32) << L::RADIX) - 1_u32;
        (0..L::LIMBS).map(|limb| words_of(&((number >> (limb * L::RADIX)) & &mask))[0]).collect()
    };
    let mut cases: Vec<_> = numbers.iter().filter(|number| **number <= most).map(carried).collect();
    let largest = if L::RADIX == 64 { u64::MAX } else { (1 << bound.1) - 1 };
    for case in 0..40 {
        let mut limbs: Vec<u64> = (0..L::LIMBS - 1)
            .map(|_| match if case == 0 { 0 } else { rng.random_range(0..5) } {
                0 => largest,
                1 => 0,
                2 => largest - 1,
                3 => 1,
                _ => rng.random::<u64>() & largest,
            })
            .collect();
        let low = L::number(&limbs);
        let top = words_of(&((&most - low) >> (L::RADIX * (L::LIMBS - 1))))[0];
        limbs.push(if case % 3 == 2 { rng.random_range(0..=top) } else { top });
        cases.push(limbs);
    }
    cases
}
