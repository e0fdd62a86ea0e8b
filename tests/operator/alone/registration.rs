//! The APIService of the metrics API: the leader registers it where nothing else has, leaves another's alone, and takes its own away.

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use rustix::process::Signal;
use serde_json::{Value, json};
use vaultstream_operator::permissions::{METRICS_API, OPERATOR};

use crate::harness::{MetricsApi, Operator, Place, apply_cluster, free_port, kubectl, object, until};
use crate::rights::may;

/// Somebody else's, whose server is nowhere.
async fn register_another(place: &Place) {
    let another: APIService = object(json!({
        "metadata": {"name": METRICS_API, "labels": {"app": "adapter"}},
        "spec": {
            "group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": true, "service": {"name": "adapter", "namespace": "default", "port": 443},
        },
    }));
    apply_cluster(&place.client, &another).await;
}

/// In order: it releases its Lease.
async fn end(operator: Operator) {
    operator.signal(Signal::TERM);
    operator.end_within(Duration::from_secs(20)).await;
}

struct Cluster {
    place: Place,
    address: SocketAddr,
    services: Api<APIService>,
}

impl Cluster {
    async fn start(&self, name: &'static str, args: &[&str]) -> Operator {
        let address = self.address.to_string();
        let operator = self.place.operator(name).await.args(&["--metrics-api-address", &address]).args(args).start();
        operator.until_leading().await;
        operator
    }

    /// What a person would call the same object: everything but what the API server says of its availability.
    async fn present(&self) -> Option<Value> {
        let mut found = serde_json::to_value(self.services.get_opt(METRICS_API).await.unwrap()?).unwrap();
        found.as_object_mut().unwrap().remove("status");
        let metadata = found["metadata"].as_object_mut().unwrap();
        metadata.remove("resourceVersion");
        metadata.remove("managedFields");
        Some(found)
    }

    /// By `vaultstream-operator leave`, which the chart runs before it is removed.
    async fn leave(&self, operator: Operator) {
        end(operator).await;
        let service = ["--metrics-api-service", "vaultstream-metrics-api"];
        let ended = self.place.leave(&service).end().await;
        assert!(ended.status.success(), "{}", ended.stderr);
    }

    async fn until_told(&self, operator: &Operator, owner: &str, readyz: &str, reason: &str) {
        let metric = format!("vaultstream_operator_metrics_api_owner{{owner=\"{owner}\"}} 1");
        until(&format!("the operator says that it is {owner}"), || async {
            let page = async |path| operator.get(path).await.map(|(_, body)| body).unwrap_or_default();
            let line = format!("{METRICS_API}: {readyz}");
            page("/metrics").await.lines().any(|it| it == metric)
                && page("/readyz?verbose").await.lines().any(|it| it.starts_with(&line))
        })
        .await;
        until(&format!("there is an Event {reason}"), || async {
            let events = ["-n", &self.place.operator_namespace, "get", "events", "-o", "jsonpath={.items[*].reason}"];
            kubectl(&events).await.1.split(' ').any(|it| it == reason)
        })
        .await;
        assert!(operator.stderr().contains(reason), "{}", operator.stderr());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_api_is_registered_where_the_name_is_free_and_another_s_is_never_touched() {
    let place = Place::cluster_wide().await;
    let (address, listener) = free_port().await;
    drop(listener);
    let metrics = MetricsApi::serve(&place, address).await;
    let services = Api::<APIService>::all(place.client.clone());
    let cluster = Cluster { place, address, services };
    let gone = async || cluster.present().await.is_none();
    let is_ours = async || {
        let found = cluster.services.get_opt(METRICS_API).await.unwrap();
        found.is_some_and(|found| found.labels().get("app.kubernetes.io/managed-by").is_some_and(|it| it == OPERATOR))
    };

    register_another(&cluster.place).await;
    let another = cluster.present().await;
    let operator = cluster.start("first", &["--register-metrics-api"]).await;
    cluster
        .until_told(&operator, "other", "v1beta1.external.metrics.k8s.io is that of default/adapter", "MetricsApiTaken")
        .await;
    assert_eq!(cluster.present().await, another);

    cluster.services.delete(METRICS_API, &DeleteParams::default()).await.unwrap();
    metrics.until_available().await;
    cluster.until_told(&operator, "operator", "ok", "MetricsApiRegistered").await;
    assert!(is_ours().await);
    // As an upgrade from a chart does that has registered it.
    cluster.services.delete(METRICS_API, &DeleteParams::default()).await.unwrap();
    until("it is registered again", is_ours).await;

    end(operator).await;
    let operator = cluster.start("without", &[]).await;
    until("it is removed where it is not wanted any more", gone).await;
    cluster
        .until_told(&operator, "none", "v1beta1.external.metrics.k8s.io is not registered", "MetricsApiNotRegistered")
        .await;

    end(operator).await;
    let operator = cluster.start("second", &["--register-metrics-api"]).await;
    until("it is registered", is_ours).await;
    cluster.leave(operator).await;
    assert!(gone().await, "it remains without its server, and no namespace can be deleted");

    let operator = cluster.start("third", &["--register-metrics-api"]).await;
    until("it is registered", is_ours).await;
    // As another program would take it that is installed later.
    cluster.services.delete(METRICS_API, &DeleteParams::default()).await.unwrap();
    register_another(&cluster.place).await;
    cluster.leave(operator).await;
    let left = cluster.present().await.unwrap();
    assert_eq!(left["spec"]["service"]["name"], "adapter", "it has been taken from who had it: {left}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_may_register_and_remove_one_apiservice_and_no_other() {
    let place = Place::cluster_wide().await;
    for verb in ["get", "create", "patch", "delete"] {
        let what = |name: &str| format!("{verb} apiservices.apiregistration.k8s.io{name}");
        assert!(may(&place, None, &what(&format!(" {METRICS_API}"))).await, "{verb}");
        assert!(!may(&place, None, &what(" v1beta1.custom.metrics.k8s.io")).await, "{verb}");
        assert!(!may(&place, None, &what("")).await, "{verb} any");
    }
}
