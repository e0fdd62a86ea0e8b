//! The hash that stands for one whole batch in its job's tree: what was signed, what was rejected, and by which key.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::merkle::BATCH;
use crate::{Hash, Thumbprint};

/// Everything a batch's root covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRoot {
    /// Uid of the job.
    pub job: Uuid,
    /// Number of the batch in its job.
    pub batch: i64,
    /// First id of its range.
    pub first: i64,
    /// Last id of its range.
    pub last: i64,
    /// Records signed.
    pub signed: i64,
    /// Records rejected.
    pub rejected: i64,
    /// The key that signed; [`Thumbprint::ZERO`] when nothing was signed.
    pub key: Thumbprint,
    /// Root over [`reject_leaf`](crate::merkle::reject_leaf)s, ids ascending.
    pub rejects: Hash,
    /// Root over [`leaf`](crate::merkle::leaf)s, ids ascending.
    pub tree: Hash,
}

impl BatchRoot {
    /// SHA-256(0x02 ‖ uid ‖ batch ‖ first ‖ last ‖ signed ‖ rejected ‖ key thumbprint ‖ root of the rejects ‖ tree),
    /// numbers as 8 bytes big-endian. These hashes, batches ascending, are the leaves of the job's tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let Self { job, batch, first, last, signed, rejected, key, rejects, tree } = self;
        let mut hasher = Sha256::new_with_prefix([BATCH]);
        hasher.update(job.as_bytes());
        for number in [batch, first, last, signed, rejected] {
            hasher.update(number.to_be_bytes());
        }
        hasher.chain_update(key.0).chain_update(rejects).chain_update(tree).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_covers_the_documented_bytes() {
        let root = BatchRoot {
            job: Uuid::from_u128(1),
            batch: 2,
            first: 3,
            last: 4,
            signed: 5,
            rejected: 6,
            key: Thumbprint([7; 32]),
            rejects: [8; 32],
            tree: [9; 32],
        };
        let mut bytes = vec![2];
        bytes.extend_from_slice(&1_u128.to_be_bytes());
        for number in 2_u64..=6 {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        for value in 7..=9 {
            bytes.extend_from_slice(&[value; 32]);
        }
        assert_eq!(root.hash(), <Hash>::from(Sha256::digest(bytes)));
    }
}
