//! Writing a status: phase and conditions at once, figures with patience, nothing when nothing differs.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde_json::json;
use uuid::Uuid;
use vaultstream_api::{Reason, SigningJob, SigningJobStatus};

use super::pace::Pace;
use crate::validate::Valid;

/// Who owns the fields of a status.
const MANAGER: &str = "vaultstream-status";
/// A status could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the status")]
pub(crate) struct StatusError(#[from] pub(crate) kube::Error);

/// Remembers when whose figures were written.
#[derive(Default)]
pub(crate) struct Publisher(Mutex<Pace>);

/// What came of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Written,
    /// There is nothing to write.
    Same,
    /// Only figures differ, and they have to wait this long for their turn.
    Later(Duration),
}

/// A status as the API server has it, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Written<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: Uuid,
    pub(crate) status: &'a SigningJobStatus,
}

impl<'a> From<&'a Valid> for Written<'a> {
    fn from(job: &'a Valid) -> Self {
        Self { namespace: job.namespace.as_str(), name: job.name.as_str(), uid: job.uid, status: &job.status }
    }
}

impl Publisher {
    /// Writes the status if it has to be.
    pub(crate) async fn publish(
        &self,
        client: &Client,
        old: Written<'_>,
        new: &SigningJobStatus,
    ) -> Result<Outcome, StatusError> {
        if new == old.status {
            return Ok(Outcome::Same);
        }
        if only_figures(old.status, new)
            && let Err(wait) = self.pace().turn(old.uid, Instant::now())
        {
            return Ok(Outcome::Later(wait));
        }
        self.pace().note(old.uid, Instant::now());
        let api = Api::<SigningJob>::namespaced(client.clone(), old.namespace);
        let patch = json!({"apiVersion": "vaultstream.dev/v1alpha1", "kind": "SigningJob", "status": new});
        let params = PatchParams::apply(MANAGER).force();
        vaultstream_faults::point("status-decided");
        match api.patch_status(old.name, &params, &Patch::Apply(&patch)).await {
            Ok(_) => Ok(Outcome::Written),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Outcome::Same),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets a job.
    pub(crate) fn forget(&self, uid: Uuid) {
        self.pace().forget(uid);
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether nothing differs but counts, rates, estimates and places in the queue: those move for all that wait whenever one
/// job begins.
fn only_figures(old: &SigningJobStatus, new: &SigningJobStatus) -> bool {
    let mut same = new.clone();
    for condition in same.conditions.iter_mut().filter(|condition| condition.reason == Reason::Queued.as_str()) {
        let before = old.conditions.iter().find(|old| old.type_ == condition.type_ && old.reason == condition.reason);
        if let Some(before) = before {
            condition.message.clone_from(&before.message);
        }
    }
    same.records.clone_from(&old.records);
    same.percent_done = old.percent_done;
    same.rate_per_second = old.rate_per_second;
    same.estimated_completion_time.clone_from(&old.estimated_completion_time);
    same.replicas = old.replicas;
    same.keys.clone_from(&old.keys);
    same == *old
}

/// Deletes a finished job whose time is over; answers how long it has left.
pub(crate) async fn delete_when_due(
    client: &Client,
    job: &Valid,
    status: &SigningJobStatus,
    now: Timestamp,
) -> Result<Option<Duration>, StatusError> {
    let (Some(ttl), Some(finished)) = (&job.spec.ttl_after_finished, &status.completion_time) else { return Ok(None) };
    let age = u64::try_from(now.as_second() - finished.0.as_second()).unwrap_or(0);
    let left = ttl.as_std().saturating_sub(Duration::from_secs(age));
    if !left.is_zero() {
        return Ok(Some(left));
    }
    let this_one = Preconditions { uid: Some(job.uid.to_string()), resource_version: None };
    let params = DeleteParams::background().preconditions(this_one);
    let api = Api::<SigningJob>::namespaced(client.clone(), job.namespace.as_str());
    match api.delete(job.name.as_str(), &params).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use vaultstream_api::{Phase, RecordCounts};

    use super::*;

    fn queued(place: usize) -> SigningJobStatus {
        let condition = Condition {
            type_: "Scaling".to_owned(),
            status: "False".to_owned(),
            reason: "Queued".to_owned(),
            message: format!("number {place} in the queue"),
            observed_generation: Some(1),
            last_transition_time: Time(Timestamp::default()),
        };
        SigningJobStatus { phase: Some(Phase::Queued), conditions: vec![condition], ..SigningJobStatus::default() }
    }

    #[test]
    fn figures_and_places_in_the_queue_can_wait() {
        let counted = SigningJobStatus { records: Some(RecordCounts::default()), ..queued(7) };
        assert!(only_figures(&queued(8), &queued(7)));
        assert!(only_figures(&queued(7), &counted));
    }

    #[test]
    fn phases_and_reasons_cannot() {
        let begun = SigningJobStatus { phase: Some(Phase::Signing), ..queued(1) };
        assert!(!only_figures(&queued(1), &begun));
        let mut faulty = queued(1);
        faulty.conditions[0].reason = "LedgerUnavailable".to_owned();
        assert!(!only_figures(&queued(1), &faulty));
    }
}
