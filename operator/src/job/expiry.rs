//! The end of a finished job's time to live.

use std::time::Duration;

use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{DeleteParams, Preconditions},
};
use vaultstream_api::{SigningJob, SigningJobStatus};

use crate::job::validate::ValidJob;

/// The delay after a deletion that met a conflict.
const CONFLICT_RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// How long a finished job is still kept: zero when it is due, `None` when it is kept for ever.
fn time_left(job: &ValidJob, status: &SigningJobStatus, now: Timestamp) -> Option<Duration> {
    let (ttl, finished) = job.spec.ttl_after_finished.as_ref().zip(status.completion_time.as_ref())?;
    let age = u64::try_from(now.as_second() - finished.0.as_second()).unwrap_or(0);
    Some(ttl.as_std().saturating_sub(Duration::from_secs(age)))
}

/// Deletes the job if it is due. Returns how long it has left; `None` when there is nothing to wait for.
pub(crate) async fn delete_when_due(
    client: &Client,
    job: &ValidJob,
    status: &SigningJobStatus,
    now: Timestamp,
) -> Result<Option<Duration>, kube::Error> {
    let Some(left) = time_left(job, status, now) else { return Ok(None) };
    if !left.is_zero() {
        return Ok(Some(left));
    }
    let this_one = Preconditions { uid: Some(job.uid.to_string()), resource_version: None };
    let params = DeleteParams::background().preconditions(this_one);
    let api = Api::<SigningJob>::namespaced(client.clone(), job.namespace.as_str());
    match api.delete(job.name.as_str(), &params).await {
        Ok(_) => Ok(None),
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(None),
        // Another job has the name, or the object was being written: the watch brings it, or the next attempt deletes it.
        Err(kube::Error::Api(status)) if status.is_conflict() => Ok(Some(CONFLICT_RETRY_INTERVAL)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fixtures::{now, valid_job};

    #[test]
    fn a_finished_job_is_kept_for_its_time_to_live() {
        let left = |yaml: &str| {
            let job = valid_job(yaml);
            time_left(&job, &job.status, now())
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let finished = |ttl: &str, at: &str| {
            left(&format!("{{spec: {{ttlAfterFinished: {ttl}}}, status: {{completionTime: '2026-01-01T00:0{at}Z'}}}}"))
        };
        assert_eq!(finished("1m", "0:30"), seconds(30));
        assert_eq!(finished("1m", "0:00"), seconds(0), "it is due");
        assert_eq!(finished("10s", "0:00"), seconds(0), "it is overdue");
        assert_eq!(finished("1m", "2:00"), seconds(60), "the clocks differ");
        assert_eq!(left("{spec: {ttlAfterFinished: 1m}}"), None, "it has not finished");
        assert_eq!(left("{status: {completionTime: '2026-01-01T00:00:00Z'}}"), None, "it is kept");
    }
}
