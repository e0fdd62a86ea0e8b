//! Faults that only the operator or a worker can see become a condition with a fixed reason and an Event, and end by themselves
//! once their cause is removed.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::core::v1::{LimitRange, ResourceQuota, ResourceQuotaSpec, Secret};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use tokio::process::Command;
use vaultstream_api::{ConditionType, Phase, Reason, SigningJob};

use crate::harness::{
    Job, Place, apply, apply_cluster, assert_complete_in, condition, generated, kubectl, node, object, of_table,
    tag_worker_image, until,
};

const SPEC: &str = "batchSize: 20\nkeys: {count: 2, lease: {records: 100, duration: 5s}}\nworkers: {maxReplicas: 1}";

/// A fault of workers is reported by WorkersAvailable, by Stalled if a person is needed, and by an Event.
async fn assert_reported(job: &Job, reason: Reason) {
    job.until_condition(ConditionType::WorkersAvailable, "False", reason).await;
    if reason.conditions().contains(&ConditionType::Stalled) {
        job.until_condition(ConditionType::Stalled, "True", reason).await;
    }
    until("there is an Event", || async { !job.events(reason.as_str()).await.is_empty() }).await;
}

async fn assert_recovers(place: &Place, job: &Job, records: i64) {
    let done = job.until_complete().await;
    assert_eq!(condition(&done, ConditionType::Stalled).unwrap().status, "False");
    assert_complete_in(&place.site, &place.namespace, &job.name, records, 0).await;
}

async fn remove_secret(place: &Place) {
    let secrets = Api::<Secret>::namespaced(place.client.clone(), &place.namespace);
    secrets.delete("vaultstream-connection", &DeleteParams::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_connection_secret_is_reported() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    remove_secret(&place).await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    assert_reported(&job, Reason::ConnectionSecretMissing).await;
    place.make_connection_secret(&place.namespace).await;
    assert_recovers(&place, &job, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_secret_that_lacks_a_key_is_reported() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    place.change_connection_secret(json!({"data": {"NATS_URL": null}})).await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    assert_reported(&job, Reason::ConnectionSecretInvalid).await;
    place.make_connection_secret(&place.namespace).await;
    assert_recovers(&place, &job, 100).await;
}

/// The keys of the job were wrapped with another key-encryption key than the one in the Secret now.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_encryption_key_is_reported() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let slow = format!("{}, maxRecordsPerSecond: 50}}", SPEC.trim_end_matches('}'));
    let job = place.create(&generated("job", 400, &slow)).await;
    place.site.until_signed(60).await;
    job.patch(json!({"spec": {"suspend": true}})).await;
    job.until_phase(Phase::Suspended).await;
    place.until_no_children().await;
    let other = format!("{}QUE=", "QUFB".repeat(10));
    place.change_connection_secret(json!({"stringData": {"kek": other}})).await;
    job.patch(json!({"spec": {"suspend": false}})).await;
    assert_reported(&job, Reason::WrongKek).await;
    place.make_connection_secret(&place.namespace).await;
    assert_recovers(&place, &job, 400).await;
}

/// Without the chart's `keyService.tokenAudience` workers have no token to log in with.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_the_key_encryption_key_that_gives_no_login_is_reported() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let service = json!({"KEK_URL": "transit+https://127.0.0.1:1/transit/keys/vaultstream", "transit-role": "team"});
    place.change_connection_secret(json!({"stringData": service})).await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    assert_reported(&job, Reason::KeyServiceRefused).await;
    let message = condition(&job.get().await, ConditionType::WorkersAvailable).unwrap().message.clone();
    assert!(message.contains("failed to read the token of the pod's ServiceAccount"), "{message}");
    place.change_connection_secret(json!({"data": {"KEK_URL": null, "transit-role": null}})).await;
    assert_recovers(&place, &job, 100).await;
}

/// Authorities are asked after the end of a job, when it is seldom reconciled.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_the_operator_may_not_ask_is_reported_once() {
    let place = Place::new().await;
    let operator = place.start_operator().await;
    let tsa = "http://tsa.invalid/";
    let job = place.create(&generated("job", 20, &format!("keys: {{count: 1}}\nanchors: [{{tsa: '{tsa}'}}]"))).await;
    job.until_complete().await;
    let now = job.until_condition(ConditionType::Anchored, "False", Reason::TsaNotAllowed).await;
    let message = condition(&now, ConditionType::Anchored).unwrap().message.clone();
    assert_eq!(message, format!("the operator's settings do not allow to ask {tsa}"));
    until("there is an Event", || async { !job.events("TsaNotAllowed").await.is_empty() }).await;
    // The status is written again, twice: by then all is announced that is announced for the first time.
    for ttl in ["1h", "2h"] {
        job.patch(json!({"spec": {"ttlAfterFinished": ttl}})).await;
        let is_seen = |job: &SigningJob| {
            job.status.as_ref().is_some_and(|status| status.observed_generation == job.metadata.generation)
        };
        job.until("the changed spec is seen", is_seen).await;
    }
    drop(operator);
    let _other = place.operator("other").await.args(&["--allowed-tsas", tsa]).start();
    job.until_condition(ConditionType::Anchored, "False", Reason::NotConfirmed).await;
    assert_eq!(job.events("TsaNotAllowed").await, [message]);
    // An Event that comes again is counted in its series.
    let series = "jsonpath={.items[*].series}";
    let events = ["get", "events.events.k8s.io", "--field-selector", "reason=TsaNotAllowed", "-o", series];
    let (found, said) = kubectl(&[&["-n", &place.namespace], &events[..]].concat()).await;
    assert!(found && said.is_empty(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_is_reported() {
    let place = Place::new().await;
    let image = format!("docker.io/library/absent-{}:1", place.namespace);
    let operator = place.operator("operator").await.args(&["--worker-image", &image]).start();
    operator.until_leading().await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    assert_reported(&job, Reason::ImagePull).await;
    let message = condition(&job.get().await, ConditionType::WorkersAvailable).unwrap().message.clone();
    assert!(message.contains(&image), "{message}");
    tag_worker_image(&image).await;
    assert_recovers(&place, &job, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_forbids_pods_is_reported() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let mut quota = ResourceQuota::default();
    quota.metadata.name = Some("none".to_owned());
    quota.metadata.namespace = Some(place.namespace.clone());
    let hard: BTreeMap<_, _> = [("pods".to_owned(), Quantity("0".to_owned()))].into();
    quota.spec = Some(ResourceQuotaSpec { hard: Some(hard), ..ResourceQuotaSpec::default() });
    apply(&place.client, &quota).await;
    let quotas = Api::<ResourceQuota>::namespaced(place.client.clone(), &place.namespace);
    until("the quota counts", || async { quotas.get("none").await.unwrap().status.is_some() }).await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    assert_reported(&job, Reason::Quota).await;
    quotas.delete("none", &DeleteParams::default()).await.unwrap();
    assert_recovers(&place, &job, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_range_that_forbids_pods_is_reported() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let range: LimitRange = object(json!({
        "metadata": {"name": "small", "namespace": place.namespace},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "1Mi"}}]},
    }));
    apply(&place.client, &range).await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    assert_reported(&job, Reason::Quota).await;
    let ranges = Api::<LimitRange>::namespaced(place.client.clone(), &place.namespace);
    ranges.delete("small", &DeleteParams::default()).await.unwrap();
    assert_recovers(&place, &job, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_policy_that_forbids_pods_is_reported() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let name = format!("no-pods-{}", place.namespace);
    let pods = json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "*"});
    let policy: ValidatingAdmissionPolicy = object(json!({
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [pods]},
            "validations": [{"expression": "false", "message": "no pods in this namespace"}],
        },
    }));
    apply_cluster(&place.client, &policy).await;
    let binding: ValidatingAdmissionPolicyBinding = object(json!({
        "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}},
            },
        },
    }));
    apply_cluster(&place.client, &binding).await;
    // The API server applies a policy a moment later.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    assert_reported(&job, Reason::PodsRefused).await;
    let gone = DeleteParams::default();
    Api::<ValidatingAdmissionPolicyBinding>::all(place.client.clone()).delete(&name, &gone).await.unwrap();
    Api::<ValidatingAdmissionPolicy>::all(place.client.clone()).delete(&name, &gone).await.unwrap();
    assert_recovers(&place, &job, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_keep_crashing_are_reported() {
    let place = Place::new().await;
    let image = format!("broken-{}:1", place.namespace);
    let archive = place.site.dir.path().join("broken.tar");
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/cluster/image");
    node(Command::new(tool).args([image.as_str(), archive.to_str().unwrap(), "/bin/busybox false", "/bin/busybox"]))
        .await;
    node(Command::new("ctr").args(["images", "import", archive.to_str().unwrap()])).await;
    let operator = place.operator("operator").await.args(&["--worker-image", &image]).start();
    operator.until_leading().await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    assert_reported(&job, Reason::CrashLoop).await;
    tag_worker_image(&format!("docker.io/library/{image}")).await;
    assert_recovers(&place, &job, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_fit_no_node_are_reported() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let nowhere =
        SPEC.replace("maxReplicas: 1", "maxReplicas: 1, template: {nodeSelector: {example.com/nowhere: 'true'}}");
    let job = place.create(&generated("job", 100, &nowhere)).await;
    assert_reported(&job, Reason::Unschedulable).await;
    // Taken over while the job runs.
    job.patch(json!({"spec": {"workers": {"template": null}}})).await;
    assert_recovers(&place, &job, 100).await;
}

/// A user who may create SigningJobs does not learn which tables exist.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_missing_and_one_that_is_not_granted_are_told_alike() {
    let place = Place::new().await;
    let reader = place.read_tables_as_another().await;
    let _operator = place.start_operator().await;
    place
        .site
        .execute(
            "CREATE TABLE hidden (id bigint PRIMARY KEY, body text NOT NULL);
             INSERT INTO hidden SELECT n, 'row ' || n FROM generate_series(1, 100) n",
        )
        .await;
    let absent = place.create(&of_table("absent", "absent", SPEC)).await;
    let hidden = place.create(&of_table("hidden", "hidden", SPEC)).await;
    let mut messages = Vec::new();
    for job in [&absent, &hidden] {
        let now = job.until_condition(ConditionType::Accepted, "False", Reason::SourceUnavailable).await;
        messages.push(condition(&now, ConditionType::Accepted).unwrap().message.replace(&job.name, "TABLE"));
        job.until_condition(ConditionType::Ready, "False", Reason::SourceUnavailable).await;
        job.until_condition(ConditionType::Stalled, "True", Reason::SourceUnavailable).await;
        until("there is an Event", || async { !job.events("SourceUnavailable").await.is_empty() }).await;
    }
    assert_eq!(messages[0], messages[1]);
    place.site.execute(&format!("GRANT SELECT ON hidden TO {reader}")).await;
    assert_recovers(&place, &hidden, 100).await;
    place
        .site
        .execute(&format!(
            "CREATE TABLE absent (id bigint PRIMARY KEY, body text NOT NULL); GRANT SELECT ON absent TO {reader}"
        ))
        .await;
    assert_recovers(&place, &absent, 0).await;
}
