//! The libraries that make and check signatures, behind two traits.

mod contract;
mod deterministic;
mod engine;
mod engine_parts;
mod hedged;
mod kind;
mod known_answer;
mod native;
mod order;
mod reduced;
mod reference;
mod slice_check;
mod withdrawal;

use std::sync::OnceLock;

use crate::key::PrivateKey;
use crate::public_key::PublicKey;

pub use contract::{Absence, BatchSigner, BatchVerifier, SigningError, SliceSums};
pub use engine_parts::{EngineParts, PartTimes};
pub use kind::{Backend, Nonce, UnknownBackend};
pub use slice_check::{SliceCheck, WrongSlice};
pub use vaultstream_engine::Refused;
pub use withdrawal::Withdrawal;

impl Backend {
    /// Why it cannot be used here; `None` when it can. The first call has it sign and verify known answers, which takes milliseconds.
    #[must_use]
    pub fn absence(self) -> Option<Absence> {
        static ABSENCES: [OnceLock<Option<Absence>>; Backend::NAMED.len()] =
            [const { OnceLock::new() }; Backend::NAMED.len()];
        let absence = *ABSENCES[self as usize].get_or_init(|| match self.known_answers() {
            Ok(true) => None,
            Ok(false) => Some(Absence::WrongAnswer),
            Err(SigningError::Absent(_, absence)) => Some(absence),
            Err(_) => Some(Absence::WrongAnswer),
        });
        absence.or_else(|| self.is_withdrawn().then_some(Absence::Withdrawn))
    }

    /// Has it sign and verify the known answers once more. False when one of them is wrong.
    #[must_use]
    pub fn self_test(self) -> bool {
        matches!(self.known_answers(), Ok(true))
    }

    fn known_answers(self) -> Result<bool, SigningError> {
        known_answer::check(|key| self.untried_verifier(key), |key, nonce| self.tried_signer(key, nonce))
    }

    /// Whether this build and this processor can run it, and rightly.
    #[must_use]
    pub fn is_present(self) -> bool {
        self.absence().is_none()
    }

    /// The backends that can run here, fastest first.
    #[must_use]
    pub fn present() -> Vec<Self> {
        Self::ALL.into_iter().filter(|backend| backend.is_present()).collect()
    }

    /// The fastest backend that can run here.
    #[must_use]
    pub fn fastest() -> Self {
        Self::ALL.into_iter().find(|backend| backend.is_present()).unwrap_or(Self::Reference)
    }

    /// The backend asked for, or the fastest; `Engine` for `Multibuffer`, which it replaced.
    ///
    /// # Errors
    ///
    /// When the one that is asked for cannot be used here.
    pub fn choose(wanted: Option<Self>) -> Result<Self, Unavailable> {
        let backend = match wanted {
            None => return Ok(Self::fastest()),
            Some(Self::Multibuffer) => Self::Engine,
            Some(backend) => backend,
        };
        backend.absence().map_or(Ok(backend), |absence| Err(Unavailable { backend, absence }))
    }

    /// The fastest backend here that is none of these and verifies by arithmetic of its own: a signature is checked by another
    /// implementation than its maker.
    #[must_use]
    pub fn checker(makers: &[Self]) -> Self {
        let another = |backend: &Self| !makers.contains(backend) && backend.is_present();
        [Self::Native, Self::Reference].into_iter().find(another).unwrap_or(Self::Reference)
    }

    /// What verifies many signatures of these makers: `Engine`, whose equation another library decides, even for its own. It leaves what
    /// does not pass the equation to its own [`checker`](Self::checker); where that one has signed, too, the checker of all makers verifies.
    #[must_use]
    pub fn bulk_checker(makers: &[Self]) -> Self {
        let by_equation = Self::Engine.is_present() && !makers.contains(&Self::checker(&[Self::Engine]));
        if by_equation { Self::Engine } else { Self::checker(makers) }
    }

    /// The backend that really signs: `native` makes its own nonces, so deterministic ones are left to `reference`.
    #[must_use]
    pub fn effective(self, nonce: Nonce) -> Self {
        match (self, nonce) {
            (Self::Native, Nonce::Deterministic) => Self::Reference,
            (backend, _) => backend,
        }
    }

    /// The fastest other backend that can sign with such nonces here; `None` when this is the last one.
    #[must_use]
    pub fn successor(self, nonce: Nonce) -> Option<Self> {
        let signs = |backend: &Self| *backend != self && backend.effective(nonce) == *backend && backend.is_present();
        Self::ALL.into_iter().find(signs)
    }

    /// Prepares `key` for signing with [`effective`](Self::effective)`(nonce)`; tens of microseconds, so once per lease.
    ///
    /// # Errors
    ///
    /// When the backend is absent or refuses the key.
    pub fn signer(self, key: &PrivateKey, nonce: Nonce) -> Result<Box<dyn BatchSigner>, SigningError> {
        let backend = self.effective(nonce);
        backend.present_or_absent()?;
        backend.untried_signer(key, nonce)
    }

    /// Whether what this backend signs with a key verifies under its public key, by another backend: the test of a new key pair.
    #[must_use]
    pub fn is_consistent(self, key: &PrivateKey, nonce: Nonce) -> bool {
        let checker = Self::checker(&[self.effective(nonce)]);
        match (self.signer(key, nonce), checker.verifier(&key.public())) {
            (Ok(mut signer), Ok(verifier)) => known_answer::is_consistent(&mut *signer, &*verifier),
            _ => false,
        }
    }

    /// Prepares `key` for verifying.
    ///
    /// # Errors
    ///
    /// When the backend is absent or refuses the key.
    pub fn verifier(self, key: &PublicKey) -> Result<Box<dyn BatchVerifier>, SigningError> {
        self.present_or_absent()?;
        self.untried_verifier(key)
    }

    fn present_or_absent(self) -> Result<(), SigningError> {
        self.absence().map_or(Ok(()), |absence| Err(SigningError::Absent(self, absence)))
    }

    fn untried_signer(self, key: &PrivateKey, nonce: Nonce) -> Result<Box<dyn BatchSigner>, SigningError> {
        Ok(match self {
            Self::Engine => Box::new(engine::EngineSigner::new(engine::engine()?, key, nonce)?),
            Self::Multibuffer => return Err(SigningError::Absent(self, Absence::Replaced)),
            Self::Native => Box::new(native::NativeSigner::new(key)?),
            Self::Reference => Box::new(reference::ReferenceSigner::new(key, nonce)),
        })
    }

    /// `None` for nonces that another backend would make.
    fn tried_signer(self, key: &PrivateKey, nonce: Nonce) -> Result<Option<Box<dyn BatchSigner>>, SigningError> {
        if self.effective(nonce) == self { self.untried_signer(key, nonce).map(Some) } else { Ok(None) }
    }

    fn untried_verifier(self, key: &PublicKey) -> Result<Box<dyn BatchVerifier>, SigningError> {
        Ok(match self {
            Self::Engine => Box::new(engine::EngineVerifier::new(engine::engine()?, key)?),
            Self::Multibuffer => return Err(SigningError::Absent(self, Absence::Replaced)),
            Self::Native => Box::new(native::NativeVerifier::new(key)?),
            Self::Reference => Box::new(reference::ReferenceVerifier::new(key)),
        })
    }
}

/// A backend that was asked for and cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the backend {backend} is not available here: {absence}; available: {}", names(&Backend::present()))]
pub struct Unavailable {
    backend: Backend,
    absence: Absence,
}

/// The names of several backends in one line.
#[must_use]
pub fn names(backends: &[Backend]) -> String {
    backends.iter().map(|backend| backend.as_str()).collect::<Vec<_>>().join(", ")
}
