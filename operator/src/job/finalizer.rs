//! Our finalizer, through which the operator cleans up before a SigningJob goes.
//!
//! Not kube-runtime's `finalizer()`: that retries a failed clean-up without an end, and ours has a deadline.

use kube::{
    Api, Client, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde_json::json;
use vaultstream_api::{SigningJob, names::FINALIZER};

use crate::job::deletion::ignore_absent;

/// Whether the object has our finalizer.
pub(crate) fn is_set(job: &SigningJob) -> bool {
    job.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

/// Adds our finalizer, unless the object has it. Returns whether it had it before: only then may work on the job begin. An
/// object without it may be gone already, and would leave behind whatever is made for it now.
pub(crate) async fn ensure(client: &Client, job: &SigningJob) -> Result<bool, kube::Error> {
    if is_set(job) {
        return Ok(true);
    }
    let mut finalizers = job.finalizers().to_vec();
    finalizers.push(FINALIZER.to_owned());
    write(client, &job.metadata, &finalizers).await?;
    Ok(false)
}

/// Removes our finalizer, if the object has it.
pub(crate) async fn remove(client: &Client, job: &ObjectMeta) -> Result<(), kube::Error> {
    let mut finalizers = job.finalizers.clone().unwrap_or_default();
    let before = finalizers.len();
    finalizers.retain(|finalizer| finalizer != FINALIZER);
    if finalizers.len() == before {
        return Ok(());
    }
    write(client, job, &finalizers).await
}

async fn write(client: &Client, job: &ObjectMeta, finalizers: &[String]) -> Result<(), kube::Error> {
    let namespace = job.namespace.as_deref().unwrap_or_default();
    let api = Api::<SigningJob>::namespaced(client.clone(), namespace);
    // Under the version that was read: a finalizer that another controller has added since is not lost.
    let patch = json!({"metadata": {"resourceVersion": job.resource_version, "finalizers": finalizers}});
    let name = job.name.as_deref().unwrap_or_default();
    ignore_absent(api.patch_metadata(name, &PatchParams::default(), &Patch::Merge(patch)).await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fixtures::signing_job;

    #[test]
    fn our_finalizer_is_found_among_others() {
        let is_set = |finalizers: &str| is_set(&signing_job(&format!("{{metadata: {{finalizers: [{finalizers}]}}}}")));
        assert!(is_set("vaultstream.dev/cleanup") && is_set("example.com/other, vaultstream.dev/cleanup"));
        assert!(!is_set("") && !is_set("example.com/other"));
    }
}
