//! The APIService of the external metrics API, of which a cluster has one. The leader registers it where nothing else has, because a chart that
//! is only rendered cannot know what else the cluster has. Another's is never changed, and what the operator has made is known by its label.

use k8s_openapi::{
    ByteString, api::core::v1::ObjectReference, kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    runtime::events::{Event, EventType, Recorder},
};
use serde_json::json;
use tokio::sync::watch;

use crate::{
    metrics_api::MetricsApi,
    permissions::{METRICS_API, OPERATOR},
    scaling::scaler_selection::{ClusterCapabilities, MetricsApiOwner},
};

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What is done about the APIService.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Register,
    Remove,
    Leave,
}

/// What to do about an APIService of this owner, where the operator is to register its own or not.
pub(crate) fn step(owner: &MetricsApiOwner, is_made_by_us: bool, registers: bool) -> Step {
    match owner {
        MetricsApiOwner::Unregistered if registers => Step::Register,
        MetricsApiOwner::Operator if is_made_by_us && !registers => Step::Remove,
        _ => Step::Leave,
    }
}

/// Whether the operator has made it, and not a chart or a person.
pub(crate) fn is_made_by_us(service: &APIService) -> bool {
    service.labels().get(MANAGED_BY).is_some_and(|manager| manager == OPERATOR)
}

/// Whether it names this Service.
pub(crate) fn names(service: &APIService, namespace: &str, name: &str) -> bool {
    let named = service.spec.as_ref().and_then(|spec| spec.service.as_ref());
    named.is_some_and(|named| named.namespace.as_deref() == Some(namespace) && named.name.as_deref() == Some(name))
}

/// Whether the operator has made it for a Service of its namespace that had another name.
pub(crate) fn is_left_by_us(service: &APIService, namespace: &str, name: &str) -> bool {
    let named = service.spec.as_ref().and_then(|spec| spec.service.as_ref());
    let earlier =
        named.filter(|named| named.namespace.as_deref() == Some(namespace)).and_then(|named| named.name.as_deref());
    is_made_by_us(service) && earlier.is_some_and(|earlier| earlier != name && earlier.ends_with("-metrics-api"))
}

/// Makes it. If another program is faster, the API server refuses: nothing is forced.
pub(crate) async fn register(
    api: &Api<APIService>,
    (namespace, name): (&str, &str),
    authorities: &[u8],
) -> Result<(), kube::Error> {
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {
            "name": METRICS_API,
            "labels": {"app.kubernetes.io/part-of": "vaultstream", MANAGED_BY: OPERATOR},
        },
        "spec": {
            "group": "external.metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "caBundle": ByteString(authorities.to_vec()),
            "service": {"namespace": namespace, "name": name, "port": 443},
        },
    });
    // Applied, and not created: the right to create cannot be limited to a name, the right to apply can.
    api.patch(METRICS_API, &PatchParams::apply(OPERATOR), &Patch::Apply(service)).await?;
    Ok(())
}

/// Removes exactly what was read: not what has taken its place meanwhile.
pub(crate) async fn remove(api: &Api<APIService>, service: &APIService) -> Result<(), kube::Error> {
    let preconditions = Preconditions { uid: service.uid(), resource_version: service.resource_version() };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    api.delete(METRICS_API, &params).await?;
    Ok(())
}

/// What was found and decided: a reason for an Event, and a sentence. The owner is known.
pub(crate) fn told(owner: &MetricsApiOwner) -> (&'static str, String) {
    match owner {
        MetricsApiOwner::Operator => {
            ("MetricsApiRegistered", format!("{METRICS_API} names this operator: HorizontalPodAutoscalers scale jobs"))
        }
        MetricsApiOwner::Keda => {
            ("MetricsApiTaken", format!("{METRICS_API} is KEDA's, and is left as it is: KEDA scales jobs"))
        }
        MetricsApiOwner::Other(service) => (
            "MetricsApiTaken",
            format!("{METRICS_API} is that of {service}, and is left as it is: the operator scales jobs itself"),
        ),
        MetricsApiOwner::Unregistered => {
            ("MetricsApiNotRegistered", format!("{METRICS_API} is not registered: the operator scales jobs itself"))
        }
        MetricsApiOwner::Unknown => {
            ("MetricsApiUnknown", format!("{METRICS_API} could not be read: the operator scales jobs itself"))
        }
    }
}

/// Tells whose the metrics API is, whenever that is another: in the log, in an Event of our Service, and to `readyz`.
pub(crate) async fn tell_for_ever(
    served: Option<&MetricsApi>,
    mut capabilities: watch::Receiver<ClusterCapabilities>,
    (namespace, name): (&str, &str),
    recorder: &Recorder,
) {
    let Some(served) = served else { return std::future::pending().await };
    let service = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Service".to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        ..ObjectReference::default()
    };
    let mut before = None;
    while let Ok(now) = capabilities.wait_for(|now| now.known && before.as_ref() != Some(&now.owner)).await {
        let owner = now.owner.clone();
        drop(now);
        let (reason, note) = told(&owner);
        tracing::info!(reason, "{note}");
        let is_ours = owner == MetricsApiOwner::Operator;
        served.set_fault(if is_ours { None } else { Some(note.clone()) });
        before = Some(owner);
        let event = Event {
            type_: EventType::Normal,
            reason: reason.to_owned(),
            note: Some(note),
            action: "Register".to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, &service).await {
            tracing::debug!(%error, "an Event was refused");
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fixtures::from_yaml;

    fn owners() -> [MetricsApiOwner; 5] {
        let other = MetricsApiOwner::Other("monitoring/prometheus-adapter".to_owned());
        [
            MetricsApiOwner::Unknown,
            MetricsApiOwner::Unregistered,
            MetricsApiOwner::Operator,
            MetricsApiOwner::Keda,
            other,
        ]
    }

    #[test]
    fn only_a_free_name_is_taken_and_only_what_the_operator_has_made_is_removed() {
        for owner in owners() {
            for (is_ours, registers) in [(false, false), (false, true), (true, false), (true, true)] {
                let expected = match (&owner, is_ours, registers) {
                    (MetricsApiOwner::Unregistered, _, true) => Step::Register,
                    (MetricsApiOwner::Operator, true, false) => Step::Remove,
                    _ => Step::Leave,
                };
                assert_eq!(step(&owner, is_ours, registers), expected, "{owner:?} {is_ours} {registers}");
            }
        }
    }

    #[test]
    fn what_is_found_is_told_with_the_name_and_who_scales() {
        for owner in owners() {
            let (reason, note) = told(&owner);
            assert!(reason.starts_with("MetricsApi") && note.contains(METRICS_API) && note.contains("scale"), "{note}");
        }
        assert!(told(&owners()[4]).1.contains("monitoring/prometheus-adapter"));
    }

    #[test]
    fn ours_is_what_has_our_label_and_names_our_service() {
        let service = |label: &str, name: &str| -> APIService {
            from_yaml(&format!(
                "{{metadata: {{name: x, labels: {{app.kubernetes.io/managed-by: {label}}}}}, \
                 spec: {{groupPriorityMinimum: 1, versionPriority: 1, service: {{namespace: a, name: {name}}}}}}}"
            ))
        };
        assert!(is_made_by_us(&service(OPERATOR, "m")) && !is_made_by_us(&service("Helm", "m")));
        assert!(names(&service(OPERATOR, "m"), "a", "m"));
        assert!(!names(&service(OPERATOR, "m"), "b", "m") && !names(&service(OPERATOR, "n"), "a", "m"));
        let old = "vaultstream-metrics-api";
        assert!(
            is_left_by_us(&service(OPERATOR, old), "a", "signing-metrics-api"),
            "a release that was given another name"
        );
        for (label, name, namespace) in [("Helm", old, "a"), (OPERATOR, old, "b"), (OPERATOR, "keda-operator", "a")] {
            assert!(
                !is_left_by_us(&service(label, name), namespace, "signing-metrics-api"),
                "{label} {name} {namespace}"
            );
        }
        assert!(!is_left_by_us(&service(OPERATOR, old), "a", old));
    }
}
