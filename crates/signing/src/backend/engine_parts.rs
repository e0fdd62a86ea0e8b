//! What the parts of the engine's work cost, measured on slices as a worker signs them.

use std::time::Duration;

use vaultstream_engine::{SliceStage, Unit};

use super::contract::SigningError;
use super::engine::{EngineSigner, SLICE, engine};
use super::kind::{Backend, Nonce};
use super::slice_check::SliceCheck;
use crate::digest::{Digest, RawSignature};
use crate::key::PrivateKey;

/// A slice that is signed and checked again and again, under a key of its own, with hedged nonces.
pub struct EngineParts {
    unit: Unit,
    signer: EngineSigner,
    check: SliceCheck,
    digests: Vec<Digest>,
    signatures: Vec<RawSignature>,
}

/// What signing and checking one slice took.
#[derive(Clone, Copy, Debug, Default)]
pub struct PartTimes {
    /// Making the nonces k.
    pub nonce: Duration,
    /// k·G.
    pub multiplication: Duration,
    /// 1/k.
    pub inversion: Duration,
    /// s, and the signature's bytes.
    pub s: Duration,
    /// The equation that checks the slice.
    pub check: Duration,
}

impl EngineParts {
    /// Prepares a slice.
    ///
    /// # Errors
    ///
    /// When the engine is absent, or no key can be made.
    pub fn new() -> Result<Self, SigningError> {
        let key = PrivateKey::generate().map_err(|_| SigningError::Randomness)?;
        let engine = engine()?;
        Ok(Self {
            unit: engine.unit(),
            signer: EngineSigner::new(engine, &key, Nonce::Hedged)?,
            check: SliceCheck::new(Backend::Engine, &key.public())?,
            digests: (0..SLICE).map(|number| Digest::of(&number.to_be_bytes())).collect(),
            signatures: vec![RawSignature::EMPTY; SLICE],
        })
    }

    /// What it computes on.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        self.unit.as_str()
    }

    /// The signatures of the slice that was signed last.
    #[must_use]
    pub fn signatures(&self) -> &[RawSignature] {
        &self.signatures
    }

    /// Signs and checks the slice, timed by this clock.
    ///
    /// # Errors
    ///
    /// When a slice is not signed, or a signature is wrong.
    pub fn measure(&mut self, clock: fn() -> Duration) -> Result<PartTimes, SigningError> {
        let mut times = PartTimes::default();
        let mut before = clock();
        let mut since = || {
            let now = clock();
            now.saturating_sub(std::mem::replace(&mut before, now))
        };
        self.signer.make_nonces(&self.digests)?;
        times.nonce = since();
        self.signer.sign_slice(&self.digests, &mut self.signatures, &mut |stage| match stage {
            // Reading them takes next to no time, and is counted with the points.
            SliceStage::Nonces => {}
            SliceStage::Points => times.multiplication = since(),
            SliceStage::Inverses => times.inversion = since(),
        })?;
        times.s = since();
        let checked = self.check.check(&mut self.signer, &self.digests, &self.signatures);
        times.check = since();
        checked.map_err(|wrong| SigningError::Digest(wrong.wrong.first().copied().unwrap_or(0)))?;
        Ok(times)
    }
}
