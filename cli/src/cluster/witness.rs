//! The receipt that the cluster knows of a job: a witness outside of the ledger.

use uuid::Uuid;
use vaultstream_api::{ReceiptSummary, SigningJob};

use super::Cluster;
use crate::{
    args::{ClusterArgs, ReceiptDigest},
    error::Failure,
};

/// What the status of a SigningJob says of its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    /// It has this digest.
    Receipt(ReceiptDigest),
    /// Nothing: the operator has not written one.
    NoReceipt,
    /// The cluster has no such SigningJob, or a later one of its name.
    NoJob,
}

impl Witness {
    /// Reads the status of the job with this name and uid.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn of(args: &ClusterArgs, namespace: &str, name: &str, uid: Uuid) -> Result<Self, Failure> {
        let cluster = Cluster::of(args).await?;
        let found = cluster.signing_job(namespace, name).await?;
        found.filter(|job| is_uid(job, uid)).map_or(Ok(Self::NoJob), |job| Self::of_status(&job))
    }

    fn of_status(job: &SigningJob) -> Result<Self, Failure> {
        let receipt = job.status.as_ref().and_then(|status| status.receipt.as_ref());
        let Some(ReceiptSummary { digest, .. }) = receipt else { return Ok(Self::NoReceipt) };
        let digest = digest
            .parse()
            .map_err(|error| Failure::bad_input(format!("status.receipt.digest of the SigningJob: {error}")))?;
        Ok(Self::Receipt(digest))
    }
}

/// Whether a SigningJob has this uid.
pub(super) fn is_uid(job: &SigningJob, uid: Uuid) -> bool {
    job.metadata.uid.as_deref().and_then(|text| text.parse::<Uuid>().ok()) == Some(uid)
}
