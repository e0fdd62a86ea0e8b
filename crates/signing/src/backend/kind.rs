//! Which backends there are.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An implementation of ECDSA P-256. All of them make signatures that every other one accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Our own batch arithmetic (`crates/engine`): whole slices at a time, on every processor.
    Engine,
    /// aws-lc-rs: assembly.
    Native,
    /// p256 (RustCrypto): pure Rust, RFC 6979, the check on the others.
    Reference,
    /// Intel's crypto_mb, which signed before `Engine`. It is in ledgers and receipts still; nothing signs with it.
    Multibuffer,
}

/// How the secret number of each signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nonce {
    /// From the key, the digest and fresh randomness (RFC 6979 §3.6 with 32 random bytes where the nonce is ours).
    Hedged,
    /// RFC 6979 §3.2: the same key and digest always give the same signature.
    Deterministic,
}

impl Backend {
    /// Every backend that signs, fastest first.
    pub const ALL: [Self; 3] = [Self::Engine, Self::Native, Self::Reference];

    /// Every backend that has a name.
    pub(super) const NAMED: [Self; 4] = [Self::Engine, Self::Native, Self::Reference, Self::Multibuffer];

    /// Its name on the command line, in the ledger and in receipts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Native => "native",
            Self::Reference => "reference",
            Self::Multibuffer => "multibuffer",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Not the name of a backend.
#[derive(Debug, thiserror::Error)]
#[error("unknown backend {0:?}: use engine, native or reference")]
pub struct UnknownBackend(String);

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        Self::NAMED.into_iter().find(|backend| backend.as_str() == name).ok_or_else(|| UnknownBackend(name.to_owned()))
    }
}
