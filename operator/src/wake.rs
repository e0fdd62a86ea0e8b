//! Wakes a job's reconcile when its work has news, so that nothing has to be looked at again and again.

use std::{collections::HashMap, sync::Arc};

use kube::runtime::reflector::ObjectRef;
use tokio::sync::{mpsc, watch};
use vaultstream_api::SigningJob;

use crate::work::View;

/// News of so many jobs may wait; what does not fit is seen by the next look.
const WAITING: usize = 4096;

type Job = ObjectRef<kube::core::DeserializeGuard<SigningJob>>;

/// Where news go: to the controller of the job's namespace. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Wake(Arc<HashMap<String, mpsc::Sender<Job>>>);

impl Wake {
    /// A receiver for each of `namespaces`, or one for all when there are none.
    pub(crate) fn new(namespaces: &[String]) -> (Self, Vec<mpsc::Receiver<Job>>) {
        let all = [String::new()];
        let names = if namespaces.is_empty() { &all } else { namespaces };
        let mut receivers = Vec::new();
        let senders = names.iter().map(|name| {
            let (sender, receiver) = mpsc::channel(WAITING);
            receivers.push(receiver);
            (name.clone(), sender)
        });
        let senders = senders.collect();
        (Self(Arc::new(senders)), receivers)
    }

    /// Tells every change of `view`, until its work has ended.
    pub(crate) async fn follow(self, namespace: String, name: String, mut view: watch::Receiver<View>) {
        let Some(sender) = self.0.get(&namespace).or_else(|| self.0.get("")) else { return };
        let job = Job::new(&name).within(&namespace);
        loop {
            let ended = view.changed().await.is_err();
            // A full queue means that reconciles lag behind: the job is looked at again anyway.
            let _ = sender.try_send(job.clone());
            if ended {
                return;
            }
        }
    }
}
