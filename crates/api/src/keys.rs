//! `spec.keys` and `spec.signing`: which keys sign, and how.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel::duration_between;
use crate::duration::GoDuration;
use crate::issuer::IssuerRef;
use crate::word::words;
use crate::{defaults, limits};

/// The signing keys of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// How many ECDSA P-256 keys sign the job's records, used least recently used first. Workers make them.
    #[serde(default = "defaults::key_count")]
    #[schemars(range(min = 1, max = limits::MAX_KEYS))]
    pub count: u32,

    /// How long one worker may hold a key.
    #[serde(default)]
    pub lease: Lease,

    /// Signatures one key may make before a new version of it takes over; at least batchSize. Without it keys never wear out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = limits::MAX_SIGNATURES))]
    pub max_signatures: Option<u64>,

    /// What becomes of the private keys, which are stored encrypted, when the job is Complete or Failed. Erase, which is the default:
    /// they are erased, so that nothing can ever be signed with them again. Keep: they stay until the SigningJob is deleted.
    // Left out when it is the default: the specs in receipts of earlier versions are without it.
    #[serde(default, skip_serializing_if = "KeyRetention::is_default")]
    pub retain: KeyRetention,
}

/// The exclusive right of one worker to sign with one key for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = duration_between("duration", Lease::SHORTEST, Lease::LONGEST))]
pub struct Lease {
    /// Records after which the lease ends: with the commit that reaches this number. Then the next key takes its turn.
    #[serde(default = "defaults::lease_records")]
    #[schemars(range(min = 1, max = limits::MAX_LEASE_RECORDS))]
    pub records: u32,

    /// Time after which the lease ends, 5s to 1h: a worker that dies blocks its key for at most this long.
    #[serde(default = "defaults::lease_duration")]
    pub duration: GoDuration,
}

impl Lease {
    pub(crate) const SHORTEST: &'static str = "5s";
    pub(crate) const LONGEST: &'static str = "1h";
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            count: defaults::key_count(),
            lease: Lease::default(),
            max_signatures: None,
            retain: KeyRetention::default(),
        }
    }
}

impl Default for Lease {
    fn default() -> Self {
        Self { records: defaults::lease_records(), duration: defaults::lease_duration() }
    }
}

/// Whether a job's private keys outlive it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum KeyRetention {
    /// They are erased when the job is over.
    #[default]
    Erase,
    /// They stay, encrypted, until the SigningJob is deleted.
    Keep,
}

impl KeyRetention {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// How records are signed.
// Not `KubeSchema`: its expansion imports a `Message` of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signing {
    /// How the nonce of a signature is made. Hedged: from key, digest and fresh randomness. Deterministic: RFC 6979, so
    /// that the same key and record always give the same signature.
    #[serde(default)]
    pub nonce: Nonce,

    /// What is signed. Payload: the payload's bytes, verifiable with the payload alone. Bound: an encoding that binds job,
    /// record id and payload, so that a signature cannot be moved to another record.
    #[serde(default)]
    pub message: Message,

    /// How many signatures are checked by another implementation before they are committed. Sample: 1 in 1,024, and at
    /// least one of every unit of work.
    #[serde(default)]
    pub verify: Verify,

    /// Issuer of cert-manager that certifies the receipt key, so that the receipt proves by itself which job of which cluster it is of.
    /// The receipt waits for it. Without it the receipt has no certificate.
    // Left out when there is none: the specs in receipts of earlier versions are without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
}

/// How nonces are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Nonce {
    /// From key, digest and fresh randomness (RFC 6979 §3.6, or the library's own hedging).
    #[default]
    Hedged,
    /// RFC 6979.
    Deterministic,
}

/// What is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Message {
    /// The payload's bytes.
    #[default]
    Payload,
    /// A canonical encoding of job, id and payload.
    Bound,
}

/// How many signatures are checked before they are committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Verify {
    /// None.
    None,
    /// 1 in 1,024, at least one a unit.
    Sample,
    /// All.
    #[default]
    All,
}

words!(KeyRetention { Erase => "Erase", Keep => "Keep" });
words!(Nonce { Hedged => "Hedged", Deterministic => "Deterministic" });
words!(Message { Payload => "Payload", Bound => "Bound" });
words!(Verify { None => "None", Sample => "Sample", All => "All" });
