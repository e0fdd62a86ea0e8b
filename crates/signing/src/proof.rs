//! The whole way from one record to its job's root, as an export carries it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::merkle::{leaf, root_from_proof, verify_inclusion};
use crate::{BatchRoot, Digest, Hash, RawSignature, RecordName, Thumbprint};

/// Shows that a signature is one of those that a job's Merkle root stands for. Hashes are hexadecimal in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InclusionProof {
    /// Number of the record's batch, which is also its place among the job's batches.
    pub batch: i64,
    /// Number of batches in the job.
    pub batches: u64,
    /// First id of the batch's range.
    pub first: i64,
    /// Last id of the batch's range.
    pub last: i64,
    /// Records signed in the batch.
    pub signed: i64,
    /// Records rejected in the batch.
    pub rejected: i64,
    /// The key that signed the batch.
    pub kid: Thumbprint,
    /// Root over the batch's rejects.
    #[serde(with = "crate::proof::hex")]
    pub rejects_root: Hash,
    /// The record's place among the signed records of its batch.
    pub index: u64,
    /// Hashes beside the way from the record to the batch's tree root, lowest first.
    #[serde(with = "crate::proof::hexes")]
    pub batch_path: Vec<Hash>,
    /// Hashes beside the way from the batch to the job's root, lowest first.
    #[serde(with = "crate::proof::hexes")]
    pub job_path: Vec<Hash>,
}

impl InclusionProof {
    /// Whether this record of the job `job`, with this digest and signature, is under the job's root `root`.
    #[must_use]
    pub fn verify(
        &self,
        job: Uuid,
        name: impl Into<RecordName>,
        digest: &Digest,
        signature: &RawSignature,
        root: &Hash,
    ) -> bool {
        let (Ok(batch), Ok(signed)) = (u64::try_from(self.batch), u64::try_from(self.signed)) else { return false };
        let leaf = leaf(name, digest, signature);
        let Some(tree) = root_from_proof(&leaf, self.index, signed, &self.batch_path) else { return false };
        let batch_root = BatchRoot {
            job,
            batch: self.batch,
            first: self.first,
            last: self.last,
            signed: self.signed,
            rejected: self.rejected,
            key: self.kid,
            rejects: self.rejects_root,
            tree,
        };
        verify_inclusion(&batch_root.hash(), batch, self.batches, &self.job_path, root)
    }
}

/// A hash as hexadecimal text in JSON.
pub mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::Hash;
    use crate::merkle::{from_hex, to_hex};

    /// Writes it.
    ///
    /// # Errors
    /// When the serializer fails.
    pub fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(hash))
    }

    /// Reads it.
    ///
    /// # Errors
    /// When it is not 64 hexadecimal digits.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hex(&text).ok_or_else(|| de::Error::custom("not 64 hexadecimal digits"))
    }
}

/// A hash as hexadecimal text in JSON, when there is one.
pub(crate) mod optional_hex {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Hash;

    pub(crate) fn serialize<S: Serializer>(hash: &Option<Hash>, serializer: S) -> Result<S::Ok, S::Error> {
        match hash {
            Some(hash) => super::hex::serialize(hash, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hash>, D::Error> {
        #[derive(Deserialize)]
        struct Text(#[serde(with = "super::hex")] Hash);
        Option::<Text>::deserialize(deserializer).map(|text| text.map(|Text(hash)| hash))
    }
}

/// Many hashes as hexadecimal texts in JSON.
mod hexes {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::Hash;
    use crate::merkle::{from_hex, to_hex};

    pub(crate) fn serialize<S: Serializer>(hashes: &[Hash], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(hashes.iter().map(to_hex))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Hash>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let hashes: Option<Vec<Hash>> = texts.iter().map(|text| from_hex(text)).collect();
        hashes.ok_or_else(|| de::Error::custom("not 64 hexadecimal digits"))
    }
}
