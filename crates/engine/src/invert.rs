//! Inverses in the field.

use crate::{
    declassify,
    field::plain::Plain,
    lanes::{Lanes, PRIME},
    words::{self, Words},
};

/// Inverts every lane of a few vectors, by one inversion. `false`, and nothing of use in them, when one is zero.
#[inline(always)]
pub(crate) fn all<L: Lanes, const N: usize>(lanes: L, elements: &mut [L::Element; N]) -> bool {
    const MOST: usize = 64;
    let mut numbers = [[0; 4]; MOST];
    let used = &mut numbers[..N * L::WIDTH];
    for (element, numbers) in elements.iter().zip(used.chunks_exact_mut(L::WIDTH)) {
        lanes.decode(element, numbers);
    }
    let found = invert_numbers(used);
    for (element, numbers) in elements.iter_mut().zip(used.chunks_exact(L::WIDTH)) {
        *element = lanes.encode(numbers);
    }
    found
}

/// The inverses modulo p of numbers below p, in place. `false` when one of them is zero.
fn invert_numbers(numbers: &mut [Words]) -> bool {
    let field = Plain;
    let mut before = [[0; 4]; 64];
    let mut product = field.one();
    for (number, before) in numbers.iter_mut().zip(&mut before) {
        *number = field.encode(&[*number]);
        *before = product;
        product = field.mul(&product, number);
    }
    let mut inverse = invert(&product);
    for (number, before) in numbers.iter_mut().zip(&before).rev() {
        let inverted = field.mul(&inverse, before);
        inverse = field.mul(&inverse, number);
        field.decode(&inverted, std::slice::from_mut(number));
    }
    declassify::word(words::zero_mask(&product)) == 0
}

/// a^(p-2), by the addition chain of 255 squares and 12 products; 0 of 0.
///
/// p - 2 = 2²⁵⁶ - 2²²⁴ + 2¹⁹² + 2⁹⁶ - 3: 32 ones, 31 zeros, a one, 96 zeros, 94 ones, a zero, a one.
fn invert(a: &Words) -> Words {
    let field = Plain;
    let squares = |mut x: Words, times: usize| {
        for _ in 0..times {
            x = field.square(&x);
        }
        x
    };
    let ones_2 = field.mul(&squares(*a, 1), a);
    let ones_3 = field.mul(&squares(ones_2, 1), a);
    let ones_6 = field.mul(&squares(ones_3, 3), &ones_3);
    let ones_12 = field.mul(&squares(ones_6, 6), &ones_6);
    let ones_15 = field.mul(&squares(ones_12, 3), &ones_3);
    let ones_30 = field.mul(&squares(ones_15, 15), &ones_15);
    let ones_32 = field.mul(&squares(ones_30, 2), &ones_2);
    let result = field.mul(&squares(ones_32, 32), a);
    let result = field.mul(&squares(result, 128), &ones_32);
    let result = field.mul(&squares(result, 32), &ones_32);
    let result = field.mul(&squares(result, 30), &ones_30);
    field.mul(&squares(result, 2), a)
}

const _: () = assert!(PRIME[0] == u64::MAX);
