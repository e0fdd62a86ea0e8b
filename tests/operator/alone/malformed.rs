//! Objects that were written under another SigningJob type than today's.

use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use vaultstream_api::Phase;

use crate::harness::{PATIENCE, Place, assert_complete_in, generated, install_crd, kubectl, lax_crd, until};
use crate::refusals::{jobs, object};

const SPEC: &str = "batchSize: 20\nkeys: {count: 2}";

/// Two objects that were written under an older type: one cannot be read at all, the other breaks a rule.
#[tokio::test(flavor = "multi_thread")]
async fn malformed_objects_do_not_stop_other_jobs() {
    let place = Place::quiet().await;
    let jobs = jobs(&place);
    lax_crd(&place.client).await;
    let bad = [
        object("unreadable", json!({"source": "everything", "batchSize": "many"})),
        object(
            "against-a-rule",
            json!({"source": {"generate": {"records": 10}}, "workers": {"minReplicas": 3, "maxReplicas": 2}}),
        ),
    ];
    let mut made = true;
    for object in &bad {
        made &= jobs.create(&PostParams::default(), object).await.is_ok();
    }
    install_crd(&place.client).await;
    assert!(made, "the lax type refused them");

    let operator = place.start_operator().await;
    let good = place.create(&generated("good", 100, SPEC)).await;
    good.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "good", 100, 0).await;
    let (_, events) =
        kubectl(&["-n", &place.namespace, "get", "events", "--field-selector", "reason=InvalidSpec"]).await;
    assert!(events.contains("against-a-rule") && events.contains("minReplicas"), "{events}");
    assert!(operator.stderr().contains("unreadable"), "{}", operator.stderr());
    // A job that is created after them completes, too, and they can be deleted.
    for object in &bad {
        let name = object.metadata.name.as_deref().unwrap();
        jobs.delete(name, &DeleteParams::default()).await.unwrap();
        until("it is gone", || async { jobs.get_opt(name).await.unwrap().is_none() }).await;
    }
    let later = place.create(&generated("later", 100, SPEC)).await;
    later
        .within(PATIENCE, "the later one is complete", |job| {
            job.status.as_ref().is_some_and(|status| status.phase == Some(Phase::Complete))
        })
        .await;
}
