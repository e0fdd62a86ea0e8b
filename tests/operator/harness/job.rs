//! A SigningJob in the cluster: created, changed, waited for, and described when a test waits in vain.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;
use uuid::Uuid;
use vaultstream_api::{ChildNames, ConditionType, Phase, Reason, SigningJob};

use super::cluster::kubectl;
use super::patience::PATIENCE;

pub(crate) struct Job {
    pub(crate) api: Api<SigningJob>,
    pub(crate) deployments: Api<Deployment>,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: Uuid,
}

impl Job {
    /// Creates the SigningJob of a manifest.
    pub(crate) async fn create(client: &Client, namespace: &str, manifest: &str) -> Self {
        let mut object = SigningJob::parse_manifests(manifest).unwrap().remove(0);
        object.metadata.namespace = Some(namespace.to_owned());
        let api = Api::<SigningJob>::namespaced(client.clone(), namespace);
        let made = api.create(&PostParams::default(), &object).await.unwrap();
        let deployments = Api::namespaced(client.clone(), namespace);
        let uid = made.uid().unwrap().parse().unwrap();
        Self { api, deployments, namespace: namespace.to_owned(), name: made.name_any(), uid }
    }

    pub(crate) async fn get(&self) -> SigningJob {
        self.api.get(&self.name).await.unwrap()
    }

    /// Changes it as a user does.
    pub(crate) async fn patch(&self, patch: Value) {
        self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    pub(crate) async fn delete(&self) {
        self.api.delete(&self.name, &DeleteParams::background()).await.unwrap();
    }

    /// The children's name.
    pub(crate) fn child(&self) -> String {
        ChildNames::of(&self.name.parse().unwrap()).workers
    }

    pub(crate) async fn deployment(&self) -> Option<Deployment> {
        self.deployments.get_opt(&self.child()).await.unwrap()
    }

    /// Workers wanted; `None` without a Deployment.
    pub(crate) async fn replicas(&self) -> Option<i32> {
        self.deployment().await?.spec?.replicas
    }

    /// Waits until it is as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&SigningJob) -> bool) -> SigningJob {
        self.within(PATIENCE, what, wanted).await
    }

    pub(crate) async fn within(&self, limit: Duration, what: &str, wanted: impl Fn(&SigningJob) -> bool) -> SigningJob {
        let begun = Instant::now();
        loop {
            match self.api.get_opt(&self.name).await.unwrap() {
                Some(job) if wanted(&job) => return job,
                _ if begun.elapsed() < limit => tokio::time::sleep(Duration::from_millis(50)).await,
                _ => panic!("waited {limit:?} in vain until {what}\n{}", self.describe().await),
            }
        }
    }

    pub(crate) async fn until_phase(&self, phase: Phase) -> SigningJob {
        self.until(&format!("the phase is {phase}"), |job| phase_of(job) == Some(phase)).await
    }

    /// Waits until a condition has this status and reason.
    pub(crate) async fn until_condition(&self, type_: ConditionType, status: &str, reason: Reason) -> SigningJob {
        let what = format!("{type_} is {status} because of {reason}");
        self.until(&what, |job| {
            condition(job, type_).is_some_and(|found| found.status == status && found.reason == reason.as_str())
        })
        .await
    }

    pub(crate) async fn until_complete(&self) -> SigningJob {
        self.complete_within(PATIENCE).await
    }

    pub(crate) async fn complete_within(&self, limit: Duration) -> SigningJob {
        self.within(limit, "it is Complete", |job| {
            condition(job, ConditionType::Complete).is_some_and(|complete| complete.status == "True")
        })
        .await
    }

    /// Waits until its status has at least this many signed records.
    #[allow(dead_code, reason = "the suite of the chart uses it")]
    pub(crate) async fn signed_within(&self, limit: Duration, records: u64) -> SigningJob {
        let signed = |job: &SigningJob| job.status.as_ref()?.records.as_ref()?.signed;
        self.within(limit, &format!("{records} records are signed"), |job| signed(job) >= Some(records)).await
    }

    pub(crate) async fn until_gone(&self, limit: Duration) {
        let begun = Instant::now();
        while self.api.get_metadata_opt(&self.name).await.unwrap().is_some() {
            assert!(begun.elapsed() < limit, "it is not gone after {limit:?}\n{}", self.describe().await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The Events about it with this reason.
    pub(crate) async fn events(&self, reason: &str) -> Vec<String> {
        events(&self.api, &self.namespace, &self.uid.to_string(), reason).await
    }

    /// The object, its children, Events and logs, for a test that fails.
    pub(crate) async fn describe(&self) -> String {
        let in_namespace = ["-n", &self.namespace];
        let (_, object) =
            kubectl(&[&in_namespace[..], &["get", "signingjob", &self.name, "-o", "yaml"]].concat()).await;
        let all = "signingjobs,deployments,replicasets,pods,poddisruptionbudgets";
        let (_, children) = kubectl(&[&in_namespace[..], &["get", all, "-o", "wide"]].concat()).await;
        let (_, events) = kubectl(&[&in_namespace[..], &["events"]].concat()).await;
        let logs = ["logs", "-l", "app.kubernetes.io/name=vaultstream-worker", "--tail", "15", "--prefix"];
        let (_, logs) = kubectl(&[&in_namespace[..], &logs].concat()).await;
        format!("---- object\n{object}\n---- children\n{children}\n---- events\n{events}\n---- workers\n{logs}")
    }
}

async fn events(api: &Api<SigningJob>, namespace: &str, uid: &str, reason: &str) -> Vec<String> {
    let client = api.clone().into_client();
    let events = Api::<k8s_openapi::api::events::v1::Event>::namespaced(client, namespace);
    let fields = format!("regarding.uid={uid},reason={reason}");
    let found = events.list(&kube::api::ListParams::default().fields(&fields)).await.unwrap();
    found.items.into_iter().map(|event| event.note.unwrap_or_default()).collect()
}

pub(crate) fn phase_of(job: &SigningJob) -> Option<Phase> {
    job.status.as_ref()?.phase
}

pub(crate) fn condition(job: &SigningJob, type_: ConditionType) -> Option<&Condition> {
    job.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == type_.as_str())
}
