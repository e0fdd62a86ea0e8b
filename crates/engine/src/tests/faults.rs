//! Faults of one lane, of one entry of a table and of one carry: what comes out of them is caught by the check, or is right.

use std::cell::Cell;

use p256::{ProjectivePoint, ecdsa::SigningKey};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::{
    Checker, Engine, Hint, Sign, Signer, Unit,
    field::{bounds::ASSERTED, radix29::Radix29, radix52::Radix52},
    isa::{Emulated, Madd52, Mul32, Work},
    order::Scalar,
    tests::{big, scalar},
    units::{LaneUnits, Units},
    words,
};

/// What is wrong with the unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// One bit of one lane of the n-th product.
    Lane(usize),
    /// A carry too much from one lane in the n-th shift by a limb's bits.
    Carry(usize),
    /// One bit of this entry of every table.
    Entry(usize),
}

thread_local! {
    static FAULT: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// The emulated instructions, one of which is wrong while there is a fault.
#[derive(Clone, Copy, Debug)]
struct Faulty;

/// Counts down to the call that is wrong.
fn is_now(next: impl Fn(Fault) -> Option<(usize, Fault)>) -> bool {
    let Some((left, counted)) = FAULT.get().and_then(next) else { return false };
    FAULT.set(if left == 0 { None } else { Some(counted) });
    left == 0
}

fn product_is_wrong() -> bool {
    is_now(|fault| match fault {
        Fault::Lane(left) => Some((left, Fault::Lane(left.wrapping_sub(1)))),
        _ => None,
    })
}

fn carry_is_wrong() -> bool {
    is_now(|fault| match fault {
        Fault::Carry(left) => Some((left, Fault::Carry(left.wrapping_sub(1)))),
        _ => None,
    })
}

/// The table with the wrong entry.
fn with_wrong_entry<T: Copy + std::ops::BitXorAssign + From<u8>>(table: &[T; 64]) -> [T; 64] {
    let mut table = *table;
    if let Some(Fault::Entry(at)) = FAULT.get() {
        table[at] ^= T::from(16);
    }
    table
}

/// Instructions that are right.
macro_rules! right {
    ($unit:ident, $lanes:literal, $bits:ty) => {
        type Vector = [u64; $lanes];

        fn run<W: Work>(self, work: W) -> W::Output {
            work.run()
        }
        fn splat(self, word: u64) -> Self::Vector {
            $unit::splat(Emulated, word)
        }
        fn load(self, words: &[u64; $lanes]) -> Self::Vector {
            *words
        }
        fn store(self, vector: Self::Vector) -> [u64; $lanes] {
            vector
        }
        fn transpose(self, rows: [Self::Vector; $lanes]) -> [Self::Vector; $lanes] {
            $unit::transpose(Emulated, rows)
        }
        right!(@ $unit, add sub and or xor);
        fn shl<const BITS: $bits>(self, a: Self::Vector) -> Self::Vector {
            <Emulated as $unit>::shl::<BITS>(Emulated, a)
        }
        fn shl_by(self, a: Self::Vector, bits: u32) -> Self::Vector {
            $unit::shl_by(Emulated, a, bits)
        }
        fn shr_by(self, a: Self::Vector, bits: u32) -> Self::Vector {
            $unit::shr_by(Emulated, a, bits)
        }
        fn blend(self, mask: Self::Vector, yes: Self::Vector, no: Self::Vector) -> Self::Vector {
            $unit::blend(Emulated, mask, yes, no)
        }
    };
    (@ $unit:ident, $($name:ident)*) => {
        $(
            fn $name(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
                $unit::$name(Emulated, a, b)
            }
        )*
    };
}

impl Mul32 for Faulty {
    right!(Mul32, 4, i32);

    fn shr<const BITS: i32>(self, a: Self::Vector) -> Self::Vector {
        let mut shifted = <Emulated as Mul32>::shr::<BITS>(Emulated, a);
        shifted[1] += u64::from(BITS == 29 && carry_is_wrong());
        shifted
    }
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        let mut product = Mul32::mul(Emulated, a, b);
        product[2] ^= u64::from(product_is_wrong()) << 20;
        product
    }
    fn look_up(self, table: &[u32; 64], index: Self::Vector) -> Self::Vector {
        Mul32::look_up(Emulated, &with_wrong_entry(table), index)
    }
}

impl Madd52 for Faulty {
    right!(Madd52, 8, u32);

    fn load_half(self, words: &[u64; 4]) -> Self::Vector {
        Madd52::load_half(Emulated, words)
    }
    fn shr<const BITS: u32>(self, a: Self::Vector) -> Self::Vector {
        <Emulated as Madd52>::shr::<BITS>(Emulated, a)
    }
    fn sar<const BITS: u32>(self, a: Self::Vector) -> Self::Vector {
        let mut shifted = <Emulated as Madd52>::sar::<BITS>(Emulated, a);
        shifted[1] += u64::from(BITS == 52 && carry_is_wrong());
        shifted
    }
    fn madd_low(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        let mut sum = Madd52::madd_low(Emulated, sum, a, b);
        sum[2] ^= u64::from(product_is_wrong()) << 20;
        sum
    }
    fn madd_high(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        Madd52::madd_high(Emulated, sum, a, b)
    }
    fn look_up(self, table: &[u64; 64], index: Self::Vector) -> Self::Vector {
        Madd52::look_up(Emulated, &with_wrong_entry(table), index)
    }
}

struct Slice {
    digests: Vec<[u8; 32]>,
    nonces: Vec<[u8; 32]>,
    signatures: Vec<[u8; 64]>,
    hints: Vec<Hint>,
}

/// Whether another unit's check accepts the slice.
fn passes(checker: &mut Checker, key: ProjectivePoint, slice: &Slice, rng: &mut StdRng) -> bool {
    let weights: Vec<u128> = slice.digests.iter().map(|_| rng.random()).collect();
    let Some(sums) = checker.sums(&slice.digests, &slice.signatures, &slice.hints, &weights) else { return false };
    let point = p256::PublicKey::from_sec1_bytes(&sums.point).unwrap().to_projective();
    let [of_generator, of_key] = [sums.of_generator, sums.of_key].map(|sum| scalar(&big(&words::from_bytes(&sum))));
    point == ProjectivePoint::GENERATOR * of_generator + key * of_key
}

/// Signs with each fault, and gives how many of the slices came out wrong. Each of those has to be refused by the signer or by the check.
fn wrong_slices(units: &'static dyn Units, faults: impl Iterator<Item = Fault>, rng: &mut StdRng) -> usize {
    let mut secret: [u8; 32] = rng.random();
    secret[0] &= 0x7f;
    let key = SigningKey::from_slice(&secret).unwrap();
    let key = ProjectivePoint::from(*key.verifying_key().as_affine());
    let mut signer = Signer { units, key: Scalar::new(&words::from_bytes(&secret)) };
    let mut checker = Engine::on(Unit::Words).unwrap().checker();
    let mut any = || {
        let mut bytes: [u8; 32] = rng.random();
        bytes[0] &= 0x7f;
        bytes
    };
    let digests: Vec<_> = (0..20).map(|_| any()).collect();
    let nonces: Vec<_> = (0..20).map(|_| any()).collect();
    let mut slice = Slice { digests, nonces, signatures: vec![[0; 64]; 20], hints: Vec::new() };
    let mut sign = |slice: &mut Slice| {
        signer.sign(&slice.digests, &slice.nonces, Sign::EvenY, &mut slice.signatures, &mut slice.hints)
    };
    sign(&mut slice).unwrap();
    let (right, right_hints) = (slice.signatures.clone(), slice.hints.clone());
    assert!(passes(&mut checker, key, &slice, rng));
    let mut wrong = 0;
    for fault in faults {
        FAULT.set(Some(fault));
        let signed = sign(&mut slice);
        FAULT.set(None);
        if signed.is_err() {
            wrong += 1;
        } else if slice.signatures != right || slice.hints != right_hints {
            assert!(!passes(&mut checker, key, &slice, rng), "{fault:?} was not caught");
            wrong += 1;
        } else {
            assert!(passes(&mut checker, key, &slice, rng), "{fault:?}");
        }
    }
    wrong
}

#[test]
fn one_wrong_lane_entry_or_carry_is_caught_by_the_check() {
    ASSERTED.set(false);
    let mut rng = StdRng::seed_from_u64(6);
    let narrow: &'static dyn Units = Box::leak(Box::new(LaneUnits::new(Radix29(Faulty))));
    let wide: &'static dyn Units = Box::leak(Box::new(LaneUnits::new(Radix52(Faulty))));
    for units in [narrow, wide] {
        // A slice has more products and carries than this; few of them are of no consequence, as those of a mirrored point that is not chosen.
        let products: Vec<_> = (0..40).map(|_| rng.random_range(0..18_000)).collect();
        let carries: Vec<_> = (0..40).map(|_| rng.random_range(0..4_000)).collect();
        let wrong = [
            wrong_slices(units, products.into_iter().map(Fault::Lane), &mut rng),
            wrong_slices(units, carries.into_iter().map(Fault::Carry), &mut rng),
            wrong_slices(units, (0..64).map(Fault::Entry), &mut rng),
        ];
        assert!(wrong[0] >= 30 && wrong[1] >= 30 && wrong[2] == 64, "{wrong:?}");
    }
}
