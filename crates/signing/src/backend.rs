//! Which library makes the signatures, and the two traits it does so behind.

mod known_answer;
#[cfg(feature = "multibuffer")]
mod multibuffer;
mod native;
#[cfg(feature = "multibuffer")]
mod nonce;
#[cfg(feature = "multibuffer")]
mod reduced;
mod reference;

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::{Digest, PrivateKey, PublicKey, RawSignature};

/// An implementation of ECDSA P-256. All of them make signatures that every other one accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Intel's crypto_mb on AVX-512 IFMA: eight signatures at a time, the fastest where it is there.
    Multibuffer,
    /// aws-lc-rs: assembly, the default where there is nothing faster.
    Native,
    /// p256 (RustCrypto): pure Rust, RFC 6979, the check on the others.
    Reference,
}

/// How the secret number of each signature comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nonce {
    /// From the key, the digest and fresh randomness (RFC 6979 §3.6 with 32 random bytes where the nonce is ours).
    Hedged,
    /// RFC 6979 §3.2: the same key and digest always give the same signature.
    Deterministic,
}

/// One private key, ready to sign many digests. Made once per key lease, used by one thread.
pub trait Signer: Send + Sync {
    /// Signs `digests[i]` into `out[i]`.
    ///
    /// # Errors
    ///
    /// When the lengths differ, or with the index of the digest that could not be signed; what is in `out` then is void.
    fn sign(&mut self, digests: &[Digest], out: &mut [RawSignature]) -> Result<(), SigningError>;
}

/// One public key, ready to verify many signatures.
pub trait Verifier: Send + Sync {
    /// Says in `valid[i]` whether `signatures[i]` is a signature of `digests[i]`. An entry without a partner is invalid.
    fn verify(&self, digests: &[Digest], signatures: &[RawSignature], valid: &mut [bool]);
}

/// Why a backend cannot be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// Its library was not there when this program was built, or was left out.
    #[error("this program was built without it")]
    Build,
    /// The processor or the operating system lacks instructions that it needs.
    #[error("this processor has no AVX-512 IFMA")]
    Processor,
    /// On this processor it gives wrong answers.
    #[error("it failed its known-answer test on this processor")]
    WrongAnswer,
}

/// Why nothing was signed, or no signer or verifier made.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The backend cannot be used here.
    #[error("the {0} backend is not available here: {1}")]
    Absent(Backend, Absence),
    /// The library did not take the key.
    #[error("the {0} backend refused the key")]
    Key(Backend),
    /// As many signatures as digests are wanted.
    #[error("{digests} digests were given with room for {signatures} signatures")]
    Lengths {
        /// Number of digests given.
        digests: usize,
        /// Room given for signatures.
        signatures: usize,
    },
    /// The digest at this index could not be signed.
    #[error("failed to sign the digest at index {0}")]
    Digest(usize),
    /// The system gave no random bytes for the nonces.
    #[error("the system has no randomness for the nonces")]
    Randomness,
}

impl Backend {
    /// Every backend there is, fastest first.
    pub const ALL: [Self; 3] = [Self::Multibuffer, Self::Native, Self::Reference];

    /// Why it cannot be used here, if so. The first question has it sign and verify known answers, which takes milliseconds.
    #[must_use]
    pub fn absence(self) -> Option<Absence> {
        static ABSENCES: [OnceLock<Option<Absence>>; Backend::ALL.len()] =
            [const { OnceLock::new() }; Backend::ALL.len()];
        *ABSENCES[self as usize].get_or_init(|| match known_answer::check(self) {
            Ok(true) => None,
            Ok(false) => Some(Absence::WrongAnswer),
            Err(SigningError::Absent(_, absence)) => Some(absence),
            Err(_) => Some(Absence::WrongAnswer),
        })
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

    /// The backend asked for, or the fastest.
    ///
    /// # Errors
    ///
    /// When the one that is asked for cannot be used here.
    pub fn choose(wanted: Option<Self>) -> Result<Self, Unavailable> {
        let Some(backend) = wanted else { return Ok(Self::fastest()) };
        backend.absence().map_or(Ok(backend), |absence| Err(Unavailable { backend, absence }))
    }

    /// The fastest backend here that is none of these: a signature is checked by another implementation than its maker.
    #[must_use]
    pub fn checker(makers: &[Self]) -> Self {
        let another = |backend: &Self| !makers.contains(backend) && backend.is_present();
        Self::ALL.into_iter().find(another).unwrap_or(Self::Reference)
    }

    /// The backend that really signs: `native` makes its own nonces, so deterministic ones are left to `reference`.
    #[must_use]
    pub fn effective(self, nonce: Nonce) -> Self {
        match (self, nonce) {
            (Self::Native, Nonce::Deterministic) => Self::Reference,
            (backend, _) => backend,
        }
    }

    /// Prepares `key` for signing with [`effective`](Self::effective)`(nonce)`; tens of microseconds, so once per lease.
    ///
    /// # Errors
    ///
    /// When the backend is absent or refuses the key.
    pub fn signer(self, key: &PrivateKey, nonce: Nonce) -> Result<Box<dyn Signer>, SigningError> {
        let backend = self.effective(nonce);
        backend.present_or_absent()?;
        backend.untried_signer(key, nonce)
    }

    /// Prepares `key` for verifying.
    ///
    /// # Errors
    ///
    /// When the backend is absent or refuses the key.
    pub fn verifier(self, key: &PublicKey) -> Result<Box<dyn Verifier>, SigningError> {
        self.present_or_absent()?;
        self.untried_verifier(key)
    }

    fn present_or_absent(self) -> Result<(), SigningError> {
        self.absence().map_or(Ok(()), |absence| Err(SigningError::Absent(self, absence)))
    }

    fn untried_signer(self, key: &PrivateKey, nonce: Nonce) -> Result<Box<dyn Signer>, SigningError> {
        Ok(match self {
            #[cfg(feature = "multibuffer")]
            Self::Multibuffer => Box::new(multibuffer::MultibufferSigner::new(multibuffer::library()?, key, nonce)?),
            #[cfg(not(feature = "multibuffer"))]
            Self::Multibuffer => return Err(SigningError::Absent(self, Absence::Build)),
            Self::Native => Box::new(native::NativeSigner::new(key)?),
            Self::Reference => Box::new(reference::ReferenceSigner::new(key, nonce)),
        })
    }

    fn untried_verifier(self, key: &PublicKey) -> Result<Box<dyn Verifier>, SigningError> {
        Ok(match self {
            #[cfg(feature = "multibuffer")]
            Self::Multibuffer => Box::new(multibuffer::MultibufferVerifier::new(multibuffer::library()?, key)),
            #[cfg(not(feature = "multibuffer"))]
            Self::Multibuffer => return Err(SigningError::Absent(self, Absence::Build)),
            Self::Native => Box::new(native::NativeVerifier::new(key)?),
            Self::Reference => Box::new(reference::ReferenceVerifier::new(key)),
        })
    }

    /// Its name on the command line, in the ledger and in receipts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Multibuffer => "multibuffer",
            Self::Native => "native",
            Self::Reference => "reference",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
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

/// A name that is no backend's.
#[derive(Debug, thiserror::Error)]
#[error("unknown backend {0:?}: use multibuffer, native or reference")]
pub struct UnknownBackend(String);

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        Self::ALL.into_iter().find(|backend| backend.as_str() == name).ok_or_else(|| UnknownBackend(name.to_owned()))
    }
}

fn check_lengths(digests: &[Digest], out: &[RawSignature]) -> Result<(), SigningError> {
    if digests.len() == out.len() {
        Ok(())
    } else {
        Err(SigningError::Lengths { digests: digests.len(), signatures: out.len() })
    }
}

/// Asks `check` about every digest and signature with a partner; everything else is invalid.
fn verify_each(
    digests: &[Digest],
    signatures: &[RawSignature],
    valid: &mut [bool],
    check: impl Fn(&Digest, &RawSignature) -> bool,
) {
    valid.fill(false);
    for ((digest, signature), valid) in digests.iter().zip(signatures).zip(valid) {
        *valid = check(digest, signature);
    }
}
