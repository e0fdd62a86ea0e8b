//! The receipt of a job: what was signed, by which keys, under which root, as a JWS that anyone can check. docs/formats.md has
//! its formats.

mod checkpoint;
mod details;
mod format;
mod jws;
mod key_uses;
mod signed_checkpoint;
mod written;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::{Backend, Digest, Hash};

pub use checkpoint::Checkpoint;
pub use details::{IdsAre, ReceiptDetails, SignedSource};
pub use format::{ReceiptFormat, UnknownFormat};
pub use jws::{ReceiptError, certificate_chain, sign_receipt, verify_receipt};
pub use key_uses::{KeyTree, KeyUse, KeyUseCollector, KeyUses, LISTED_KEYS_LIMIT};
pub use signed_checkpoint::{SignedCheckpoint, checkpoint_digest};

/// The summary of a finished job, or of the batches that a checkpoint covers. Hashes are hexadecimal in JSON, times RFC 3339 in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The format of this receipt.
    #[serde(default = "ReceiptFormat::first", skip_serializing_if = "ReceiptFormat::is_first")]
    pub format_version: ReceiptFormat,
    /// Uid of the job.
    pub uid: Uuid,
    /// Namespace of the job.
    pub namespace: String,
    /// Name of the job.
    pub name: String,
    /// SHA-256 of the job's specification.
    #[serde(with = "crate::proof::hex")]
    pub spec_hash: Hash,
    /// How many records the job had, and what became of them.
    pub records: Totals,
    /// The job's Merkle root, over its batches ascending.
    #[serde(with = "crate::proof::hex")]
    pub merkle_root: Hash,
    /// Root over all the job's rejects, ids ascending, or of a checkpoint in the order of its batches; absent when there are none. Earlier
    /// versions left it out always.
    #[serde(with = "crate::proof::optional_hex", default, skip_serializing_if = "Option::is_none")]
    pub rejects_root: Option<Hash>,
    /// The keys that signed records of the job.
    #[serde(flatten)]
    pub keys: KeyUses,
    /// The implementations that signed: workers on different processors may use different ones. Receipts of version 0.1
    /// before ledgers of version 8 name one, as `backend`.
    #[serde(alias = "backend", deserialize_with = "one_or_several")]
    pub backends: Vec<Backend>,
    /// What was checked before each commit: `None`, `Sample` or `All`.
    pub verify: String,
    /// When signing began.
    pub started_at: String,
    /// When the last record was done.
    pub completed_at: String,
    /// Its place among the checkpoints of a job that follows its table; `None` in receipts of other jobs.
    #[serde(default, deserialize_with = "written::written", skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// What receipts say since format 3; `None` in earlier ones.
    #[serde(flatten)]
    pub details: Option<ReceiptDetails>,
}

/// What became of a job's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Records that the job had: signed and rejected ones.
    pub total: u64,
    /// Records with a signature.
    pub signed: u64,
    /// Records with a reason why they have none.
    pub rejected: u64,
    /// Records that came or went in a source table between planning and signing.
    pub changed: u64,
}

/// A job's spec as canonical JSON: object members sorted, no white space (RFC 8785 for what a spec may hold).
#[must_use]
pub fn canonical_json(spec: &impl Serialize) -> String {
    // A serde_json map keeps its members sorted, and a spec holds no floating point numbers.
    serde_json::to_value(spec).map(|spec| spec.to_string()).unwrap_or_default()
}

/// SHA-256 of a job's spec as canonical JSON.
#[must_use]
pub fn spec_hash(spec: &impl Serialize) -> Hash {
    Digest::of(canonical_json(spec).as_bytes()).0
}

fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Backend>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Backends {
        One(Backend),
        Several(Vec<Backend>),
    }
    Ok(match Backends::deserialize(deserializer)? {
        Backends::One(backend) => vec![backend],
        Backends::Several(backends) => backends,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_s_hash_depends_on_its_members_and_not_on_their_order() {
        #[derive(Serialize)]
        struct Forward {
            a: u32,
            b: [&'static str; 2],
        }
        #[derive(Serialize)]
        struct Backward {
            b: [&'static str; 2],
            a: u32,
        }
        let hash = spec_hash(&Forward { a: 1, b: ["x", "y"] });
        assert_eq!(hash, Digest::of(br#"{"a":1,"b":["x","y"]}"#).0);
        assert_eq!(hash, spec_hash(&Backward { b: ["x", "y"], a: 1 }));
        assert_ne!(hash, spec_hash(&Forward { a: 1, b: ["y", "x"] }));
    }
}
