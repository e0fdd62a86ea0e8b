//! From signed records to what the commit sends: COPY rows, Merkle roots and rejects, one segment a batch.

use uuid::Uuid;
use vaultstream_ledger::{
    BatchNo, KeyId,
    commit::{Reject, Segment},
    copy,
};
use vaultstream_signing::{BatchRoot, Hash, RawSignature, Thumbprint, merkle};

use crate::unit::BatchRecords;

/// What a segment says beside its records.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentKey {
    /// The job's uid, bound into every batch root.
    pub(crate) job: Uuid,
    /// The key in the ledger.
    pub(crate) key: KeyId,
    /// RFC 7638 thumbprint of its public key.
    pub(crate) thumbprint: Thumbprint,
    /// Whether the digest goes into the signature's row: for table sources, whose payload may change later.
    pub(crate) keep_digests: bool,
}

/// A segment whose root the key has not signed yet.
#[derive(Debug)]
pub(crate) struct Unsealed(Segment);

impl Unsealed {
    /// The batch.
    pub(crate) fn number(&self) -> BatchNo {
        self.0.batch
    }

    /// What is sealed.
    pub(crate) fn root(&self) -> Hash {
        self.0.root
    }

    /// The segment with its seal.
    pub(crate) fn sealed(self, seal: RawSignature) -> Segment {
        Segment { seal, ..self.0 }
    }
}

/// The segment of a batch whose `records` are signed, in their order, and of which `failed` are rejected besides.
pub(crate) fn segment(
    records: &BatchRecords,
    signatures: &[RawSignature],
    failed: Vec<Reject>,
    key: &SegmentKey,
) -> Unsealed {
    let BatchRecords { range, ids, digests, rejects, .. } = records;
    let rows = copy::signature_rows(ids, key.key.0, signatures, key.keep_digests.then_some(digests.as_slice()));
    let mut tree = merkle::Tree::new();
    for ((&id, digest), signature) in ids.iter().zip(digests).zip(signatures) {
        tree.push(merkle::leaf(records.name(id), digest, signature));
    }
    let mut rejects = rejects.clone();
    rejects.extend(failed);
    rejects.sort_by_key(|reject| reject.id);
    let mut reject_tree = merkle::Tree::new();
    for reject in &rejects {
        reject_tree.push(merkle::reject_leaf(records.name(reject.id), &reject.reason));
    }
    let (signed, rejected) = (signatures.len() as i64, rejects.len() as i64);
    let tree = tree.root();
    let root = BatchRoot {
        job: key.job,
        batch: range.batch.0,
        first: range.first,
        last: range.last,
        signed,
        rejected,
        key: if signed == 0 { Thumbprint([0; 32]) } else { key.thumbprint },
        rejects: reject_tree.root(),
        tree,
    }
    .hash();
    Unsealed(Segment {
        batch: range.batch,
        first: range.first,
        last: range.last,
        rows: signed + rejected,
        signed,
        rejected,
        root,
        tree,
        seal: RawSignature::EMPTY,
        copy: rows.into(),
        rejects,
    })
}
