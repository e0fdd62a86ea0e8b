//! How to sign, the same for every unit of a job.

use uuid::Uuid;
use vaultstream_api::Verify;

use super::key::SigningKey;
use crate::segment::SegmentKey;

/// How to sign, the same for every unit of a job.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignPlan {
    /// The job's uid, bound into every batch root.
    pub(crate) job: Uuid,
    /// How many signatures are checked before the commit.
    pub(crate) verify: Verify,
    /// Whether the digest goes into the signature's row.
    pub(crate) keep_digests: bool,
}

impl SignPlan {
    /// What the segments say that `key` has signed.
    pub(crate) fn segment_key(&self, key: &SigningKey) -> SegmentKey {
        SegmentKey { job: self.job, key: key.key, thumbprint: key.thumbprint, keep_digests: self.keep_digests }
    }
}
