//! Jobs of this program in a ledger: how they are created, named and described.

use base16ct::lower::encode_string;
use indicatif::HumanCount;
use uuid::Uuid;
use vaultstream_api::{DeletionPolicy, Retention, SigningJob};
use vaultstream_ledger::{Job, Ledger, NewJob, progress};
use vaultstream_signing::Digest;

use crate::error::Failure;

/// The cluster of this program's jobs in the ledger. Jobs of a Kubernetes cluster have that cluster's identity.
pub(crate) const CLUSTER: &str = "local";

/// A manifest as a new job for the ledger.
pub fn new_job(manifest: &SigningJob) -> NewJob {
    NewJob {
        uid: Uuid::new_v4(),
        cluster: CLUSTER.to_owned(),
        namespace: manifest.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        name: manifest.metadata.name.clone().unwrap_or_default(),
        spec: manifest.spec.clone(),
        generation: 1,
    }
}

/// A job's namespace and name, as commands accept them.
pub(crate) fn title(job: &Job) -> String {
    format!("{}/{}", job.namespace, job.name)
}

/// How much of a job is signed, as part of a sentence.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn how_far(ledger: &Ledger, job: &Job) -> Result<String, Failure> {
    let counts = progress(ledger, job.id).await.map_err(|error| Failure::of(&error))?;
    Ok(match (counts, job.total) {
        (Some(counts), Some(_)) => {
            let [signed, total] = [counts.signed, counts.total].map(|number| HumanCount(number.unsigned_abs()));
            format!("{signed} of {total} records are signed")
        }
        _ => "nothing is signed yet".to_owned(),
    })
}

/// SHA-256 of the job's receipt, in hexadecimal.
pub(crate) fn receipt_digest(job: &Job) -> Option<String> {
    job.receipt.as_deref().map(|receipt| encode_string(&Digest::of(receipt.as_bytes()).0))
}

/// The policy of a deletion that keeps nothing.
pub(crate) fn keep_nothing() -> DeletionPolicy {
    DeletionPolicy { signatures: Retention::Delete, records: Retention::Delete }
}
