//! The engine's parts against big integers and another library, on every field that can run here.

mod faults;
mod numbers;
mod points;
mod slices;

use num_bigint::BigUint;
use p256::{FieldBytes, ProjectivePoint, Scalar, elliptic_curve::ops::Reduce as _};

#[cfg(target_arch = "x86_64")]
use crate::isa::{Avx2, Avx512Ifma};
use crate::{
    comb::odd_multiples,
    field::{
        plain::Plain,
        radix29::Radix29,
        radix52::Radix52,
        tests::{big, words_of},
    },
    isa::Emulated,
    lanes::Lanes,
    order::ORDER,
    words::{self, Words},
};

/// What a test does on all lanes that can run here.
trait OnLanes {
    fn on<L: Lanes>(&self, name: &str, lanes: L);
}

fn on_all_lanes(test: &impl OnLanes) {
    test.on("words", Plain);
    test.on("radix 29, emulated", Radix29(Emulated));
    test.on("radix 52, emulated", Radix52(Emulated));
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = Avx2::detect() {
        test.on("AVX2", Radix29(unit));
    }
    #[cfg(target_arch = "x86_64")]
    if let Some(unit) = Avx512Ifma::detect() {
        test.on("AVX-512 IFMA", Radix52(unit));
    }
}

/// k·G by the other library.
fn multiple_of_generator(k: &BigUint) -> ProjectivePoint {
    ProjectivePoint::GENERATOR * scalar(k)
}

fn scalar(k: &BigUint) -> Scalar {
    Scalar::reduce(&FieldBytes::from(words::to_bytes(&words_of(&(k % big(&ORDER))))))
}

fn coordinates(point: ProjectivePoint) -> (Words, Words) {
    odd_multiples(point, 1)[0]
}

/// The two odd and even k whose last addition would be a doubling: k = 15·2²⁵² + m for the sum m·G of all windows before, and m is
/// 15·2²⁵² - n.
fn exceptional() -> [BigUint; 2] {
    let k: BigUint = (BigUint::from(30_u32) << 252) - big(&ORDER);
    [k.clone(), big(&ORDER) - k]
}
