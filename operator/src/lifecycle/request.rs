//! What the reconciler tells a job's task.

use std::time::SystemTime;

use uuid::Uuid;
use vaultstream_api::SigningJobSpec;
use vaultstream_certificates::JobName;

/// What a SigningJob asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct JobRequest {
    pub(crate) uid: Uuid,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) created: SystemTime,
    pub(crate) spec: SigningJobSpec,
    /// The generation of `spec`.
    pub(crate) generation: i64,
    /// Its rejects are to be tried again.
    pub(crate) retry_rejects: bool,
}

/// When a SigningJob was created, and its uid: what jobs are ordered by.
pub(crate) type JobAge = (SystemTime, Uuid);

impl JobRequest {
    /// The job's place in the order of age.
    pub(crate) fn age(&self) -> JobAge {
        (self.created, self.uid)
    }

    /// The job's name in the certificate of its receipt key, in this cluster.
    pub(crate) fn name<'a>(&'a self, cluster: &'a str) -> JobName<'a> {
        JobName { cluster, namespace: &self.namespace, name: &self.name, uid: self.uid }
    }
}

/// What this leader, or one before it, has seen in the ledger. A ledger that has less has lost something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownProgress {
    /// The job had more than a row: partitions and keys were made for it.
    pub(crate) begun: bool,
    /// Records signed.
    pub(crate) signed: i64,
}
