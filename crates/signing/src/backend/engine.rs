//! Our own batch arithmetic (`crates/engine`), with nonces of RFC 6979, or hedged ones.
//!
//! Hedged signatures are made with the s whose point R has an even y: then R is found from r alone, and whoever verifies many signatures of a
//! key can check them by one equation. Deterministic ones have the s of RFC 6979, to the byte.

use std::sync::OnceLock;

use vaultstream_engine::{Checker, Engine, Hint, Sign, Signer, SliceStage, Sums, Unit};
use zeroize::{Zeroize as _, Zeroizing};

use super::contract::{BatchSigner, BatchVerifier, SigningError, SliceSums, check_lengths};
use super::deterministic::{LANES, Rfc6979x8};
use super::hedged::HedgedNonces;
use super::kind::{Backend, Nonce};
use super::reduced::Reduced;
use super::slice_check;
use crate::digest::{Digest, RawSignature};
use crate::key::PrivateKey;
use crate::public_key::PublicKey;

/// Digests of a slice: enough to share inversions, few enough for the caches and for a look at a deadline.
pub(super) const SLICE: usize = 4096;

/// Signatures of one equation where nothing else is done with them: a point costs less in a sum of more points, while they fit the caches.
const VERIFIED_SLICE: usize = 4 * SLICE;

/// Slices with fewer signatures are verified one by one: the equation costs more.
const FEWEST: usize = 8;

/// The unit to compute on, by its name in lower case, for comparisons on one machine.
const UNIT_VARIABLE: &str = "VAULTSTREAM_ENGINE_UNIT";

/// The engine on the fastest unit of this processor.
pub(super) fn engine() -> Result<Engine, SigningError> {
    static ENGINE: OnceLock<Option<Engine>> = OnceLock::new();
    let wanted = |unit: &Unit| std::env::var(UNIT_VARIABLE).map_or(true, |name| name == unit.name());
    ENGINE
        .get_or_init(|| Unit::ALL.into_iter().filter(wanted).find_map(Engine::on))
        .ok_or(SigningError::Absent(Backend::Engine, super::Absence::Processor))
}

pub(super) struct EngineSigner {
    signer: Signer,
    checker: Checker,
    nonces: Nonces,
    /// Those of the present slice.
    made: Zeroizing<Vec<[u8; 32]>>,
    /// Of the last slice; none when it was refused.
    hints: Vec<Hint>,
    buffers: Buffers,
}

/// Where nonces come from.
enum Nonces {
    Hedged(HedgedNonces),
    Deterministic(Box<Rfc6979x8>),
}

impl Nonces {
    /// Makes a nonce for each digest.
    fn generate(&mut self, digests: &[Digest], made: &mut Vec<[u8; 32]>) -> Result<(), SigningError> {
        if made.capacity() < digests.len() {
            // Else a copy of the last ones stays behind when they get more room.
            made.zeroize();
        }
        match self {
            Self::Hedged(nonces) => {
                made.resize(digests.len(), [0; 32]);
                nonces.generate(digests, made)?;
            }
            Self::Deterministic(nonces) => {
                made.resize(digests.len().next_multiple_of(LANES), [0; 32]);
                for (digests, made) in digests.chunks(LANES).zip(made.as_chunks_mut::<LANES>().0) {
                    let reduced: [Reduced; LANES] =
                        std::array::from_fn(|lane| Reduced::of(digests.get(lane).unwrap_or(&digests[0])));
                    nonces.generate(&reduced, made);
                }
                made.truncate(digests.len());
            }
        }
        Ok(())
    }

    /// Which of the two signatures of a nonce is made.
    fn sign(&self) -> Sign {
        match self {
            Self::Hedged(_) => Sign::EvenY,
            Self::Deterministic(_) => Sign::OfNonce,
        }
    }
}

/// Digests and signatures in the engine's form.
#[derive(Default)]
struct Buffers {
    digests: Vec<[u8; 32]>,
    signatures: Vec<[u8; 64]>,
}

impl Buffers {
    fn fill(&mut self, digests: &[Digest], signatures: &[RawSignature]) -> (&[[u8; 32]], &mut [[u8; 64]]) {
        self.digests.clear();
        self.digests.extend(digests.iter().map(|digest| digest.0));
        self.signatures.clear();
        self.signatures.extend(signatures.iter().map(|signature| signature.0));
        (&self.digests, &mut self.signatures)
    }
}

impl EngineSigner {
    pub(super) fn new(engine: Engine, key: &PrivateKey, nonce: Nonce) -> Result<Self, SigningError> {
        let scalar = key.scalar();
        Ok(Self {
            signer: engine.signer(&scalar).ok_or(SigningError::Key(Backend::Engine))?,
            checker: engine.checker(),
            nonces: match nonce {
                Nonce::Hedged => Nonces::Hedged(HedgedNonces::new(&scalar)),
                Nonce::Deterministic => Nonces::Deterministic(Box::new(Rfc6979x8::new(&scalar))),
            },
            made: Zeroizing::default(),
            hints: Vec::new(),
            buffers: Buffers::default(),
        })
    }

    /// Makes the nonces of a slice.
    pub(super) fn make_nonces(&mut self, digests: &[Digest]) -> Result<(), SigningError> {
        self.nonces.generate(digests, &mut self.made)
    }

    /// Signs with the nonces in `made`. Says when a stage is over.
    pub(super) fn sign_slice(
        &mut self,
        digests: &[Digest],
        out: &mut [RawSignature],
        over: &mut dyn FnMut(SliceStage),
    ) -> Result<(), SigningError> {
        let sign = self.nonces.sign();
        let (messages, signatures) = self.buffers.fill(digests, out);
        self.hints.clear();
        self.signer.sign_in_stages(messages, &self.made, sign, signatures, &mut self.hints, over)?;
        for (out, signature) in out.iter_mut().zip(signatures) {
            out.0 = *signature;
        }
        Ok(())
    }
}

impl BatchSigner for EngineSigner {
    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError> {
        check_lengths(digests, out)?;
        for (digests, out) in digests.chunks(SLICE).zip(out.chunks_mut(SLICE)) {
            self.make_nonces(digests)?;
            self.sign_slice(digests, out, &mut |_| {})?;
        }
        Ok(())
    }

    fn slice_len(&self) -> usize {
        SLICE
    }

    fn sums(&mut self, digests: &[Digest], signatures: &[RawSignature], weights: &[u128]) -> SliceSums {
        if digests.len() < FEWEST || self.hints.len() != digests.len() {
            return SliceSums::NotKept;
        }
        let (digests, signatures) = self.buffers.fill(digests, signatures);
        self.checker.sums(digests, signatures, &self.hints, weights).map_or(SliceSums::Broken, into_slice_sums)
    }
}

fn into_slice_sums(Sums { point, of_generator, of_key }: Sums) -> SliceSums {
    SliceSums::Sums { point, of_generator, of_key }
}

/// Verifies slices by one equation where each R has an even y, as hedged signatures of the engine have; else one by one.
pub(super) struct EngineVerifier {
    engine: Engine,
    key: PublicKey,
    one_by_one: Box<dyn BatchVerifier>,
}

impl EngineVerifier {
    pub(super) fn new(engine: Engine, key: &PublicKey) -> Result<Self, SigningError> {
        Ok(Self { engine, key: key.clone(), one_by_one: Backend::checker(&[Backend::Engine]).verifier(key)? })
    }

    /// Whether the equation holds for the whole slice.
    fn holds(&self, memory: &mut Memory, digests: &[Digest], signatures: &[RawSignature]) -> bool {
        let Some(weights) = slice_check::random_weights(digests.len(), u128::BITS) else { return false };
        let (digests, signatures) = memory.buffers.fill(digests, signatures);
        memory.checker.even_hints(signatures, &mut memory.hints);
        let sums = memory.checker.sums(digests, signatures, &memory.hints, &weights);
        sums.is_some_and(|sums| slice_check::holds(&self.key, &sums.point, &sums.of_generator, &sums.of_key))
    }
}

/// What slices are verified in.
struct Memory {
    checker: Checker,
    buffers: Buffers,
    hints: Vec<Hint>,
}

impl EngineVerifier {
    /// Whether it seems that each R has an even y: the equation holds for a few at the beginning, the middle or the end.
    fn seem_even(&self, memory: &mut Memory, digests: &[Digest], signatures: &[RawSignature]) -> bool {
        let last = digests.len() - FEWEST;
        [0, last / 2, last]
            .into_iter()
            .any(|from| self.holds(memory, &digests[from..from + FEWEST], &signatures[from..from + FEWEST]))
    }
}

impl BatchVerifier for EngineVerifier {
    fn verify(&self, digests: &[Digest], signatures: &[RawSignature], valid: &mut [bool]) -> usize {
        valid.fill(false);
        let length = digests.len().min(signatures.len()).min(valid.len());
        let mut memory = Memory { checker: self.engine.checker(), buffers: Buffers::default(), hints: Vec::new() };
        if length < FEWEST || !self.seem_even(&mut memory, &digests[..length], &signatures[..length]) {
            return self.one_by_one.verify(&digests[..length], &signatures[..length], &mut valid[..length]);
        }
        let mut by_equation = 0;
        // What is still to be verified, the last part first.
        let mut parts: Vec<_> =
            (0..length).step_by(VERIFIED_SLICE).map(|from| from..length.min(from + VERIFIED_SLICE)).rev().collect();
        while let Some(part) = parts.pop() {
            let (digests, signatures) = (&digests[part.clone()], &signatures[part.clone()]);
            if part.len() < FEWEST {
                self.one_by_one.verify(digests, signatures, &mut valid[part]);
            } else if self.holds(&mut memory, digests, signatures) {
                by_equation += part.len();
                valid[part].fill(true);
            } else {
                let quarter = part.len().div_ceil(4);
                parts.extend(part.clone().step_by(quarter).map(|from| from..part.end.min(from + quarter)).rev());
            }
        }
        by_equation
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_engine::Refused;

    use super::*;

    #[test]
    fn a_slice_that_the_engine_refuses_is_signed_by_nothing_else_and_keeps_no_points() {
        for nonce in [Nonce::Hedged, Nonce::Deterministic] {
            let mut signer = EngineSigner::new(engine().unwrap(), &PrivateKey::generate().unwrap(), nonce).unwrap();
            let digests: Vec<Digest> = (0_u8..40).map(|at| Digest::of(&[at])).collect();
            let mut signatures = vec![RawSignature::EMPTY; digests.len()];
            signer.sign(&digests, &mut signatures).unwrap();
            assert_eq!(signer.hints.len(), digests.len());
            signatures.fill(RawSignature::EMPTY);
            signer.made[23] = [0; 32];
            let refused = signer.sign_slice(&digests, &mut signatures, &mut |_| {});
            assert!(matches!(refused, Err(SigningError::Refused(Refused::Nonce))), "{refused:?}");
            assert!(signatures.iter().all(|signature| *signature == RawSignature::EMPTY), "a signature was made");
            assert_eq!(signer.sums(&digests, &signatures, &[1; 40]), SliceSums::NotKept);
        }
    }
}
