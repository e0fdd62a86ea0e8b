//! Specs that the API server itself refuses, with a sentence that names the field, and changes that come too late.

use kube::Api;
use kube::api::{ApiResource, DynamicObject, PostParams};
use serde_json::{Value, json};

use vaultstream_api::{ConditionType, Reason};

use crate::harness::{Place, condition, generated, kubectl, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 2}";

pub(crate) fn jobs(place: &Place) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<vaultstream_api::SigningJob>(&());
    Api::namespaced_with(place.client.clone(), &place.namespace, &resource)
}

pub(crate) fn object(name: &str, spec: Value) -> DynamicObject {
    let value = json!({
        "apiVersion": "vaultstream.dev/v1alpha1", "kind": "SigningJob", "metadata": {"name": name}, "spec": spec,
    });
    serde_json::from_value(value).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_specs_are_refused_with_the_field_that_is_wrong() {
    let place = Place::new().await;
    let jobs = jobs(&place);
    let generate = json!({"generate": {"records": 10}});
    let table = json!({"name": "rows", "key": "id", "payload": "body"});
    let cases = [
        (json!({}), "source"),
        (json!({"source": {}}), "exactly one"),
        (json!({"source": {"generate": {"records": 10}, "table": table}}), "exactly one"),
        (json!({"source": {"generate": {"records": 0}}}), "spec.source.generate.records"),
        (
            json!({"source": {"table": {"schema": "vaultstream", "name": "keys", "key": "id", "payload": "x"}}}),
            "spec.source.table.schema",
        ),
        (json!({"source": generate, "batchSize": 0}), "spec.batchSize"),
        (json!({"source": generate, "workers": {"minReplicas": 3, "maxReplicas": 2}}), "spec.workers.minReplicas"),
        (json!({"source": generate, "keys": {"count": 0}}), "spec.keys.count"),
        (json!({"source": generate, "keys": {"lease": {"duration": "1s"}}}), "duration"),
        (json!({"source": generate, "keys": {"maxSignatures": 10}}), "spec.keys.maxSignatures"),
        (json!({"source": generate, "maxRejected": "101%"}), "spec.maxRejected"),
        (json!({"source": generate, "autoscaling": {"mode": "Magic"}}), "spec.autoscaling.mode"),
        (json!({"source": generate, "ttlAfterFinished": "tomorrow"}), "ttlAfterFinished"),
        (
            json!({"source": generate, "workers": {"template": {"env": [{"name": "LD_PRELOAD", "value": "x"}]}}}),
            "spec.workers.template.env",
        ),
        (
            json!({"source": generate, "workers": {"template": {"labels": {"vaultstream.dev/job": "x"}}}}),
            "spec.workers.template.labels",
        ),
    ];
    for (spec, names) in cases {
        let refused = jobs.create(&PostParams::default(), &object("job", spec.clone())).await;
        let Err(kube::Error::Api(status)) = refused else { panic!("{spec} was accepted") };
        assert_eq!(status.code, 422, "{spec}: {}", status.message);
        assert!(status.message.contains(names), "{spec}: {:?} does not name {names}", status.message);
    }
    let long = jobs.create(&PostParams::default(), &object(&"x".repeat(41), json!({"source": generate}))).await;
    let Err(kube::Error::Api(status)) = long else { panic!("a name of 41 characters was accepted") };
    assert!(status.message.contains("metadata.name") && status.message.contains("40"), "{}", status.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_a_job_keeps_for_life_cannot_be_changed() {
    let place = Place::new().await;
    let job = place.create(&generated("job", 10, SPEC)).await;
    let patches = [
        (json!({"source": {"generate": {"records": 11}}}), "source"),
        (json!({"batchSize": 21}), "batchSize"),
        (json!({"maxPayloadBytes": 4096}), "maxPayloadBytes"),
        (json!({"keys": {"count": 3}}), "keys.count"),
        (json!({"signing": {"message": "Bound"}}), "signing.message"),
        (json!({"signing": {"nonce": "Deterministic"}}), "signing.nonce"),
        (json!({"connectionSecret": "another"}), "connectionSecret"),
    ];
    for (spec, names) in patches {
        let patch = json!({"spec": spec}).to_string();
        let args = ["-n", &place.namespace, "patch", "signingjob", &job.name, "--type=merge", "-p", &patch];
        let (content, said) = kubectl(&args).await;
        assert!(!content && said.contains(names) && said.contains("changed"), "{patch}: {said}");
    }
    let live = json!({"spec": {"workers": {"maxReplicas": 3}, "suspend": true}});
    job.patch(live).await;
    job.patch(json!({"spec": {"connectionSecret": "another"}})).await;
}

/// Complete never describes a spec that was not signed: the change is refused, or reported to have no effect.
#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_is_changed_after_the_end_is_refused_or_told_to_come_too_late() {
    let place = Place::new().await;
    let _operator = place.start_operator().await;
    let job = place.create(&generated("job", 100, SPEC)).await;
    let done = job.until_complete().await;
    let patch = json!({"spec": {"source": {"generate": {"records": 101}}}}).to_string();
    let (content, said) =
        kubectl(&["-n", &place.namespace, "patch", "signingjob", "job", "--type=merge", "-p", &patch]).await;
    assert!(!content && said.contains("source"), "{said}");

    job.patch(json!({"spec": {"maxRejected": 5, "signing": {"verify": "Sample"}}})).await;
    let after_change = job.until_condition(ConditionType::Accepted, "False", Reason::ChangedTooLate).await;
    let message = &condition(&after_change, ConditionType::Accepted).unwrap().message;
    assert!(
        message.contains("spec.maxRejected was 0, and is 5") && message.contains("spec.signing.verify"),
        "{message}"
    );
    until("there is an Event", || async { job.events("ChangedTooLate").await.len() == 1 }).await;
    let [before, after] = [&done, &after_change].map(|job| job.status.as_ref().unwrap());
    assert_eq!(before.receipt, after.receipt);
    assert_eq!(after.observed_generation, after_change.metadata.generation);
    assert_eq!(condition(&after_change, ConditionType::Complete).unwrap().status, "True");

    // Fields that have an effect after the end do not change what was signed.
    let verify = serde_json::to_value(&done.spec.signing).unwrap();
    job.patch(json!({"spec": {"maxRejected": 0, "signing": verify, "ttlAfterFinished": "1h"}})).await;
    job.until_condition(ConditionType::Accepted, "True", Reason::Valid).await;
}
