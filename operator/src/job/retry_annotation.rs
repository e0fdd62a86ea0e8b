//! The annotation that has rejects tried again. It is removed, and an Event is published, once that has begun or cannot be
//! done.

use kube::{
    Api,
    api::{Patch, PatchParams},
    runtime::events::EventType,
};
use serde_json::json;
use vaultstream_api::{SigningJob, names::RETRY_REJECTS};

use crate::job::{context::Context, events::announce, validate::ValidJob};

/// The annotation could not be removed.
#[derive(Debug, thiserror::Error)]
#[error("failed to remove the annotation {RETRY_REJECTS}")]
pub(crate) struct RetryError(#[from] kube::Error);

/// The outcome that is announced.
pub(crate) enum RetryOutcome {
    /// This many rejects are tried again.
    Begun(i64),
    /// The job has ended, and an end is final.
    TooLate,
}

/// Removes the annotation and announces the outcome.
pub(crate) async fn acknowledge(
    ctx: &Context,
    job: &SigningJob,
    valid: &ValidJob,
    outcome: RetryOutcome,
) -> Result<(), RetryError> {
    let api = Api::<SigningJob>::namespaced(ctx.client.clone(), valid.namespace.as_str());
    let patch = Patch::Merge(json!({"metadata": {"annotations": {RETRY_REJECTS: null}}}));
    api.patch(valid.name.as_str(), &PatchParams::default(), &patch).await?;
    let (kind, reason, note) = match outcome {
        RetryOutcome::Begun(rejects) => {
            (EventType::Normal, "RejectsRetried", format!("trying {rejects} rejected records again"))
        }
        RetryOutcome::TooLate => {
            let note = "the job has ended for good: create a new one for the records that were rejected";
            (EventType::Warning, "RetryRefused", note.to_owned())
        }
    };
    announce(&ctx.recorder, job, kind, reason, &note).await;
    Ok(())
}
