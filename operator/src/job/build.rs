//! The children that a job is to have. Pure: no client, no clock.

mod autoscaler;
mod common;
mod deployment;
mod disruption;
mod scaled_object;
mod staffing;
mod template;

use k8s_openapi::api::{
    apps::v1::Deployment, autoscaling::v2::HorizontalPodAutoscaler, policy::v1::PodDisruptionBudget,
};

pub(crate) use scaled_object::ScaledObject;
pub(crate) use staffing::Staffing;

use crate::{job::validate::ValidJob, scaling::scaler_selection::Scaler};

/// The children that are to exist. One that is `None` is to be deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DesiredChildren {
    pub(crate) deployment: Option<Deployment>,
    pub(crate) disruption_budget: Option<PodDisruptionBudget>,
    pub(crate) autoscaler: Option<HorizontalPodAutoscaler>,
    pub(crate) scaled_object: Option<ScaledObject>,
}

/// The children of a job that signs.
pub(crate) fn children(job: &ValidJob, staffing: &Staffing<'_>) -> DesiredChildren {
    let Staffing { scaler, max_workers, scaling_url, .. } = *staffing;
    // A scaler never goes below one worker. When the job may have none, there is no scaler.
    let scaler = if max_workers == 0 { Scaler::Direct } else { scaler };
    let url = scaling_url.filter(|_| scaler == Scaler::Keda);
    DesiredChildren {
        deployment: Some(deployment::workers(job, staffing)),
        disruption_budget: (job.spec.workers.max_replicas > 1).then(|| disruption::budget(job)),
        autoscaler: (scaler == Scaler::Hpa).then(|| autoscaler::autoscaler(job, max_workers)),
        scaled_object: url.map(|url| scaled_object::scaled_object(job, url, max_workers)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use k8s_openapi::api::autoscaling::v2::MetricTarget;

    use super::*;
    use crate::job::fixtures::{assert_snapshot, valid_job};

    const STAFFING: Staffing<'static> = Staffing {
        image: "registry/vaultstream-worker:1",
        scaler: Scaler::Hpa,
        max_workers: 100,
        scaling_url: Some("http://vaultstream-scaling.vaultstream-system.svc:8081/"),
        otlp_endpoint: None,
        allow_owner: false,
        token_audience: None,
        kms_directory: None,
        pods: None,
    };

    /// The sample that sets every field.
    fn everything() -> ValidJob {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/samples/everything.yaml");
        valid_job(&std::fs::read_to_string(path).unwrap())
    }

    #[test]
    fn workers_send_traces_where_the_operator_does_unless_the_job_says_otherwise() {
        let endpoints = |job: &ValidJob| {
            let staffing = Staffing { otlp_endpoint: Some("http://collector:4317"), ..STAFFING };
            let pod = children(job, &staffing).deployment.unwrap().spec.unwrap().template.spec.unwrap();
            let variables = pod.containers.into_iter().flat_map(|container| container.env.unwrap_or_default());
            let endpoints = variables.filter(|variable| variable.name == "OTEL_EXPORTER_OTLP_ENDPOINT");
            endpoints.filter_map(|variable| variable.value).collect::<Vec<_>>()
        };
        assert_eq!(endpoints(&valid_job("{}")), ["http://collector:4317"]);
        let own =
            "{spec: {workers: {template: {env: [{name: OTEL_EXPORTER_OTLP_ENDPOINT, value: 'http://another:4317'}]}}}}";
        assert_eq!(endpoints(&valid_job(own)), ["http://another:4317"]);
    }

    /// It opens nothing of the cluster: the API server has another audience.
    #[test]
    fn workers_get_a_token_for_the_service_that_holds_the_key_and_for_nothing_else() {
        let staffing = Staffing { token_audience: Some("bao"), ..STAFFING };
        let deployment = children(&valid_job("{}"), &staffing).deployment;
        assert_snapshot("key-service-deployment.yaml", &deployment);
        let pod = deployment.unwrap().spec.unwrap().template.spec.unwrap();
        assert_eq!((pod.automount_service_account_token, pod.service_account_name), (Some(false), None));
    }

    #[test]
    fn workers_are_told_that_they_may_have_the_owner_s_login_only_where_the_operator_may() {
        let told = |allow_owner| {
            let pod = children(&valid_job("{}"), &Staffing { allow_owner, ..STAFFING }).deployment.unwrap();
            let containers = pod.spec.unwrap().template.spec.unwrap().containers;
            let mut variables = containers.into_iter().flat_map(|container| container.env.unwrap_or_default());
            variables.any(|variable| variable.name == "VAULTSTREAM_ALLOW_OWNER")
        };
        assert_eq!((told(false), told(true)), (false, true));
    }

    #[test]
    fn workers_get_the_folder_of_a_kms_plugins_socket_and_nothing_else_of_their_node() {
        let staffing = Staffing { kms_directory: Some("/run/kms"), ..STAFFING };
        let deployment = children(&valid_job("{}"), &staffing).deployment;
        assert_snapshot("kms-deployment.yaml", &deployment);
    }

    /// As the chart gives it.
    const PODS: &str = r#"{
        "serviceAccountName": "signer", "imagePullPolicy": "Always",
        "podSecurityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "TEAM", "value": "all"}],
        "volumes": [{"name": "authorities", "configMap": {"name": "authorities"}}],
        "volumeMounts": [{"name": "authorities", "mountPath": "/etc/authorities", "readOnly": true}],
        "defaults": {
            "labels": {"team": "none", "azure.workload.identity/use": "true"}, "priorityClassName": "low",
            "resources": {"requests": {"cpu": "1"}}, "tolerations": [{"key": "signing", "operator": "Exists"}],
            "env": [{"name": "RUST_BACKTRACE", "value": "1"}, {"name": "TZ", "value": "UTC"}]}}"#;

    #[test]
    fn workers_get_what_all_workers_get_and_defaults_that_a_job_overrides() {
        let pods = PODS.parse().unwrap();
        let staffing = Staffing { pods: Some(&pods), ..STAFFING };
        assert_snapshot("pods-deployment.yaml", &children(&valid_job("{}"), &staffing).deployment);
        let own = "{spec: {workers: {template: {
            labels: {team: signing}, priorityClassName: high, resources: {limits: {memory: 1Gi}},
            tolerations: [{key: own, operator: Exists}],
            env: [{name: TZ, value: CET}, {name: TEAM, value: own}]}}}}";
        let pod = children(&valid_job(own), &staffing).deployment.unwrap().spec.unwrap().template;
        let labels = pod.metadata.unwrap().labels.unwrap();
        assert_eq!((labels["team"].as_str(), labels["azure.workload.identity/use"].as_str()), ("signing", "true"));
        let pod = pod.spec.unwrap();
        assert_eq!(pod.priority_class_name.as_deref(), Some("high"));
        assert_eq!(pod.tolerations.unwrap().iter().map(|it| it.key.as_deref().unwrap()).collect::<Vec<_>>(), ["own"]);
        let worker = &pod.containers[0];
        assert_eq!(worker.resources.as_ref().unwrap().requests, None, "the default's would be merged into the job's");
        let variables = worker.env.as_ref().unwrap();
        let value = |name: &str| {
            let mut found = variables.iter().filter(|variable| variable.name == name);
            let value = found.next().and_then(|variable| variable.value.as_deref());
            assert!(found.next().is_none(), "{name} is there twice");
            value
        };
        assert_eq!(["RUST_BACKTRACE", "TZ"].map(value), [Some("1"), Some("CET")]);
        assert_eq!(value("TEAM"), Some("all"), "a job changes what all workers get");
    }

    #[test]
    fn children_are_as_checked_in() {
        for (job, name) in [(valid_job("{}"), "minimal"), (everything(), "everything")] {
            let hpa = children(&job, &STAFFING);
            assert_snapshot(&format!("{name}-deployment.yaml"), &hpa.deployment);
            assert_snapshot(&format!("{name}-disruption-budget.yaml"), &hpa.disruption_budget);
            assert_snapshot(&format!("{name}-autoscaler.yaml"), &hpa.autoscaler);
            assert_eq!(hpa.scaled_object, None);
            let keda = children(&job, &Staffing { scaler: Scaler::Keda, ..STAFFING });
            assert_snapshot(&format!("{name}-scaled-object.yaml"), &keda.scaled_object);
            assert_eq!((keda.autoscaler, keda.deployment), (None, hpa.deployment));
        }
    }

    #[test]
    fn there_is_a_scaler_only_where_it_can_scale() {
        let job = valid_job("{}");
        let scalers = |staffing: Staffing<'_>| {
            let children = children(&job, &staffing);
            (children.autoscaler.is_some(), children.scaled_object.is_some())
        };
        assert_eq!(scalers(STAFFING), (true, false));
        assert_eq!(scalers(Staffing { scaler: Scaler::Keda, ..STAFFING }), (false, true));
        assert_eq!(scalers(Staffing { scaler: Scaler::Direct, ..STAFFING }), (false, false));
        assert_eq!(scalers(Staffing { max_workers: 0, ..STAFFING }), (false, false), "there is no room for a worker");
        let unreachable = Staffing { scaler: Scaler::Keda, scaling_url: None, ..STAFFING };
        assert_eq!(scalers(unreachable), (false, false), "KEDA does not reach the operator");
    }

    #[test]
    fn a_single_worker_has_no_disruption_budget() {
        let budget = |job: &str| children(&valid_job(job), &STAFFING).disruption_budget;
        assert_eq!(budget("{spec: {workers: {maxReplicas: 1}}}"), None);
        assert!(budget("{spec: {workers: {maxReplicas: 2}}}").is_some());
    }

    #[test]
    fn a_scaler_has_bounds_from_one_to_what_other_jobs_leave() {
        let bounds = |workers: &str, max_workers| {
            let job = valid_job(&format!("{{spec: {{workers: {workers}}}}}"));
            let spec = children(&job, &Staffing { max_workers, ..STAFFING }).autoscaler.unwrap().spec;
            (spec.min_replicas.unwrap(), spec.max_replicas)
        };
        assert_eq!(bounds("{minReplicas: 0, maxReplicas: 8}", 100), (1, 8));
        assert_eq!(bounds("{minReplicas: 3, maxReplicas: 8}", 100), (3, 8));
        assert_eq!(bounds("{minReplicas: 3, maxReplicas: 8}", 5), (3, 5));
        assert_eq!(bounds("{minReplicas: 3, maxReplicas: 8}", 2), (2, 2));
    }

    #[test]
    fn an_autoscaler_follows_the_backlog_and_the_lag_or_with_a_deadline_the_desired_workers() {
        let metrics = |spec: &str| {
            let job = valid_job(&format!("{{spec: {spec}}}"));
            let metrics = children(&job, &STAFFING).autoscaler.unwrap().spec.metrics.unwrap().into_iter();
            let told = metrics.map(|metric| {
                let MetricTarget { type_, value, average_value, .. } = metric.external.clone().unwrap().target;
                let target = value.or(average_value).unwrap().0;
                format!("{} {type_} {target}", metric.external.unwrap().metric.name)
            });
            told.collect::<Vec<_>>()
        };
        let backlog = "vaultstream_backlog_records AverageValue 700";
        assert_eq!(metrics("{autoscaling: {targetBacklog: 700}}"), [backlog]);
        let desired = ["vaultstream_desired_workers AverageValue 1"];
        assert_eq!(metrics("{autoscaling: {targetDrain: 10m}}"), desired);
        let following = |autoscaling: &str| {
            let source = "source: {generate: null, table: {name: orders, payload: body}}";
            metrics(&format!("{{{source}, follow: {{}}, autoscaling: {autoscaling}}}"))
        };
        assert_eq!(following("{targetBacklog: 700}"), [backlog]);
        let lag = "vaultstream_lag_milliseconds Value 2500";
        assert_eq!(following("{targetBacklog: 700, targetLag: 2500ms}"), [backlog, lag]);
        assert_eq!(following("{targetDrain: 10m, targetLag: 5s}"), desired, "they take the lag into account, too");
    }

    #[test]
    fn a_template_cannot_take_the_labels_by_which_workers_are_found() {
        let job = "{spec: {workers: {template: {labels: {team: signing}}}}}";
        let deployment = children(&valid_job(job), &STAFFING).deployment.unwrap().spec.unwrap();
        let labels = deployment.template.metadata.unwrap().labels.unwrap();
        assert_eq!(labels["team"], "signing");
        for (label, value) in deployment.selector.match_labels.unwrap() {
            assert_eq!(labels[&label], value);
        }
    }
}
