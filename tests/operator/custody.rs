//! Data keys that a KMS v2 plugin of the node wraps: what it does wrong becomes a condition and an Event, and nothing is lost.

use serde_json::json;
use vaultstream_api::{ConditionType, Reason};

use crate::harness::{Job, KmsPlugin, Place, assert_complete_in, condition, generated, kubectl, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 2, lease: {records: 100, duration: 5s}}\n\
                    workers: {maxReplicas: 1, maxRecordsPerSecond: 40}";

/// WorkersAvailable says why, with the reason; Stalled says it, too, when a person is needed.
async fn assert_told(job: &Job, reason: Reason, why: &str) {
    let what = format!("workers are not available because of {reason}: {why}");
    job.until(&what, |job| {
        condition(job, ConditionType::WorkersAvailable).is_some_and(|found| {
            found.status == "False" && found.reason == reason.as_str() && found.message.contains(why)
        })
    })
    .await;
    if reason.conditions().contains(&ConditionType::Stalled) {
        job.until_condition(ConditionType::Stalled, "True", reason).await;
    }
}

/// An Event has the reason, and says why.
async fn assert_announced(job: &Job, reason: Reason, why: &str) {
    until("there is an Event", || async { job.events(reason.as_str()).await.iter().any(|note| note.contains(why)) })
        .await;
}

/// Events of one reason that follow each other are one, which counts them and keeps the first note.
async fn assert_announced_again(place: &Place, reason: Reason) {
    let reason = format!("reason={reason}");
    let count = "jsonpath={.items[*].series.count}";
    let get = ["-n", &place.namespace, "get", "events.events.k8s.io", "--field-selector", &reason, "-o", count];
    until("the Event is counted again", || async { !kubectl(&get).await.1.is_empty() }).await;
}

/// The Deployment makes others, which have no data key yet.
async fn delete_workers(place: &Place) {
    let workers = "app.kubernetes.io/name=vaultstream-worker";
    let (deleted, said) = kubectl(&["-n", &place.namespace, "delete", "pods", "--wait", "-l", workers]).await;
    assert!(deleted, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_plugin_that_denies_or_hangs_or_names_another_key_is_reported_and_nothing_is_lost() {
    let Some(plugin) = KmsPlugin::start().await else { return };
    let place = Place::new().await;
    place.allow_folders_of_the_node().await;
    place.change_connection_secret(json!({"data": {"kek": null}, "stringData": {"KEK_URL": plugin.url()}})).await;
    let folder = plugin.folder();
    let operator = place.operator("operator").await.args(&["--worker-kms-directory", folder.to_str().unwrap()]).start();
    operator.until_leading().await;

    // The first worker has a new data key wrapped.
    plugin.fault("id");
    let job = place.create(&generated("job", 2000, SPEC)).await;
    let why = "it encrypts with another key than its status names";
    assert_told(&job, Reason::KeyServiceRefused, why).await;
    assert_announced(&job, Reason::KeyServiceRefused, why).await;
    assert_eq!(place.site.number("SELECT count(wrapped_key) FROM vaultstream.data_keys").await, 0);
    plugin.fault("");
    place.site.until_signed(60).await;
    assert_eq!(place.site.text("SELECT kek_id FROM vaultstream.data_keys").await, "kms:first");

    // Its successors have it unwrapped.
    plugin.fault("deny");
    delete_workers(&place).await;
    let why = "PermissionDenied: the policy of the key store does not allow it";
    assert_told(&job, Reason::KeyServiceRefused, why).await;
    assert_announced_again(&place, Reason::KeyServiceRefused).await;
    plugin.fault("slow");
    delete_workers(&place).await;
    let why = "no response to Decrypt within 5 s";
    assert_told(&job, Reason::KeyServiceUnavailable, why).await;
    assert_announced(&job, Reason::KeyServiceUnavailable, why).await;
    let before = place.site.signed().await;
    plugin.fault("");
    place.site.until_signed(before + 20).await;
    job.patch(json!({"spec": {"workers": {"maxRecordsPerSecond": null}}})).await;
    let done = job.until_complete().await;
    assert_eq!(condition(&done, ConditionType::Stalled).unwrap().status, "False");
    assert_complete_in(&place.site, &place.namespace, &job.name, 2000, 0).await;
}
