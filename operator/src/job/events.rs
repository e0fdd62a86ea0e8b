//! Events of a SigningJob.

use kube::{
    Resource,
    runtime::events::{Event, EventType, Recorder},
};
use vaultstream_api::SigningJob;

/// The longest note, in characters: the API takes 1,024 bytes.
const NOTE_LIMIT: usize = 900;

/// Publishes an Event. A failure is logged and nothing else: Events are no part of the job.
pub(crate) async fn announce(recorder: &Recorder, job: &SigningJob, type_: EventType, reason: &str, note: &str) {
    let event = Event {
        type_,
        reason: reason.to_owned(),
        note: Some(note.chars().take(NOTE_LIMIT).collect()),
        action: "Reconcile".to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, &job.object_ref(&())).await {
        tracing::debug!(%error, "an Event was refused");
    }
}
