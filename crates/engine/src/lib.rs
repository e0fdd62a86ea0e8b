//! ECDSA P-256 over slices: many signatures under one key at a time, and one equation that checks them all.
//!
//! ```text
//! digests, nonces ── Signer ── signatures, hints (y of each R) ── Checker ── all valid, or not all
//!                                     signatures alone ── Checker::even_hints ──┘
//! ```
//!
//! docs/engine.md derives the algorithms, the bounds of limbs and the costs. Nonces and weights are random numbers of the caller: there is
//! no I/O here, and no randomness.

mod addition;
mod check;
mod comb;
mod declassify;
mod field;
mod invert;
mod isa;
mod lanes;
mod multiply;
mod order;
mod pairs;
mod recover;
mod sign;
#[cfg(test)]
mod tests;
mod units;
mod wipe;
mod words;

use p256::elliptic_curve::sec1::ToSec1Point as _;

use check::Slice;
#[cfg(feature = "valgrind")]
pub use declassify::{public, secret};
use order::Scalar;
pub use order::reduce_wide;
use sign::ToSign;
pub use sign::{Refused, Sign, SliceStage};
pub use units::Unit;
use units::Units;
use words::Words;

/// A way to compute that this processor has.
#[derive(Clone, Copy)]
pub struct Engine {
    unit: Unit,
    units: &'static dyn Units,
}

impl Engine {
    /// The engine on this kind of unit; `None` where the processor has none. The first call makes the table of points, which takes
    /// milliseconds.
    #[must_use]
    pub fn on(unit: Unit) -> Option<Self> {
        units::units(unit).map(|units| Self { unit, units })
    }

    /// The engine on the unit's instructions emulated by plain words, for tests of its code on every machine. It reads tables at secret
    /// addresses: not for real keys.
    #[cfg(feature = "emulation")]
    #[must_use]
    pub fn emulated(unit: Unit) -> Option<Self> {
        units::emulated(unit).map(|units| Self { unit, units })
    }

    /// The kind of unit.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// Prepares a private key of 32 bytes, big-endian; `None` when it is not from 1 to n - 1.
    #[must_use]
    pub fn signer(self, key: &[u8; 32]) -> Option<Signer> {
        let key = words::from_bytes(key);
        let in_range = !words::zero_mask(&key) & isa::hidden(words::sub(&key, &order::ORDER).1.wrapping_neg());
        (declassify::word(in_range) == u64::MAX).then(|| Signer { units: self.units, key: Scalar::new(&key) })
    }

    /// Prepares memory to check slices in.
    #[must_use]
    pub fn checker(self) -> Checker {
        Checker { units: self.units, ys: Vec::new() }
    }
}

/// The y of a signature's point R, whose x is r: with it, a signature is checked without a square root. Public, and believed by no check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Hint(Words);

/// A private key, ready to sign slices. It is wiped at the end; nonces and what was made of them, after each slice.
pub struct Signer {
    units: &'static dyn Units,
    key: Scalar,
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.key = Scalar::ZERO;
        // As far as the compiler knows it is read now: so the writing cannot be left out.
        std::hint::black_box(&mut self.key);
    }
}

impl Signer {
    /// Signs `digests[i]` with the secret number `nonces[i]` into `signatures[i]`, r‖s big-endian, and `hints[i]`. Nonces are 32 bytes,
    /// big-endian, from 1 to n - 1; each is used once in the life of a key. Digests are numbers of 256 bits, taken modulo n.
    ///
    /// # Errors
    /// [`Refused`]; what is in `signatures` then is void.
    pub fn sign(
        &mut self,
        digests: &[[u8; 32]],
        nonces: &[[u8; 32]],
        sign: Sign,
        signatures: &mut [[u8; 64]],
        hints: &mut Vec<Hint>,
    ) -> Result<(), Refused> {
        self.sign_in_stages(digests, nonces, sign, signatures, hints, &mut |_| {})
    }

    /// Signs as [`sign`](Self::sign) does, and tells when a stage is over, so that each can be timed. The last one, s of each signature,
    /// is over when this returns.
    ///
    /// # Errors
    /// [`Refused`]; what is in `signatures` then is void.
    pub fn sign_in_stages(
        &mut self,
        digests: &[[u8; 32]],
        nonces: &[[u8; 32]],
        sign: Sign,
        signatures: &mut [[u8; 64]],
        hints: &mut Vec<Hint>,
        over: &mut dyn FnMut(SliceStage),
    ) -> Result<(), Refused> {
        if digests.len() != nonces.len() || digests.len() != signatures.len() {
            return Err(Refused::Lengths);
        }
        let mut ys = vec![[0; 4]; digests.len()];
        self.units.sign(self.key, ToSign { digests, nonces, sign, signatures, ys: &mut ys, over })?;
        hints.clear();
        hints.extend(ys.into_iter().map(Hint));
        Ok(())
    }
}

/// What one equation over a slice needs. All signatures are valid under the key Q when Σ tᵢ·Rᵢ = (Σ tᵢ·eᵢ/sᵢ)·G + (Σ tᵢ·rᵢ/sᵢ)·Q; and with
/// random weights t of b bits, drawn after the signatures were made, it holds for a slice with an invalid one with a probability of 2⁻ᵇ at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Σ tᵢ·Rᵢ, uncompressed: `0x04 ‖ x ‖ y`.
    pub point: [u8; 65],
    /// Σ tᵢ·eᵢ/sᵢ modulo n, big-endian.
    pub of_generator: [u8; 32],
    /// Σ tᵢ·rᵢ/sᵢ modulo n, big-endian.
    pub of_key: [u8; 32],
}

/// Makes the sums that slices are checked by. What it works on is public.
pub struct Checker {
    units: &'static dyn Units,
    ys: Vec<Words>,
}

impl Checker {
    /// The sums over a slice. `None` when no key can make it valid: an r or s is out of range or a hint is wrong; and in cases that random
    /// weights do not lead to, as for an empty slice. The slice is then verified in another way.
    pub fn sums(
        &mut self,
        digests: &[[u8; 32]],
        signatures: &[[u8; 64]],
        hints: &[Hint],
        weights: &[u128],
    ) -> Option<Sums> {
        if [signatures.len(), hints.len(), weights.len()] != [digests.len(); 3] {
            return None;
        }
        self.ys.clear();
        self.ys.extend(hints.iter().map(|hint| hint.0));
        let sums = self.units.sums(Slice { digests, signatures, ys: &self.ys, weights })?;
        let encoded = sums.point.to_affine().to_sec1_point(false);
        Some(Sums {
            point: encoded.as_bytes().try_into().ok()?,
            of_generator: words::to_bytes(&sums.of_generator.0),
            of_key: words::to_bytes(&sums.of_key.0),
        })
    }

    /// The hints of signatures whose R has an even y, found from r.
    pub fn even_hints(&self, signatures: &[[u8; 64]], hints: &mut Vec<Hint>) {
        let mut ys = vec![[0; 4]; signatures.len()];
        self.units.even_ys(signatures, &mut ys);
        hints.clear();
        hints.extend(ys.into_iter().map(Hint));
    }
}
