//! An operator of the whole cluster.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use vaultstream_api::{ConditionType, Phase, Reason};
use vaultstream_operator::permissions::{METRICS_API, METRICS_SECRET};

use crate::harness::{MetricsApi, Place, assert_complete_in, free_port, generated};
use crate::rights::{NEVER, NEVER_IN_THE_CLUSTER, assert_may_not, may};

/// While the server of an APIService is away, no namespace can be deleted. Ours does not depend on Postgres or NATS.
#[tokio::test(flavor = "multi_thread")]
async fn other_namespaces_can_be_deleted_while_both_are_away() {
    let place = Place::cluster_wide().await;
    let (address, listener) = free_port().await;
    drop(listener);
    let serving = ["--metrics-api-address", &address.to_string()];
    let operator = place.operator("operator").await.args(&serving).start();
    operator.until_leading().await;
    let metrics = MetricsApi::register(&place, address).await;
    metrics.until_available().await;
    let job = place.create(&slow()).await;
    job.until_phase(Phase::Signing).await;
    place.postgres.cut().await;
    place.nats.cut().await;
    job.until_condition(ConditionType::Ready, "False", Reason::LedgerUnavailable).await;

    let api = Api::<Namespace>::all(place.client.clone());
    let mut namespace = Namespace::default();
    namespace.metadata.name = Some(format!("{}-unrelated", place.namespace));
    let name = api.create(&PostParams::default(), &namespace).await.unwrap().metadata.name.unwrap();
    api.delete(&name, &DeleteParams::default()).await.unwrap();
    let begun = Instant::now();
    while api.get_opt(&name).await.unwrap().is_some() {
        assert!(begun.elapsed() < Duration::from_secs(30), "an unrelated namespace hangs");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Longer than a figure of the ledger is used.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(18) {
        assert!(metrics.is_available().await, "the APIService became unavailable");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    place.postgres.restore().await;
    place.nats.restore().await;
    job.until_complete().await;
    assert_complete_in(&place.site, &place.namespace, "job", 2000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_the_cluster_may_what_it_needs_and_no_more() {
    let place = Place::cluster_wide().await;
    let own = place.operator_namespace.clone();
    for namespace in [place.namespace.as_str(), &own, "kube-system", "default"] {
        assert_may_not(&place, Some(namespace), &NEVER).await;
    }
    assert_may_not(&place, None, &NEVER).await;
    assert_may_not(&place, None, &NEVER_IN_THE_CLUSTER).await;
    let certificate = format!("get secrets {METRICS_SECRET}");
    for namespace in [place.namespace.as_str(), "kube-system"] {
        let questions = [certificate.as_str(), "update leases.coordination.k8s.io vaultstream-operator"];
        assert_may_not(&place, Some(namespace), &questions).await;
    }
    assert_may_not(&place, Some(&own), &["update leases.coordination.k8s.io another"]).await;
    assert_may_not(&place, Some("kube-system"), &["get configmaps coredns"]).await;
    // A control: the rights that it needs are granted.
    for (namespace, what) in [
        (Some(own.as_str()), certificate.as_str()),
        (Some(own.as_str()), "update leases.coordination.k8s.io vaultstream-operator"),
        (Some("kube-system"), "get configmaps extension-apiserver-authentication"),
        (Some("default"), "patch signingjobs/status.vaultstream.dev"),
        (Some("default"), "patch deployments/scale.apps"),
        (None, &format!("patch apiservices.apiregistration.k8s.io {METRICS_API}")),
    ] {
        assert!(may(&place, namespace, what).await, "the operator may not {what} in {namespace:?}");
    }
}

/// Ten seconds of work for two workers.
fn slow() -> String {
    let spec = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\n\
                workers: {minReplicas: 2, maxReplicas: 2, maxRecordsPerSecond: 100}";
    generated("job", 2000, spec)
}
