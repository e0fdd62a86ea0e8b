//! What the chart brings for the operator's external metrics API: a Service, and the APIService that names it. The operator
//! is a process of the node here, so the Service has its address instead of a selector.

use std::net::SocketAddr;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Api;
use kube::api::DeleteParams;
use serde_json::json;
use vaultstream_operator::permissions::METRICS_API;

use super::cluster::{admin, apply, apply_cluster, object, on_another_runtime};
use super::place::Place;
use super::until;

const SERVICE: &str = "vaultstream-metrics-api";

/// Registered until this is dropped: while it has no server, no namespace of the cluster can be deleted.
pub(crate) struct MetricsApi {
    api: Api<APIService>,
}

impl MetricsApi {
    /// For operators that serve it at `address`.
    pub(crate) async fn register(place: &Place, address: SocketAddr) -> Self {
        let served = Self::serve(place, address).await;
        let registration: APIService = object(json!({
            "metadata": {"name": METRICS_API},
            "spec": {
                "group": "external.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "service": {"name": SERVICE, "namespace": place.operator_namespace, "port": 443},
            },
        }));
        apply_cluster(&place.client, &registration).await;
        served
    }

    /// The same, where operators register it themselves.
    pub(crate) async fn serve(place: &Place, address: SocketAddr) -> Self {
        let namespace = &place.operator_namespace;
        let metadata = json!({"name": SERVICE, "namespace": namespace});
        let service: Service = object(json!({
            "metadata": metadata, "spec": {"ports": [{"name": "https", "port": 443, "targetPort": address.port()}]},
        }));
        apply(&place.client, &service).await;
        let endpoints: EndpointSlice = object(json!({
            "metadata": {"name": SERVICE, "namespace": namespace, "labels": {"kubernetes.io/service-name": SERVICE}},
            "addressType": "IPv4",
            "ports": [{"name": "https", "port": address.port(), "protocol": "TCP"}],
            "endpoints": [{"addresses": [address.ip().to_string()], "conditions": {"ready": true}}],
        }));
        apply(&place.client, &endpoints).await;
        Self { api: Api::all(place.client.clone()) }
    }

    pub(crate) async fn is_available(&self) -> bool {
        let status = self.api.get_opt(METRICS_API).await.unwrap().and_then(|service| service.status);
        let conditions = status.and_then(|status| status.conditions).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "Available" && condition.status == "True")
    }

    pub(crate) async fn until_available(&self) {
        until("the metrics API is available", || self.is_available()).await;
    }
}

impl Drop for MetricsApi {
    fn drop(&mut self) {
        on_another_runtime(async {
            let api = Api::<APIService>::all(admin().await);
            let _ = api.delete(METRICS_API, &DeleteParams::background()).await;
        });
    }
}
