//! Numbers of 256 bits in four words, and the carries between words. No branch and no address depends on a value.

use crate::isa::hidden;

/// A number below 2²⁵⁶: four words, the lowest first.
pub(crate) type Words = [u64; 4];

/// a + b + carry, and the new carry, 0 or 1.
#[inline(always)]
pub(crate) const fn add_carry(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 + b as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// a - b - borrow, and the new borrow, 0 or 1.
#[inline(always)]
pub(crate) const fn sub_borrow(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let difference = (a as u128).wrapping_sub(b as u128 + borrow as u128);
    (difference as u64, (difference >> 64) as u64 & 1)
}

/// sum + a·b + carry, which is below 2¹²⁸: its low word, and its high word as the new carry.
#[inline(always)]
pub(crate) const fn mul_add(sum: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = sum as u128 + (a as u128) * (b as u128) + carry as u128;
    (wide as u64, (wide >> 64) as u64)
}

/// a + b, and the carry.
#[inline(always)]
pub(crate) const fn add(a: &Words, b: &Words) -> (Words, u64) {
    let (r0, c) = add_carry(a[0], b[0], 0);
    let (r1, c) = add_carry(a[1], b[1], c);
    let (r2, c) = add_carry(a[2], b[2], c);
    let (r3, c) = add_carry(a[3], b[3], c);
    ([r0, r1, r2, r3], c)
}

/// a - b, and the borrow.
#[inline(always)]
pub(crate) const fn sub(a: &Words, b: &Words) -> (Words, u64) {
    let (r0, c) = sub_borrow(a[0], b[0], 0);
    let (r1, c) = sub_borrow(a[1], b[1], c);
    let (r2, c) = sub_borrow(a[2], b[2], c);
    let (r3, c) = sub_borrow(a[3], b[3], c);
    ([r0, r1, r2, r3], c)
}

/// `yes` where `mask` is all ones, `no` where it is 0.
#[inline(always)]
pub(crate) fn select(mask: u64, yes: &Words, no: &Words) -> Words {
    let mask = hidden(mask);
    [
        (yes[0] & mask) | (no[0] & !mask),
        (yes[1] & mask) | (no[1] & !mask),
        (yes[2] & mask) | (no[2] & !mask),
        (yes[3] & mask) | (no[3] & !mask),
    ]
}

/// The number `carry`·2²⁵⁶ + `value`, which is below 2·`modulus`, modulo it.
#[inline(always)]
pub(crate) fn reduce_once(value: &Words, carry: u64, modulus: &Words) -> Words {
    let (less, borrow) = sub(value, modulus);
    let (_, borrow) = sub_borrow(carry, 0, borrow);
    select(borrow.wrapping_neg(), value, &less)
}

/// a·b in eight words.
#[inline(always)]
pub(crate) const fn mul_wide(a: &Words, b: &Words) -> [u64; 8] {
    let (t0, c) = mul_add(0, a[0], b[0], 0);
    let (t1, c) = mul_add(0, a[0], b[1], c);
    let (t2, c) = mul_add(0, a[0], b[2], c);
    let (t3, t4) = mul_add(0, a[0], b[3], c);
    let (t1, c) = mul_add(t1, a[1], b[0], 0);
    let (t2, c) = mul_add(t2, a[1], b[1], c);
    let (t3, c) = mul_add(t3, a[1], b[2], c);
    let (t4, t5) = mul_add(t4, a[1], b[3], c);
    let (t2, c) = mul_add(t2, a[2], b[0], 0);
    let (t3, c) = mul_add(t3, a[2], b[1], c);
    let (t4, c) = mul_add(t4, a[2], b[2], c);
    let (t5, t6) = mul_add(t5, a[2], b[3], c);
    let (t3, c) = mul_add(t3, a[3], b[0], 0);
    let (t4, c) = mul_add(t4, a[3], b[1], c);
    let (t5, c) = mul_add(t5, a[3], b[2], c);
    let (t6, t7) = mul_add(t6, a[3], b[3], c);
    [t0, t1, t2, t3, t4, t5, t6, t7]
}

/// a² in eight words: the products of two different words are made once and doubled.
#[inline(always)]
pub(crate) const fn square_wide(a: &Words) -> [u64; 8] {
    let (t1, c) = mul_add(0, a[0], a[1], 0);
    let (t2, c) = mul_add(0, a[0], a[2], c);
    let (t3, t4) = mul_add(0, a[0], a[3], c);
    let (t3, c) = mul_add(t3, a[1], a[2], 0);
    let (t4, t5) = mul_add(t4, a[1], a[3], c);
    let (t5, t6) = mul_add(t5, a[2], a[3], 0);
    let t7 = t6 >> 63;
    let t6 = (t6 << 1) | (t5 >> 63);
    let t5 = (t5 << 1) | (t4 >> 63);
    let t4 = (t4 << 1) | (t3 >> 63);
    let t3 = (t3 << 1) | (t2 >> 63);
    let t2 = (t2 << 1) | (t1 >> 63);
    let t1 = t1 << 1;
    let (t0, c) = mul_add(0, a[0], a[0], 0);
    let (t1, c) = add_carry(t1, c, 0);
    let (low, high) = mul_add(0, a[1], a[1], 0);
    let (t2, c) = add_carry(t2, low, c);
    let (t3, c) = add_carry(t3, high, c);
    let (low, high) = mul_add(0, a[2], a[2], 0);
    let (t4, c) = add_carry(t4, low, c);
    let (t5, c) = add_carry(t5, high, c);
    let (low, high) = mul_add(0, a[3], a[3], 0);
    let (t6, c) = add_carry(t6, low, c);
    let (t7, _) = add_carry(t7, high, c);
    [t0, t1, t2, t3, t4, t5, t6, t7]
}

/// 2²⁵⁶·2^`more` modulo `modulus`, which is above 2²⁵⁵.
pub(crate) const fn power_of_two(modulus: &Words, more: usize) -> Words {
    let (mut power, _) = sub(&[0; 4], modulus);
    let mut doublings = 0;
    while doublings < more {
        let (double, carry) = add(&power, &power);
        // What it is made of is public.
        let (less, borrow) = sub(&double, modulus);
        power = if carry == 1 || borrow == 0 { less } else { double };
        doublings += 1;
    }
    power
}

/// All ones when the number is zero, else 0.
#[inline(always)]
pub(crate) fn zero_mask(a: &Words) -> u64 {
    let any = hidden(a[0] | a[1] | a[2] | a[3]);
    ((any | any.wrapping_neg()) >> 63).wrapping_sub(1)
}

/// From 32 bytes, big-endian.
#[inline(always)]
pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Words {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_be_bytes(word)
    };
    [word(24), word(16), word(8), word(0)]
}

/// To 32 bytes, big-endian.
#[inline(always)]
pub(crate) fn to_bytes(a: &Words) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(a.iter().rev()) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}
