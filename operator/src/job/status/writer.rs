//! Writes a status: phase and conditions at once, figures as the rate limit allows, nothing when nothing differs.
//!
//! A status is written over the version that it was computed from. A cache may lag behind: the object may have another status
//! by now, or its name may belong to another job.

use std::time::{Duration, Instant};

use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use parking_lot::Mutex;
use serde_json::json;
use uuid::Uuid;
use vaultstream_api::{Reason, SigningJob, SigningJobStatus};

use crate::job::{status::rate_limit::StatusRateLimit, validate::ValidJob};

/// The field manager that owns the status.
const STATUS_MANAGER: &str = "vaultstream-status";
/// The delay after a write over an older version. The watch usually brings the newer one before.
const STALE_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// A status could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the status")]
pub(crate) struct StatusError(#[from] pub(crate) kube::Error);

/// Writes statuses, and remembers when figures were written.
#[derive(Default)]
pub(crate) struct StatusWriter(Mutex<StatusRateLimit>);

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    Written,
    /// Nothing differs, or the job is gone.
    Unchanged,
    /// Nothing is written before this delay: only figures differ, or a newer version of the object exists.
    Deferred(Duration),
}

/// A status as the API server has it, and the job that it belongs to.
#[derive(Clone, Copy)]
pub(crate) struct StoredStatus<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) uid: Uuid,
    pub(crate) version: Option<&'a str>,
    pub(crate) status: &'a SigningJobStatus,
}

impl<'a> From<&'a ValidJob> for StoredStatus<'a> {
    fn from(job: &'a ValidJob) -> Self {
        Self {
            namespace: job.namespace.as_str(),
            name: job.name.as_str(),
            uid: job.uid,
            version: job.version.as_deref(),
            status: &job.status,
        }
    }
}

impl StatusWriter {
    /// Writes the status if it differs from the stored one.
    pub(crate) async fn write(
        &self,
        client: &Client,
        stored: StoredStatus<'_>,
        new: &SigningJobStatus,
    ) -> Result<WriteOutcome, StatusError> {
        if new == stored.status {
            return Ok(WriteOutcome::Unchanged);
        }
        if only_figures(stored.status, new)
            && let Err(delay) = self.0.lock().try_acquire(stored.uid, Instant::now())
        {
            return Ok(WriteOutcome::Deferred(delay));
        }
        self.0.lock().record(stored.uid, Instant::now());
        let api = Api::<SigningJob>::namespaced(client.clone(), stored.namespace);
        let patch = json!({
            "apiVersion": "vaultstream.dev/v1alpha1",
            "kind": "SigningJob",
            "metadata": {"resourceVersion": stored.version},
            "status": new,
        });
        let params = PatchParams::apply(STATUS_MANAGER).force();
        vaultstream_faults::point("status-decided");
        match api.patch_status(stored.name, &params, &Patch::Apply(&patch)).await {
            Ok(_) => Ok(WriteOutcome::Written),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(WriteOutcome::Unchanged),
            Err(kube::Error::Api(status)) if status.is_conflict() => Ok(WriteOutcome::Deferred(STALE_RETRY_INTERVAL)),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets a job.
    pub(crate) fn forget(&self, uid: Uuid) {
        self.0.lock().forget(uid);
    }
}

/// Whether only counts, rates, estimates, checkpoints and positions in the queue differ. The positions of all waiting jobs change whenever
/// one job is admitted.
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
    same.following.clone_from(&old.following);
    same.checkpoint.clone_from(&old.checkpoint);
    same == *old
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
    use vaultstream_api::{CheckpointSummary, FollowingStatus, Phase, RecordCounts};

    use super::*;

    fn condition(type_: &str, message: &str) -> Condition {
        Condition {
            type_: type_.to_owned(),
            status: "False".to_owned(),
            reason: "Queued".to_owned(),
            message: message.to_owned(),
            observed_generation: Some(1),
            last_transition_time: Time(jiff::Timestamp::default()),
        }
    }

    fn queued(position: usize) -> SigningJobStatus {
        let position = condition("Scaling", &format!("number {position} in the queue"));
        let conditions = vec![condition("Ready", "the job is waiting for its turn"), position];
        SigningJobStatus { phase: Some(Phase::Queued), conditions, ..SigningJobStatus::default() }
    }

    #[test]
    fn a_job_that_is_gone_is_forgotten() {
        let (writer, uid, now) = (StatusWriter::default(), Uuid::from_u128(1), Instant::now());
        writer.0.lock().record(uid, now);
        writer.forget(uid);
        assert_eq!(writer.0.lock().try_acquire(uid, now), Ok(()));
    }

    #[test]
    fn figures_and_positions_in_the_queue_can_wait() {
        let counted = SigningJobStatus { records: Some(RecordCounts::default()), ..queued(7) };
        assert!(only_figures(&queued(8), &queued(7)));
        assert!(only_figures(&queued(7), &counted));
        let late = SigningJobStatus { following: Some(FollowingStatus::default()), ..queued(7) };
        assert!(only_figures(&queued(7), &late));
        let summary = CheckpointSummary {
            number: 1,
            digest: String::new(),
            merkle_root: String::new(),
            records: 1,
            batches: 1,
            time: Time(jiff::Timestamp::default()),
        };
        assert!(only_figures(&queued(7), &SigningJobStatus { checkpoint: Some(summary), ..queued(7) }));
    }

    #[test]
    fn phases_and_reasons_are_written_at_once() {
        let begun = SigningJobStatus { phase: Some(Phase::Signing), ..queued(1) };
        assert!(!only_figures(&queued(1), &begun));
        let mut faulty = queued(1);
        faulty.conditions[0].reason = "LedgerUnavailable".to_owned();
        assert!(!only_figures(&queued(1), &faulty));
    }
}
