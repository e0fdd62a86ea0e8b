//! What children have in common.

use kube::api::ObjectMeta;
use vaultstream_api::names::child_labels;

use crate::job::validate::ValidJob;

/// The fewest and the most workers that a scaler may ask for.
pub(super) fn bounds(job: &ValidJob, max_workers: u32) -> (i32, i32) {
    let max = job.spec.workers.max_replicas.min(max_workers).max(1);
    let min = job.spec.workers.min_replicas.clamp(1, max);
    let signed = |number| i32::try_from(number).unwrap_or(i32::MAX);
    (signed(min), signed(max))
}

/// Name, labels and owner of a child.
pub(super) fn metadata(job: &ValidJob, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(job.namespace.to_string()),
        labels: Some(child_labels(&job.name, &job.uid.to_string())),
        owner_references: Some(vec![job.owner.clone()]),
        ..ObjectMeta::default()
    }
}
