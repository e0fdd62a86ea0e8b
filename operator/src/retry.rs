//! The annotation that has rejects tried again: taken off, with an Event, once that is done or cannot be.

use kube::{
    Api,
    api::{Patch, PatchParams},
    runtime::events::EventType,
};
use serde_json::json;
use vaultstream_api::{SigningJob, names::RETRY_REJECTS};

use crate::{context::Context, reconcile::announce, validate::Valid};

/// The annotation could not be taken off.
#[derive(Debug, thiserror::Error)]
#[error("failed to remove the annotation {RETRY_REJECTS}")]
pub(crate) struct RetryError(#[from] kube::Error);

/// What came of it.
pub(crate) enum Retry {
    /// So many rejects are tried again.
    Begun(i64),
    /// The job has ended, and an end is final.
    TooLate,
}

/// Answers whoever set the annotation.
pub(crate) async fn answer(ctx: &Context, job: &SigningJob, valid: &Valid, retry: Retry) -> Result<(), RetryError> {
    let api = Api::<SigningJob>::namespaced(ctx.client.clone(), valid.namespace.as_str());
    let patch = Patch::Merge(json!({"metadata": {"annotations": {RETRY_REJECTS: null}}}));
    api.patch(valid.name.as_str(), &PatchParams::default(), &patch).await?;
    let (kind, reason, note) = match retry {
        Retry::Begun(rejects) => {
            (EventType::Normal, "RejectsRetried", format!("trying {rejects} rejected records again"))
        }
        Retry::TooLate => {
            let note = "the job has ended for good: create a new one for the records that were rejected";
            (EventType::Warning, "RetryRefused", note.to_owned())
        }
    };
    announce(ctx, job, kind, reason, &note).await;
    Ok(())
}
