//! The mode KEDA, with KEDA itself: its operator and its metrics server, which own the cluster's external metrics here.
//! `make test-keda` installs them into a node of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program holds only tests")]

#[allow(dead_code, unused_imports, reason = "shared with the other suite, which uses the rest")]
mod harness;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::Api;
use vaultstream_api::{ConditionType, Reason, ScalingMode};

use harness::{Operator, Place, assert_complete_in, free_port, generated, kubectl, until};

const SPEC: &str = "batchSize: 50\nkeys: {count: 6, lease: {records: 100, duration: 5s}}\n\
                    workers: {maxReplicas: 3, maxRecordsPerSecond: 30}\n\
                    autoscaling: {mode: Auto, targetBacklog: 1000, behavior: {scaleDown: {stabilizationWindowSeconds: 0}}}";

/// A cluster-wide operator that KEDA can reach, and that has noticed KEDA.
async fn place_with_keda() -> (Place, Operator) {
    let place = Place::cluster_wide().await;
    let (address, listener) = free_port().await;
    drop(listener);
    let url = format!("http://{address}");
    let operator = place.operator("operator").await;
    let operator = operator.args(&["--scaling-address", &address.to_string(), "--scaling-url", &url]).start();
    operator.until_leading().await;
    until("the operator has noticed KEDA", || operator.offers("KEDA")).await;
    (place, operator)
}

#[tokio::test(flavor = "multi_thread")]
async fn keda_follows_the_backlog_when_it_owns_the_metrics_and_leaves_nothing() {
    let (place, _operator) = place_with_keda().await;
    let job = place.create(&generated("job", 5000, SPEC)).await;
    let scaled = job.until_condition(ConditionType::Scaling, "True", Reason::ScaledByKeda).await;
    assert_eq!(scaled.status.and_then(|status| status.scaling_mode), Some(ScalingMode::Keda));
    let autoscalers = Api::<HorizontalPodAutoscaler>::namespaced(place.client.clone(), &place.namespace);
    let desired = async || {
        let made_by_keda = autoscalers.get_opt(&format!("keda-hpa-{}", job.child())).await.unwrap();
        made_by_keda.and_then(|autoscaler| autoscaler.status).map(|status| status.desired_replicas)
    };
    for workers in [3, 2, 1] {
        until(&format!("KEDA's autoscaler wants {workers}"), || async { desired().await == Some(workers) }).await;
    }
    job.until_complete().await;
    place.until_no_children().await;
    let (content, left) = kubectl(&["-n", &place.namespace, "get", "scaledobjects", "-o", "name"]).await;
    assert!(content && left.trim().is_empty() || left.contains("No resources"), "{left}");
    assert_complete_in(&place.site, &job.namespace, "job", 5000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_keda_cannot_read_removes_no_worker() {
    let (place, _operator) = place_with_keda().await;
    let job = place.create(&generated("job", 3000, SPEC)).await;
    until("three workers are wanted", || async { job.replicas().await == Some(3) }).await;
    place.postgres.cut().await;
    // Until the number is too old to be served, and KEDA has asked for it several times.
    tokio::time::sleep(std::time::Duration::from_secs(35)).await;
    assert_eq!(job.replicas().await, Some(3), "{}", job.describe().await);
    place.postgres.restore().await;
    job.until_complete().await;
}
