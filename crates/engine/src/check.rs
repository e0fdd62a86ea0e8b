//! One equation for all signatures of a slice under one key.
//!
//! A signature (r, s) of e is valid when R = (e/s)·G + (r/s)·Q has x(R) = r modulo n. Here the R of each signature is known by its y: its
//! x is r. With random weights t,
//!
//! Σ tᵢ·Rᵢ = (Σ tᵢ·eᵢ/sᵢ)·G + (Σ tᵢ·rᵢ/sᵢ)·Q
//!
//! holds when every signature is valid, and else with a probability of one in 2^bits at most: the group has a prime order, so that for one
//! false Rᵢ and all other weights fixed, one value of tᵢ at most makes it hold (Bellare, Garay, Rabin, "Fast batch verification for modular
//! exponentiation and digital signatures", EUROCRYPT 1998, §3.2; for ECDSA: Antipa et al., "Accelerated verification of ECDSA signatures",
//! SAC 2005, §5). The caller computes the right side's products by another library, which also makes the last sums of the left side: so an
//! error of this code makes a good slice fail, and no bad one pass.

use p256::ProjectivePoint;

use crate::{
    comb,
    lanes::{Lanes, PRIME, Packed},
    multiply::{FIRST, Multiply, Weight},
    order::{self, ORDER, Scalar},
    words::{self, Words},
};

/// b of the curve's equation y² = x³ - 3x + b (SP 800-186 §3.2.1.3).
pub(crate) const B: Words =
    [0x3bce_3c3e_27d2_604b, 0x651d_06b0_cc53_b0f6, 0xb3eb_bd55_7698_86bc, 0x5ac6_35d8_aa3a_93e7];

/// The memory in which slices are checked.
pub(crate) struct Check<L: Lanes> {
    lanes: L,
    multiply: Multiply<L>,
    r: Vec<Words>,
    inverses: Vec<Scalar>,
    before: Vec<Scalar>,
}

/// What is checked: as many of each.
#[derive(Clone, Copy)]
pub(crate) struct Slice<'a> {
    pub(crate) digests: &'a [[u8; 32]],
    pub(crate) signatures: &'a [[u8; 64]],
    /// y of each signature's R.
    pub(crate) ys: &'a [Words],
    pub(crate) weights: &'a [Weight],
}

/// The three sums of the equation.
pub(crate) struct Sums {
    /// Σ tᵢ·Rᵢ
    pub(crate) point: ProjectivePoint,
    /// Σ tᵢ·eᵢ/sᵢ
    pub(crate) of_generator: order::Plain,
    /// Σ tᵢ·rᵢ/sᵢ
    pub(crate) of_key: order::Plain,
}

impl<L: Lanes> Check<L> {
    pub(crate) fn new(lanes: L) -> Self {
        let filling = comb::odd_multiples(ProjectivePoint::GENERATOR, 2);
        let mut packed = [Packed::ZERO; 8];
        let mut made = [Packed::ZERO; 2];
        for (made, (x, y)) in made.iter_mut().zip(&filling) {
            lanes.scatter(&lanes.encode(&[*x]), &lanes.encode(&[*y]), &mut packed[..L::WIDTH]);
            *made = packed[0];
        }
        Self { lanes, multiply: Multiply::new(made), r: Vec::new(), inverses: Vec::new(), before: Vec::new() }
    }

    /// The sums over the slice; `None` when one of its signatures is not valid under any key, or this way to check does not apply.
    #[inline(always)]
    pub(crate) fn sums(&mut self, slice: Slice<'_>) -> Option<Sums> {
        let lanes = self.lanes;
        if !self.take_scalars(slice.signatures) || !self.take_points(lanes, slice.ys) {
            return None;
        }
        let (of_generator, of_key) = self.right_side(slice);
        let point = self.multiply.sum(lanes, slice.weights).ok()?;
        Some(Sums { point, of_generator, of_key })
    }

    /// Takes r and R/s of each; `false` when one is not from 1 to n - 1.
    #[inline(always)]
    fn take_scalars(&mut self, signatures: &[[u8; 64]]) -> bool {
        self.r.clear();
        self.inverses.clear();
        let mut in_range = true;
        for signature in signatures {
            let (r, s) = halves(signature);
            in_range &= is_scalar(&r) && is_scalar(&s);
            self.r.push(r);
            self.inverses.push(Scalar::divided(&s));
        }
        if in_range {
            order::invert_all(&mut self.inverses, &mut self.before, Scalar::ONE);
        }
        in_range
    }

    /// Puts the points (r, y) into the pool; `false` when one is not on the curve.
    #[inline(always)]
    fn take_points(&mut self, lanes: L, ys: &[Words]) -> bool {
        let pool = &mut self.multiply.pairs.pool;
        pool.truncate(FIRST);
        pool.resize(FIRST + self.r.len().next_multiple_of(L::WIDTH), Packed::ZERO);
        let (b, three) = (lanes.encode(&[B; 8][..L::WIDTH]), lanes.encode(&[[3, 0, 0, 0]; 8][..L::WIDTH]));
        let mut on_curve = true;
        for (at, (x, y)) in self.r.chunks(L::WIDTH).zip(ys.chunks(L::WIDTH)).enumerate() {
            on_curve &= y.iter().all(|y| words::sub(y, &PRIME).1 == 1);
            let used = x.len();
            let (x, y) = (lanes.encode(x), lanes.encode(y));
            let cube = lanes.mul(&lanes.sub(&lanes.square(&x), &three), &x);
            let off = lanes.sub_reduced(&lanes.sub_reduced(&lanes.square(&y), &cube), &b);
            let mut numbers = [[0; 4]; 8];
            lanes.decode(&off, &mut numbers[..L::WIDTH]);
            on_curve &= numbers[..used].iter().all(|number| words::zero_mask(number) != 0);
            let first = FIRST + at * L::WIDTH;
            lanes.scatter(&x, &y, &mut pool[first..first + L::WIDTH]);
        }
        pool.truncate(FIRST + self.r.len());
        on_curve
    }

    /// What G and the public key are to be multiplied by.
    #[inline(always)]
    fn right_side(&self, slice: Slice<'_>) -> (order::Plain, order::Plain) {
        let (mut of_generator, mut of_key) = (order::Plain::ZERO, order::Plain::ZERO);
        for (((digest, r), inverse), weight) in slice.digests.iter().zip(&self.r).zip(&self.inverses).zip(slice.weights)
        {
            let weight = Scalar::divided(&inverse.times(&[*weight as u64, (weight >> 64) as u64, 0, 0]).0);
            let digest = order::reduce(&words::from_bytes(digest));
            of_generator = of_generator.add(weight.times(&digest));
            of_key = of_key.add(weight.times(r));
        }
        (of_generator, of_key)
    }
}

/// r of a signature.
pub(crate) fn r_of(signature: &[u8; 64]) -> Words {
    halves(signature).0
}

/// r and s.
fn halves(signature: &[u8; 64]) -> (Words, Words) {
    let mut halves = [[0; 32]; 2];
    halves[0].copy_from_slice(&signature[..32]);
    halves[1].copy_from_slice(&signature[32..]);
    (words::from_bytes(&halves[0]), words::from_bytes(&halves[1]))
}

/// Whether it is from 1 to n - 1.
fn is_scalar(number: &Words) -> bool {
    words::zero_mask(number) == 0 && words::sub(number, &ORDER).1 == 1
}
