//! The workers' Deployment, without a number of replicas: that is written through `/scale`.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::{
            Capabilities, Container, ContainerPort, EnvVar, HTTPGetAction, HostPathVolumeSource, PodSecurityContext,
            PodSpec, PodTemplateSpec, Probe, ProjectedVolumeSource, ResourceRequirements, SeccompProfile,
            SecretVolumeSource, SecurityContext, ServiceAccountTokenProjection, Volume, VolumeMount, VolumeProjection,
        },
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use kube::api::ObjectMeta;
use vaultstream_api::{
    ChildNames, EnvLiteral, WorkerTemplate,
    names::{child_labels, selector_labels},
};

use crate::{
    config::{CONNECTION, KEY_SERVICE, KMS_PLUGIN, WorkerPods},
    job::{
        build::{
            common::metadata,
            staffing::Staffing,
            template::{last_of_each_name, over_defaults},
        },
        validate::ValidJob,
    },
};

/// After SIGTERM a worker works for up to 15 s, and has as long again to commit, acknowledge and release its keys.
const GRACE_PERIOD_SECONDS: i64 = 30;
const PORT: i32 = 9090;
const CONNECTION_DIR: &str = "/etc/vaultstream/connection";
/// Where a worker looks for the token of its pod's ServiceAccount.
const KEY_SERVICE_DIR: &str = "/var/run/secrets/vaultstream.dev/key-service";
const TOKEN_SECONDS: i64 = 3600;
/// The file from which Kubernetes reads why a container ended.
const TERMINATION_LOG: &str = "/dev/termination-log";
/// The variable of OpenTelemetry that says where traces go.
const OTLP_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// An unprivileged uid. Images need not define such a user.
const USER: i64 = 65532;

pub(super) fn workers(job: &ValidJob, staffing: &Staffing<'_>) -> Deployment {
    let names = ChildNames::of(&job.name);
    Deployment {
        metadata: metadata(job, names.workers),
        // Without their number, which is written apart: see scale.rs.
        spec: Some(DeploymentSpec {
            revision_history_limit: Some(1),
            selector: LabelSelector { match_labels: Some(selector_labels(&job.name)), ..LabelSelector::default() },
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                // A surge would take more connections to Postgres than the workers are meant to have.
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(0)),
                    max_unavailable: Some(IntOrString::String("25%".to_owned())),
                }),
            }),
            template: template(job, staffing),
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn template(job: &ValidJob, staffing: &Staffing<'_>) -> PodTemplateSpec {
    let none = WorkerPods::default();
    let pods = staffing.pods.unwrap_or(&none);
    let WorkerTemplate {
        labels,
        annotations,
        resources,
        node_selector,
        tolerations,
        affinity,
        topology_spread_constraints,
        priority_class_name,
        image_pull_secrets,
        env,
    } = over_defaults(&pods.defaults, job.spec.workers.template.clone().unwrap_or_default());
    let mut pod_labels = labels;
    pod_labels.extend(child_labels(&job.name, &job.uid.to_string()));
    let resources = resources.map_or_else(default_resources, |own| ResourceRequirements {
        requests: non_empty(own.requests),
        limits: non_empty(own.limits),
        ..ResourceRequirements::default()
    });
    let token = staffing.token_audience.map(token_volume);
    let plugin = staffing.kms_directory.map(plugin_volume);
    let mounts = std::iter::once(mount(CONNECTION, CONNECTION_DIR))
        .chain(token.is_some().then(|| mount(KEY_SERVICE, KEY_SERVICE_DIR)))
        .chain(staffing.kms_directory.map(|directory| mount(KMS_PLUGIN, directory)))
        .chain(pods.volume_mounts.iter().cloned())
        .collect();
    let volumes =
        std::iter::once(connection_volume(job)).chain(token).chain(plugin).chain(pods.volumes.iter().cloned());
    let mut worker = container(staffing.image, variables(job, staffing, &env, pods), resources, mounts);
    worker.image_pull_policy = pods.image_pull_policy.clone().or(worker.image_pull_policy);
    worker.security_context = pods.security_context.clone().or(worker.security_context);
    let pod = PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(GRACE_PERIOD_SECONDS),
        service_account_name: pods.service_account_name.clone(),
        security_context: Some(pods.pod_security_context.clone().unwrap_or_else(pod_security)),
        volumes: Some(volumes.collect()),
        containers: vec![worker],
        node_selector: non_empty(node_selector),
        tolerations: (!tolerations.is_empty()).then_some(tolerations),
        affinity,
        topology_spread_constraints: (!topology_spread_constraints.is_empty()).then_some(topology_spread_constraints),
        priority_class_name,
        image_pull_secrets: (!image_pull_secrets.is_empty()).then_some(image_pull_secrets),
        ..PodSpec::default()
    };
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(pod_labels),
            annotations: non_empty(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(pod),
    }
}

/// The environment of a worker. What the job sets goes before the operator's own, and what all workers get before that.
fn variables(job: &ValidJob, staffing: &Staffing<'_>, env: &[EnvLiteral], pods: &WorkerPods) -> Vec<EnvVar> {
    let uid = job.uid.to_string();
    let own = [
        ("VAULTSTREAM_JOB_UID", uid.as_str()),
        ("VAULTSTREAM_LOG_FORMAT", "json"),
        ("VAULTSTREAM_CONNECTION_DIR", CONNECTION_DIR),
        ("VAULTSTREAM_TERMINATION_LOG", TERMINATION_LOG),
    ]
    .map(|(name, value)| variable(name, value));
    let allowed = staffing.allow_owner.then(|| variable("VAULTSTREAM_ALLOW_OWNER", "true"));
    let traces = staffing.otlp_endpoint.map(|endpoint| variable(OTLP_ENDPOINT, endpoint));
    let literals = env.iter().map(|literal| variable(&literal.name, &literal.value));
    last_of_each_name(own.into_iter().chain(allowed).chain(traces).chain(literals).chain(pods.env.iter().cloned()))
}

fn container(
    image: &str,
    variables: Vec<EnvVar>,
    resources: ResourceRequirements,
    mounts: Vec<VolumeMount>,
) -> Container {
    Container {
        name: "worker".to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        env: Some(variables),
        ports: Some(vec![ContainerPort {
            name: Some("http".to_owned()),
            container_port: PORT,
            ..ContainerPort::default()
        }]),
        liveness_probe: Some(probe("/livez", 6)),
        readiness_probe: Some(probe("/readyz", 1)),
        resources: Some(resources),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
            read_only_root_filesystem: Some(true),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(mounts),
        ..Container::default()
    }
}

fn pod_security() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(USER),
        run_as_group: Some(USER),
        fs_group: Some(USER),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..PodSecurityContext::default()
    }
}

fn connection_volume(job: &ValidJob) -> Volume {
    Volume {
        name: CONNECTION.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(job.spec.connection_secret.clone()),
            default_mode: Some(0o440),
            // The worker reports what is missing. A pod without its volume would only wait for it.
            optional: Some(true),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// A token that only `audience` accepts: the API server does not.
fn token_volume(audience: &str) -> Volume {
    let token = ServiceAccountTokenProjection {
        audience: Some(audience.to_owned()),
        expiration_seconds: Some(TOKEN_SECONDS),
        path: "token".to_owned(),
    };
    Volume {
        name: KEY_SERVICE.to_owned(),
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(0o440),
            sources: Some(vec![VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() }]),
        }),
        ..Volume::default()
    }
}

/// The folder, and not the socket: a plugin that starts anew makes another socket.
fn plugin_volume(directory: &str) -> Volume {
    Volume {
        name: KMS_PLUGIN.to_owned(),
        host_path: Some(HostPathVolumeSource { path: directory.to_owned(), type_: Some("Directory".to_owned()) }),
        ..Volume::default()
    }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), read_only: Some(true), ..VolumeMount::default() }
}

fn variable(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), ..EnvVar::default() }
}

fn probe(path: &str, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("http".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(5),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

/// A small request, no limit of CPU, and a limit of memory: a worker needs up to 128 MiB.
fn default_resources() -> ResourceRequirements {
    let quantities = |pairs: &[(&str, &str)]| {
        Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), Quantity((*value).to_owned()))).collect())
    };
    ResourceRequirements {
        requests: quantities(&[("cpu", "100m"), ("memory", "64Mi")]),
        limits: quantities(&[("memory", "256Mi")]),
        ..ResourceRequirements::default()
    }
}

/// `None` for an empty map: with server-side apply an empty map would claim the field.
fn non_empty<V>(map: BTreeMap<String, V>) -> Option<BTreeMap<String, V>> {
    (!map.is_empty()).then_some(map)
}
