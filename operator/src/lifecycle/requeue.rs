//! Requeues a job for a reconcile when its task has a new snapshot, so that reconciles need not poll often.

use std::{collections::HashMap, sync::Arc};

use kube::runtime::reflector::ObjectRef;
use tokio::sync::{mpsc, watch};
use vaultstream_api::SigningJob;

use crate::lifecycle::snapshot::JobSnapshot;

/// Jobs that may wait to be requeued. One that does not fit is reconciled by its next poll.
const QUEUE_LIMIT: usize = 4096;

type JobRef = ObjectRef<kube::core::DeserializeGuard<SigningJob>>;

/// Leads to the controller of each job's namespace. Cheap to clone.
#[derive(Clone)]
pub(crate) struct RequeueSender(Arc<HashMap<String, mpsc::Sender<JobRef>>>);

impl RequeueSender {
    /// With a receiver for each of `namespaces`, or with one for all when the list is empty.
    pub(crate) fn new(namespaces: &[String]) -> (Self, Vec<mpsc::Receiver<JobRef>>) {
        let all = [String::new()];
        let names = if namespaces.is_empty() { &all } else { namespaces };
        let mut receivers = Vec::new();
        let senders = names.iter().map(|name| {
            let (sender, receiver) = mpsc::channel(QUEUE_LIMIT);
            receivers.push(receiver);
            (name.clone(), sender)
        });
        let senders = senders.collect();
        (Self(Arc::new(senders)), receivers)
    }

    /// Requeues a job.
    pub(crate) fn requeue(&self, namespace: &str, name: &str) {
        let Some(sender) = self.0.get(namespace).or_else(|| self.0.get("")) else { return };
        // A full queue means that reconciles lag behind. The job is polled anyway.
        let _ = sender.try_send(JobRef::new(name).within(namespace));
    }

    /// Requeues the job for each change of `snapshot`, until its task has ended.
    pub(crate) async fn follow(self, namespace: String, name: String, mut snapshot: watch::Receiver<JobSnapshot>) {
        loop {
            let ended = snapshot.changed().await.is_err();
            self.requeue(&namespace, &name);
            if ended {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_is_requeued_for_each_snapshot_and_for_the_end_of_its_task() {
        let (requeue, mut receivers) = RequeueSender::new(&["a".to_owned(), "b".to_owned()]);
        let (sender, snapshots) = watch::channel(JobSnapshot::default());
        let following = tokio::spawn(requeue.follow("b".to_owned(), "job".to_owned(), snapshots));
        let expected = JobRef::new("job").within("b");
        sender.send_replace(JobSnapshot::default());
        assert_eq!(receivers[1].recv().await, Some(expected.clone()));
        drop(sender);
        following.await.unwrap();
        assert_eq!(receivers[1].recv().await, Some(expected));
        assert_eq!(receivers[1].recv().await, None, "the sender is gone");
        assert!(receivers[0].try_recv().is_err(), "it is not a job of namespace a");
    }

    #[tokio::test]
    async fn one_receiver_has_the_jobs_of_all_namespaces() {
        let (requeue, mut receivers) = RequeueSender::new(&[]);
        let (sender, snapshots) = watch::channel(JobSnapshot::default());
        drop(sender);
        requeue.follow("any".to_owned(), "job".to_owned(), snapshots).await;
        assert_eq!(receivers.len(), 1);
        assert_eq!(receivers[0].recv().await, Some(JobRef::new("job").within("any")));
    }
}
