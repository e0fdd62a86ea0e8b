//! What a job needs now: children or none, and how many workers. Pure.

use vaultstream_ledger::JobState;

use crate::{
    job::{children::ObservedChildren, validate::ValidJob},
    lifecycle::{admission::needs_workers, snapshot::JobSnapshot},
    scaling::{
        backlog_cache::{BacklogUnknown, JobLoad},
        scaler_selection::Scaler,
    },
};

/// What a job needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobNeed {
    /// Whether it is to have children.
    pub(crate) children: bool,
    /// How many workers. `None` leaves the number as it is: unknown is never zero.
    pub(crate) workers: Option<u32>,
}

/// What the job needs, from what is known of it.
pub(crate) fn need(
    job: &ValidJob,
    snapshot: &JobSnapshot,
    observed: &ObservedChildren,
    load: &Result<Option<JobLoad>, BacklogUnknown>,
) -> JobNeed {
    let row = snapshot.job.as_ref();
    let children = match row {
        _ if snapshot.lost().is_some() => false,
        Some(row) => needs_workers(row) && !row.suspended && snapshot.queued.is_none(),
        // Before the ledger was read, the children that exist are kept.
        None => observed.deployment.is_some() && !job.spec.suspend,
    };
    if !children {
        return JobNeed { children, workers: Some(0) };
    }
    let fault = snapshot.fault.as_ref().filter(|fault| !fault.is_of_source());
    let workers = match (row.map(|row| row.state), fault, load) {
        (_, Some(_), _) | (None, ..) | (_, _, Err(BacklogUnknown)) => None,
        // One worker plans the table, one makes the receipt.
        (Some(JobState::Seeding | JobState::Finishing), ..) => Some(1),
        // The last batches may be on their way to the ledger: one worker is kept until all records are signed.
        (Some(_), None, Ok(Some(load))) => Some(load.desired_workers.max(1)),
        // The backlog was not counted yet, but there is one.
        (Some(_), None, Ok(None)) => Some(job.spec.workers.min_replicas.max(1)),
    };
    JobNeed { children, workers }
}

/// The number to write into `/scale`; `None` when none is to be written. An autoscaler takes a Deployment without replicas for
/// one that is switched off, so the operator raises it from zero. From one replica on the autoscaler is left alone.
pub(crate) fn replicas(
    job: &ValidJob,
    scaler: Scaler,
    observed: &ObservedChildren,
    granted: Option<u32>,
) -> Option<u32> {
    let granted = granted?;
    match (scaler, observed.replicas()) {
        (Scaler::Direct, _) | (_, None) => Some(granted),
        (Scaler::Hpa | Scaler::Keda, Some(0)) => Some(granted.min(job.spec.workers.min_replicas.max(1))),
        (Scaler::Hpa | Scaler::Keda, Some(_)) => None,
    }
}

/// The workers' image. A job keeps the image it began with, unless an annotation makes it follow the operator's.
pub(crate) fn image(job: &ValidJob, observed: &ObservedChildren, newest: &str) -> String {
    match (&job.status.worker_image, &observed.deployment) {
        (Some(image), Some(_)) if !job.upgrade_workers => image.clone(),
        _ => newest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_api::Reason;

    use super::*;
    use crate::{
        job::fixtures::{faulty, load, snapshot, table, valid_job, with_replicas},
        lifecycle::queue_position::QueuePosition,
    };

    const NONE: JobNeed = JobNeed { children: false, workers: Some(0) };

    fn needs(workers: Option<u32>) -> JobNeed {
        JobNeed { children: true, workers }
    }

    fn of_table(state: JobState) -> JobSnapshot {
        let mut snapshot = snapshot(state);
        snapshot.job.as_mut().unwrap().spec.source = table();
        snapshot
    }

    fn suspended(state: JobState) -> JobSnapshot {
        let mut snapshot = snapshot(state);
        snapshot.job.as_mut().unwrap().suspended = true;
        snapshot
    }

    #[test]
    fn a_job_has_workers_while_it_is_admitted_and_signs() {
        let job = valid_job("{}");
        let queued = JobSnapshot { queued: Some(QueuePosition::Exact(1)), ..snapshot(JobState::Signing) };
        let table = [
            (snapshot(JobState::Pending), NONE),
            (snapshot(JobState::Seeding), NONE),
            (of_table(JobState::Seeding), needs(Some(1))),
            (JobSnapshot { queued: Some(QueuePosition::Exact(1)), ..of_table(JobState::Seeding) }, NONE),
            (of_table(JobState::Pending), NONE),
            (snapshot(JobState::Signing), needs(Some(7))),
            (queued, NONE),
            (suspended(JobState::Signing), NONE),
            (snapshot(JobState::Finishing), needs(Some(1))),
            (suspended(JobState::Finishing), NONE),
            (snapshot(JobState::Complete), NONE),
            (snapshot(JobState::Failed), NONE),
            (snapshot(JobState::Deleting), NONE),
            (faulty(JobState::Signing, Reason::LedgerLost), NONE),
            // Workers find out when it is over.
            (faulty(JobState::Signing, Reason::SourceUnusable), needs(Some(7))),
        ];
        for (snapshot, expected) in table {
            let need = need(&job, &snapshot, &with_replicas(2), &Ok(Some(load(7))));
            assert_eq!(need, expected, "{snapshot:?}");
        }
    }

    #[test]
    fn the_number_of_workers_is_left_as_it_is_while_something_is_unknown() {
        let job = valid_job("{}");
        let known = Ok(Some(load(7)));
        let table = [
            (JobSnapshot::default(), &known),
            (faulty(JobState::Signing, Reason::LedgerUnavailable), &known),
            (faulty(JobState::Finishing, Reason::StreamsUnavailable), &known),
            (snapshot(JobState::Signing), &Err(BacklogUnknown)),
            (snapshot(JobState::Finishing), &Err(BacklogUnknown)),
        ];
        for (snapshot, load) in table {
            assert_eq!(need(&job, &snapshot, &with_replicas(2), load), needs(None), "{snapshot:?}");
        }
    }

    #[test]
    fn before_the_ledger_was_read_children_are_kept_but_not_created() {
        let unread = JobSnapshot::default();
        let need = |job: &str, observed| need(&valid_job(job), &unread, &observed, &Err(BacklogUnknown));
        assert_eq!(need("{}", with_replicas(2)), needs(None));
        assert_eq!(need("{}", ObservedChildren::default()), NONE);
        assert_eq!(need("{spec: {suspend: true}}", with_replicas(2)), NONE);
    }

    #[test]
    fn a_job_that_signs_has_one_worker_at_least() {
        let need = |job: &str, load| need(&valid_job(job), &snapshot(JobState::Signing), &with_replicas(2), &Ok(load));
        let four = "{spec: {workers: {minReplicas: 4}}}";
        assert_eq!(need("{}", Some(load(0))), needs(Some(1)), "the last batches may be on their way to the ledger");
        assert_eq!(need("{}", None), needs(Some(1)), "the backlog was not counted yet");
        assert_eq!(need(four, None), needs(Some(4)), "the backlog was not counted yet");
    }

    #[test]
    fn the_operator_writes_the_number_unless_an_autoscaler_has_raised_it() {
        let job = valid_job("{spec: {workers: {minReplicas: 2}}}");
        let absent = ObservedChildren::default;
        let table = [
            (Scaler::Direct, with_replicas(5), Some(7), Some(7)),
            (Scaler::Direct, with_replicas(5), None, None),
            (Scaler::Hpa, absent(), Some(7), Some(7)),
            (Scaler::Hpa, with_replicas(0), Some(7), Some(2)),
            (Scaler::Hpa, with_replicas(0), Some(1), Some(1)),
            (Scaler::Hpa, with_replicas(1), Some(7), None),
            (Scaler::Keda, with_replicas(0), Some(7), Some(2)),
            (Scaler::Keda, with_replicas(0), None, None),
            (Scaler::Keda, with_replicas(3), Some(0), None),
        ];
        for (scaler, observed, granted, expected) in table {
            let written = replicas(&job, scaler, &observed, granted);
            assert_eq!(written, expected, "{scaler:?}, {:?} now, {granted:?} granted", observed.replicas());
        }
        let without_minimum = replicas(&valid_job("{}"), Scaler::Hpa, &with_replicas(0), Some(7));
        assert_eq!(without_minimum, Some(1), "an autoscaler takes zero replicas for switched off");
    }

    #[test]
    fn workers_keep_their_image_until_they_are_to_be_upgraded() {
        let began = "{status: {workerImage: old}}";
        let upgraded = "
            metadata: {annotations: {vaultstream.dev/upgrade-workers: 'true'}}
            status: {workerImage: old}";
        assert_eq!(image(&valid_job(began), &with_replicas(1), "new"), "old");
        assert_eq!(image(&valid_job(upgraded), &with_replicas(1), "new"), "new");
        assert_eq!(image(&valid_job(began), &ObservedChildren::default(), "new"), "new", "it has no Deployment");
        assert_eq!(image(&valid_job("{}"), &with_replicas(1), "new"), "new");
    }
}
