//! Seals of batches, right or wrong in one way.

use vaultstream_signing::{Digest, Hash, PrivateKey, RawSignature, seal_digest};

use crate::fixed::{deterministic, private, scalar, with_nonce};

/// The seal of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seal {
    /// By its key, over its root.
    Right,
    /// An earlier version signed the batch.
    Absent,
    /// By its key, over another root.
    OfAnotherRoot,
    /// By another key, over its root.
    ByAnotherKey,
    /// By its key, over SHA-256 where the format has SHA-512.
    OverSha256,
    /// By its key, with the nonce 7.
    WithNonce,
}

impl Seal {
    /// The seal of a batch of this key with this root.
    pub(crate) fn of(self, key: &PrivateKey, root: &Hash) -> Option<RawSignature> {
        let digest = seal_digest(root);
        Some(match self {
            Self::Absent => return None,
            Self::Right => deterministic(key, &digest),
            Self::OfAnotherRoot => deterministic(key, &seal_digest(&[7; 32])),
            Self::ByAnotherKey => deterministic(&private(9), &digest),
            Self::OverSha256 => deterministic(key, &Digest::of(&[b"vaultstream/seal/v1\0".as_slice(), root].concat())),
            Self::WithNonce => with_nonce(scalar(2), 7, &digest),
        })
    }
}
