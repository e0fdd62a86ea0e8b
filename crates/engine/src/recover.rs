//! The points R of signatures whose R has an even y, from r alone.

use crate::{
    check::{B, r_of},
    lanes::{Lanes, PRIME},
    words::{self, Words},
};

/// The even y of the points with these x; of an x that no point has, a number that is not the y of it.
#[inline(always)]
pub(crate) fn even_ys<L: Lanes>(lanes: L, signatures: &[[u8; 64]], ys: &mut [Words]) {
    let (b, three) = (lanes.encode(&[B; 8][..L::WIDTH]), lanes.encode(&[[3, 0, 0, 0]; 8][..L::WIDTH]));
    let zero = lanes.sub_reduced(&b, &b);
    let mut numbers = [[0; 4]; 8];
    for (signatures, ys) in signatures.chunks(L::WIDTH).zip(ys.chunks_mut(L::WIDTH)) {
        for (number, signature) in numbers.iter_mut().zip(signatures) {
            *number = r_of(signature);
        }
        let x = lanes.encode(&numbers[..signatures.len()]);
        let cube = lanes.mul(&lanes.sub(&lanes.square(&x), &three), &x);
        let square = lanes.sub_reduced(&cube, &lanes.sub_reduced(&zero, &b));
        lanes.decode(&square_root(lanes, &square), &mut numbers[..L::WIDTH]);
        for (y, root) in ys.iter_mut().zip(&numbers) {
            *y = words::select((root[0] & 1).wrapping_neg(), &words::sub(&PRIME, root).0, root);
        }
    }
}

/// a^((p+1)/4): a square root of a, if it has one, for p is 3 modulo 4.
///
/// (p + 1)/4 = (2³² - 1)·2²²² + 2¹⁹⁰ + 2⁹⁴: 253 squares and 7 products.
#[inline(always)]
fn square_root<L: Lanes>(lanes: L, a: &L::Element) -> L::Element {
    let ones_2 = lanes.mul(&squares(lanes, *a, 1), a);
    let ones_4 = lanes.mul(&squares(lanes, ones_2, 2), &ones_2);
    let ones_8 = lanes.mul(&squares(lanes, ones_4, 4), &ones_4);
    let ones_16 = lanes.mul(&squares(lanes, ones_8, 8), &ones_8);
    let ones_32 = lanes.mul(&squares(lanes, ones_16, 16), &ones_16);
    let root = lanes.mul(&squares(lanes, ones_32, 32), a);
    let root = lanes.mul(&squares(lanes, root, 96), a);
    squares(lanes, root, 94)
}

#[inline(always)]
fn squares<L: Lanes>(lanes: L, mut a: L::Element, times: usize) -> L::Element {
    for _ in 0..times {
        a = lanes.square(&a);
    }
    a
}
