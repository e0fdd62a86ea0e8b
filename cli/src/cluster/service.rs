//! Services: which one a host of a database URL is, and a pod that serves it.

use k8s_openapi::api::{
    core::v1::Service,
    discovery::v1::{Endpoint, EndpointSlice},
};
use kube::{Api, api::ListParams};
use vaultstream_api::names::Namespace;

use super::{Cluster, answered};
use crate::error::Failure;

/// The label by which the slices of a Service are found.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// A Service by the name that pods resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceName {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl ServiceName {
    /// What `host` means to a pod of `namespace`: NAME, NAME.NAMESPACE, or NAME.NAMESPACE.svc with or without the cluster's domain. `None` for
    /// what no Service is called.
    pub(super) fn of(host: &str, namespace: &Namespace) -> Option<Self> {
        let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
        let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        if host == "localhost" || host.contains(':') || labels.iter().all(|label| is_number(label)) {
            return None;
        }
        let (name, namespace) = match labels.as_slice() {
            [name] => (*name, namespace.as_str()),
            [name, namespace] | [name, namespace, "svc", ..] => (*name, *namespace),
            _ => return None,
        };
        Some(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// A port of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodPort {
    pub(super) pod: String,
    pub(super) port: u16,
}

/// Whether the cluster has this Service.
pub(super) async fn is_there(cluster: &Cluster, service: &ServiceName) -> Result<bool, Failure> {
    Ok(read(cluster, service).await?.is_some())
}

async fn read(cluster: &Cluster, ServiceName { namespace, name }: &ServiceName) -> Result<Option<Service>, Failure> {
    let services: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
    answered(&format!("the Service {namespace}/{name}"), services.get_opt(name)).await
}

/// A ready pod behind a port of the Service.
///
/// # Errors
/// When the Service has no such port, or no pod is ready.
pub(super) async fn ready_pod(cluster: &Cluster, service: &ServiceName, port: u16) -> Result<PodPort, Failure> {
    let ServiceName { namespace, name } = service;
    let spec = read(cluster, service).await?.and_then(|service| service.spec).unwrap_or_default();
    let ports = spec.ports.unwrap_or_default();
    let Some(found) = ports.iter().find(|found| found.port == i32::from(port)) else {
        return Err(Failure::bad_input(format!("the Service {namespace}/{name} has no port {port}")));
    };
    let slices: Api<EndpointSlice> = Api::namespaced(cluster.client.clone(), namespace);
    let which = ListParams::default().labels(&format!("{SERVICE_LABEL}={name}"));
    let slices = answered(&format!("the endpoints of the Service {namespace}/{name}"), slices.list(&which)).await?;
    choose(&slices.items, found.name.as_deref())
        .ok_or_else(|| Failure::failed(format!("no pod of the Service {namespace}/{name} is ready")))
}

/// The first ready pod, and its port of this name.
fn choose(slices: &[EndpointSlice], name: Option<&str>) -> Option<PodPort> {
    let named = |name: &Option<String>| name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned);
    slices.iter().find_map(|slice| {
        let ports = slice.ports.as_deref().unwrap_or_default();
        let port = ports.iter().find(|port| named(&port.name).as_deref() == name)?.port?;
        let pod = slice.endpoints.iter().flatten().filter(|endpoint| is_ready(endpoint)).find_map(pod)?;
        Some(PodPort { pod, port: u16::try_from(port).ok()? })
    })
}

fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) != Some(false)
}

fn pod(endpoint: &Endpoint) -> Option<String> {
    let target = endpoint.target_ref.as_ref().filter(|target| target.kind.as_deref() == Some("Pod"))?;
    target.name.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_host_is_a_service_as_pods_of_the_namespace_resolve_it() {
        let team: Namespace = "team".parse().unwrap();
        for (host, expected) in [
            ("postgres", Some(("team", "postgres"))),
            ("postgres.db", Some(("db", "postgres"))),
            ("postgres.db.svc", Some(("db", "postgres"))),
            ("postgres.db.svc.cluster.local", Some(("db", "postgres"))),
            ("postgres.db.svc.cluster.local.", Some(("db", "postgres"))),
            ("postgres.example.com", None),
            ("localhost", None),
            ("10.0.0.1", None),
            ("::1", None),
        ] {
            let found = ServiceName::of(host, &team);
            let found = found.as_ref().map(|service| (service.namespace.as_str(), service.name.as_str()));
            assert_eq!(found, expected, "{host}");
        }
    }

    #[test]
    fn a_ready_pod_is_chosen_and_the_port_by_its_name() {
        let slice = |ready: &[(&str, Option<bool>)], ports: serde_json::Value| -> EndpointSlice {
            let endpoints: Vec<_> = ready
                .iter()
                .map(|(name, ready)| {
                    json!({"addresses": ["10.0.0.1"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": name}})
                })
                .collect();
            serde_json::from_value(json!({"addressType": "IPv4", "endpoints": endpoints, "ports": ports})).unwrap()
        };
        let one = |port: u16| json!([{"name": "", "port": port}]);
        let found = |slices: &[EndpointSlice], name| choose(slices, name).map(|found| (found.pod, found.port));
        let away = slice(&[("a", Some(false))], one(5432));
        let ready = slice(&[("b", Some(false)), ("c", Some(true)), ("d", None)], one(5433));
        assert_eq!(found(&[away.clone(), ready], None), Some(("c".to_owned(), 5433)));
        assert_eq!(found(&[away], None), None);
        let named = slice(&[("e", None)], json!([{"name": "metrics", "port": 9}, {"name": "sql", "port": 6000}]));
        assert_eq!(found(std::slice::from_ref(&named), Some("sql")), Some(("e".to_owned(), 6000)));
        assert_eq!(found(&[named], None), None);
    }
}
