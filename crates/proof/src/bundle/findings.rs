//! What was found in a bundle.

use vaultstream_anchor::{Token, TokenError};
use vaultstream_signing::{Backend, Receipt, Thumbprint, receipt::SignedCheckpoint};

use super::{
    error::BundleProblem,
    line::{HeaderLine, RevokedLine},
};
use crate::{nonces::NonceUsers, records::Records};

/// What was found in a bundle.
pub struct BundleFindings {
    /// The first line.
    pub header: HeaderLine,
    /// The receipt, if its signature is right.
    pub receipt: Option<Receipt>,
    /// The earlier checkpoint that was given, if the receipt key signed it. Whether the bundle extends it, the problems say.
    pub earlier: Option<SignedCheckpoint>,
    /// The tokens over the receipt, in their order: each right but for who has issued its certificate, or what is wrong with it.
    pub tokens: Vec<Result<Token, TokenError>>,
    /// Records with a signature.
    pub signed: u64,
    /// Rejects.
    pub rejected: u64,
    /// Batches.
    pub batches: u64,
    /// Batches with a seal.
    pub sealed: u64,
    /// Seals that were checked.
    pub seals_checked: u64,
    /// Batches with a seal that their key did not make.
    pub wrong_seals: Records,
    /// Signatures of records that were checked.
    pub checked: u64,
    /// Those of them that one equation over many proved. The others were verified one by one.
    pub by_equation: u64,
    /// What checked them.
    pub checker: Backend,
    /// Records whose signature is wrong.
    pub wrong: Records,
    /// Records whose payload is not what was signed.
    pub other_payload: Records,
    /// Records without a payload because their rows were changed or could not be read when the bundle was written.
    pub changed: Records,
    /// Records and seals whose signatures share a nonce with others of their key.
    pub repeated_nonce: NonceUsers,
    /// Keys that were revoked: how many records each has signed, and why it was revoked.
    pub revoked: Vec<(Thumbprint, u64, RevokedLine)>,
    /// All other problems: the first of them.
    pub problems: Vec<BundleProblem>,
    /// Problems that are counted only.
    pub more_problems: u64,
    /// Whether a thread that checks signatures panicked: then not all of them were checked.
    pub lost_a_thread: bool,
}

impl BundleFindings {
    /// Whether nothing is wrong. Records that changed before the bundle was written are, unless that is allowed.
    #[must_use]
    pub fn is_verified(&self, changes_allowed: bool) -> bool {
        let none = |records: &Records| records.count() == 0;
        self.receipt.is_some()
            && self.problems.is_empty()
            && self.tokens.iter().all(Result::is_ok)
            && [&self.wrong, &self.other_payload, &self.wrong_seals].into_iter().all(none)
            && self.repeated_nonce.is_empty()
            && (changes_allowed || none(&self.changed))
            && !self.revoked.iter().any(|(_, _, revoked)| revoked.compromised)
            && self.all_are_checked()
    }

    /// Whether every signature and every seal was checked.
    #[must_use]
    pub fn all_are_checked(&self) -> bool {
        self.checked == self.signed && self.seals_checked == self.sealed && !self.lost_a_thread
    }
}

/// Keeps the first problems, and counts the others.
pub(super) struct Problems {
    most: usize,
    kept: Vec<BundleProblem>,
    more: u64,
}

impl Problems {
    pub(super) fn keeping(most: usize) -> Self {
        Self { most, kept: Vec::new(), more: 0 }
    }

    pub(super) fn add(&mut self, problem: BundleProblem) {
        if self.kept.len() < self.most { self.kept.push(problem) } else { self.more += 1 }
    }

    pub(super) fn finish(self) -> (Vec<BundleProblem>, u64) {
        (self.kept, self.more)
    }
}
