//! Keys that were revoked after they had signed.

use std::fmt;

use indicatif::HumanCount;
use serde::Serialize;
use vaultstream_ledger::verify::PublicKeyRow;
use vaultstream_proof::bundle::RevokedLine;
use vaultstream_signing::{PublicKey, Thumbprint};

use super::problem::{Problem, ProblemKind};

/// A key that was revoked and has signed records, or the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RevokedKey {
    /// Absent when the public key cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    /// Whether it is the receipt key.
    signs_receipt: bool,
    /// Signatures that it has made.
    signed: u64,
    revoked_at: String,
    reason: String,
    compromised: bool,
}

impl RevokedKey {
    /// `None` for a key that was not revoked, or had not signed. A count below zero is a problem of its own, and no proof that it had not.
    pub(super) fn of(key: &PublicKeyRow) -> Option<Self> {
        let revocation = key.revocation.as_ref().filter(|_| key.signed != 0)?;
        Some(Self {
            key_id: PublicKey::from_spki_der(&key.public_key).ok().map(|key| key.thumbprint().to_string()),
            signs_receipt: key.ordinal == 0,
            signed: u64::try_from(key.signed).unwrap_or(0),
            revoked_at: humantime::format_rfc3339_seconds(revocation.at).to_string(),
            reason: revocation.reason.clone(),
            compromised: revocation.compromised,
        })
    }

    /// A key that signed records, as a bundle has it.
    pub(crate) fn of_bundle(kid: Thumbprint, signed: u64, revoked: &RevokedLine) -> Self {
        Self {
            key_id: Some(kid.to_string()),
            signs_receipt: false,
            signed,
            revoked_at: revoked.at.clone(),
            reason: revoked.reason.clone(),
            compromised: revoked.compromised,
        }
    }

    /// Somebody else may have made the signatures of a compromised key, and nothing proves when they were made.
    pub(crate) fn problem(&self) -> Option<Problem> {
        self.compromised.then(|| Problem::new(ProblemKind::CompromisedKey, self.to_string()))
    }
}

impl fmt::Display for RevokedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.key_id.as_deref().unwrap_or("that cannot be read");
        let compromised = if self.compromised { " as compromised" } else { "" };
        if self.signs_receipt {
            write!(f, "the receipt is signed by the key {id}")?;
        } else {
            let signatures = if self.signed == 1 { "signature is" } else { "signatures are" };
            write!(f, "{} {signatures} of the key {id}", HumanCount(self.signed))?;
        }
        write!(f, ", which was revoked{compromised} at {}: {}", self.revoked_at, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use vaultstream_ledger::revocation::Revocation;

    use super::*;
    use crate::fixtures::public_key_row;

    fn key(ordinal: i32, signed: i64, compromised: Option<bool>) -> PublicKeyRow {
        let revocation = compromised.map(|compromised| Revocation {
            at: SystemTime::UNIX_EPOCH + Duration::from_secs(86_400),
            reason: "left on a train".to_owned(),
            compromised,
        });
        PublicKeyRow { revocation, ..public_key_row(ordinal, signed) }
    }

    #[test]
    fn only_a_compromised_key_that_has_signed_is_a_problem() {
        assert_eq!(RevokedKey::of(&key(1, 10, None)), None);
        assert_eq!(RevokedKey::of(&key(1, 0, Some(true))), None);
        assert!(RevokedKey::of(&key(1, -10, Some(true))).unwrap().problem().is_some());
        let noted = RevokedKey::of(&key(1, 10, Some(false))).unwrap();
        assert_eq!(noted.problem(), None);
        let told = noted.to_string();
        assert!(told.starts_with("10 signatures are of the key "), "{told}");
        assert!(told.ends_with(", which was revoked at 1970-01-02T00:00:00Z: left on a train"), "{told}");
        let problem = RevokedKey::of(&key(0, 1, Some(true))).unwrap().problem().unwrap();
        assert!(problem.message().starts_with("the receipt is signed by the key "), "{}", problem.message());
        assert!(problem.message().contains(", which was revoked as compromised at "), "{}", problem.message());
    }
}
