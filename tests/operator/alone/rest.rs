//! While nothing changes, the operator writes nothing: shown by the objects' versions and by the API server's own count of
//! requests.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use vaultstream_api::{ConditionType, Phase, Reason};

use crate::harness::{Place, generated, kubectl, requests, until};

/// The versions of all objects that the operator writes, except its Lease.
async fn versions(place: &Place) -> BTreeMap<String, String> {
    let kinds = "signingjobs,deployments,poddisruptionbudgets,horizontalpodautoscalers,events";
    let columns = "custom-columns=KIND:.kind,NAME:.metadata.name,VERSION:.metadata.resourceVersion";
    let mut found = BTreeMap::new();
    for kind in kinds.split(',') {
        let (content, said) = kubectl(&["-n", &place.namespace, "get", kind, "--no-headers", "-o", columns]).await;
        assert!(content, "{said}");
        for line in said.lines().filter(|line| line.split_whitespace().count() == 3) {
            let (object, version) = line.rsplit_once(' ').unwrap();
            found.insert(object.trim().to_owned(), version.to_owned());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_rest_cost_no_write() {
    let place = Place::quiet().await;
    let spec = "batchSize: 20\nkeys: {count: 2}";
    let finished = {
        let _operator = place.start_operator().await;
        let job = place.create(&generated("finished", 100, spec)).await;
        job.until_complete().await;
        place.until_no_children().await;
        job
    };
    // One job may be admitted, and no worker may run: that job never ends, and the next one waits for it.
    let operator = place.operator("operator").await.args(&["--active-jobs", "1", "--workers", "0"]).start();
    operator.until_leading().await;
    let working = place.create(&generated("a-working", 100, spec)).await;
    working.until_phase(Phase::Signing).await;
    working.until_condition(ConditionType::Scaling, "False", Reason::Queued).await;
    let queued = place.create(&generated("b-queued", 100, spec)).await;
    queued.until_phase(Phase::Queued).await;
    let suspended = place.create(&generated("c-suspended", 100, &format!("{spec}\nsuspend: true"))).await;
    suspended.until_phase(Phase::Suspended).await;
    // What earlier tests left has to be gone, too.
    until("no namespace is ending", || async {
        let (_, said) =
            kubectl(&["get", "namespaces", "--field-selector", "status.phase=Terminating", "-o", "name"]).await;
        !said.contains("namespace/")
    })
    .await;
    tokio::time::sleep(Duration::from_secs(10)).await;

    let (before, writes) = (versions(&place).await, requests::writes().await);
    tokio::time::sleep(Duration::from_secs(15)).await;
    let (after, writes_after) = (versions(&place).await, requests::writes().await);
    assert_eq!(before, after, "objects were written");
    assert_eq!(writes, writes_after, "the API server counted writes");
    assert!(before.keys().filter(|object| object.starts_with("SigningJob ")).count() == 4, "{before:?}");

    // The test can fail: a write is seen by both.
    finished.patch(json!({"metadata": {"annotations": {"example.com/seen": "yes"}}})).await;
    assert_ne!(versions(&place).await, after);
    assert_ne!(requests::writes().await, writes_after);
    for job in [working, queued, suspended] {
        assert!(job.api.get_opt(&job.name).await.unwrap().is_some());
    }
}
