//! One job's whole life, and what is true of it at each stage whatever happens to writes and events: it signs with the children
//! that every such job has, it is suspended and resumed, it completes, and it goes when its time to live is over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kube::ResourceExt;
use serde_json::{Value, json};
use vaultstream_api::names::{FINALIZER, JOB_UID_LABEL};
use vaultstream_api::{Phase, SigningJob};

use super::Proxied;
use crate::harness::{Job, assert_complete_in, generated, kubectl, until};

pub(super) const RECORDS: i64 = 120;
const KINDS: &str = "deployments,replicasets,poddisruptionbudgets,horizontalpodautoscalers,pods";
/// Fields that the cluster fills in, which differ between two jobs.
const FILLED_IN: [&str; 6] =
    ["uid", "resourceVersion", "creationTimestamp", "generation", "annotations", "managedFields"];

/// What jobs of this life have in common.
#[derive(Debug, PartialEq)]
pub(super) struct Traits {
    /// The Deployment and the PodDisruptionBudget while it signs.
    children: BTreeMap<String, Value>,
    /// The conditions when it is complete: type, status, reason.
    conditions: Vec<(String, String, String)>,
}

/// Two workers, which would take a minute.
pub(super) fn manifest(name: &str) -> String {
    let spec = "batchSize: 20\nkeys: {count: 3, lease: {records: 40, duration: 5s}}\ndeletionPolicy: {signatures: Delete, records: Delete}\n\
                workers: {minReplicas: 2, maxReplicas: 2, maxRecordsPerSecond: 1}";
    generated(name, RECORDS.unsigned_abs(), spec)
}

impl Proxied {
    /// The whole life of a new job. With `expected`, it is compared with that.
    pub(super) async fn live(&self, name: &str, expected: Option<&Traits>) -> Traits {
        let job = self.place.create(&manifest(name)).await;
        job.until_phase(Phase::Signing).await;
        let children = self.children_while_signing(&job, expected).await;
        job.patch(json!({"spec": {"suspend": true}})).await;
        job.until_phase(Phase::Suspended).await;
        self.until_nothing_runs(&job).await;

        let unlimited = json!({"maxRecordsPerSecond": null});
        job.patch(json!({"spec": {"suspend": false, "workers": unlimited}})).await;
        let done = job.until_complete().await;
        assert_complete_in(&self.place.site, &self.place.namespace, name, RECORDS, 0).await;
        self.until_nothing_runs(&job).await;
        self.assert_status_is_the_ledgers(&job, &done).await;
        let traits = Traits { children, conditions: conditions(&done) };
        if let Some(expected) = expected {
            assert_eq!(traits.conditions, expected.conditions, "of {name}");
        }

        job.patch(json!({"spec": {"ttlAfterFinished": "1s"}})).await;
        job.until_gone(Duration::from_secs(90)).await;
        self.assert_nothing_is_left(&job).await;
        traits
    }

    /// The children, once both workers are wanted and, with `expected`, the children are like those.
    async fn children_while_signing(&self, job: &Job, expected: Option<&Traits>) -> BTreeMap<String, Value> {
        let begun = Instant::now();
        loop {
            let found = self.children_of(job, "deployments,poddisruptionbudgets").await;
            let replicas = found.values().find_map(|child| child["spec"]["replicas"].as_u64());
            let settled = found.len() == 2 && replicas == Some(2);
            match expected {
                Some(expected) if settled && found == expected.children => return found,
                None if settled => return found,
                _ if begun.elapsed() < Duration::from_secs(60) => tokio::time::sleep(Duration::from_millis(500)).await,
                Some(expected) => panic!("the children of {} are {found:#?}, not {:#?}", job.name, expected.children),
                None => panic!("the children of {} are {found:#?}", job.name),
            }
        }
    }

    /// Objects with the job's label, without what differs between two jobs.
    pub(super) async fn children_of(&self, job: &Job, kinds: &str) -> BTreeMap<String, Value> {
        let label = format!("{JOB_UID_LABEL}={}", job.uid);
        let (content, text) = kubectl(&["-n", &self.place.namespace, "get", kinds, "-l", &label, "-o", "json"]).await;
        assert!(content, "{text}");
        let text = text.replace(&job.uid.to_string(), "<uid>").replace(&format!("\"{}\"", job.name), "\"<job>\"");
        let text = text.replace(&format!("\"vs-{}\"", job.name), "\"vs-<job>\"");
        let list: Value = serde_json::from_str(&text).unwrap();
        let mut found = BTreeMap::new();
        for mut child in list["items"].as_array().unwrap().iter().cloned() {
            let name = format!("{} {}", child["kind"].as_str().unwrap(), child["metadata"]["name"].as_str().unwrap());
            FILLED_IN.iter().for_each(|field| _ = child["metadata"].as_object_mut().unwrap().remove(*field));
            child.as_object_mut().unwrap().remove("status");
            found.insert(name, child);
        }
        found
    }

    pub(super) async fn until_nothing_runs(&self, job: &Job) {
        let what = format!("{} has no child and no stream", job.name);
        until(&what, || async { self.children_of(job, KINDS).await.is_empty() }).await;
        until(&what, || async { self.place.streams_of(job).await.is_empty() }).await;
    }

    async fn assert_status_is_the_ledgers(&self, job: &Job, done: &SigningJob) {
        let sql = format!(
            "SELECT encode(sha256(convert_to(receipt, 'UTF8')), 'hex') || ' ' || floor(extract(epoch FROM finished_at))::bigint \
             FROM vaultstream.jobs WHERE uid = '{}'",
            job.uid
        );
        let status = done.status.as_ref().unwrap();
        let finished = status.completion_time.as_ref().unwrap().0.as_second();
        let digest = &status.receipt.as_ref().unwrap().digest;
        assert_eq!(self.place.site.text(&sql).await, format!("{digest} {finished}"), "of {}", job.name);
        let signed = status.records.as_ref().and_then(|records| records.signed);
        assert_eq!((status.phase, signed), (Some(Phase::Complete), Some(RECORDS.unsigned_abs())), "of {}", job.name);
        assert_eq!(done.finalizers(), [FINALIZER], "of {}", job.name);
    }

    /// Its SigningJob is gone. So is all else, as its deletion policy says.
    pub(super) async fn assert_nothing_is_left(&self, job: &Job) {
        self.until_nothing_runs(job).await;
        let rows = format!("SELECT count(*) FROM vaultstream.jobs WHERE uid = '{}'", job.uid);
        assert_eq!(self.place.site.number(&rows).await, 0, "the ledger still has {}", job.name);
    }
}

fn conditions(job: &SigningJob) -> Vec<(String, String, String)> {
    let all = job.status.iter().flat_map(|status| &status.conditions);
    all.map(|one| (one.type_.clone(), one.status.clone(), one.reason.clone())).collect()
}
