//! A release for a cluster with rules of its own: some namespaces only, another uid for each of its pods, and every extension point at once.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::Api;
use kube::api::ListParams;
use serde_json::json;

use crate::harness::{Job, Servers, assert_complete_in, generated, is_own_node, until};
use crate::release::Release;

const RECORDS: i64 = 2000;
/// Above what an image or a node has a name for, as ranges of OpenShift are.
const OPERATOR: i64 = 1_000_660_000;
const WORKERS: i64 = 1_000_670_000;
/// Ten seconds of work, in which a worker is looked at.
const SLOW: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 10s}}\n\
                    workers: {maxReplicas: 1, maxRecordsPerSecond: 200, template: {labels: {team: own}}}";

/// JSON is YAML.
fn values(release: &Release) -> String {
    let context = |user: i64| json!({"runAsUser": user, "runAsGroup": user, "fsGroup": user});
    let map = |namespace: &str| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"file": "{{ .Release.Name }}"},
            "metadata": {"name": "authorities", "namespace": namespace},
        })
    };
    let volume = json!({"name": "authorities", "configMap": {"name": "authorities"}});
    let mount = json!({"name": "authorities", "mountPath": "/etc/authorities", "readOnly": true});
    let rule = json!({"ports": [{"port": 9}]});
    json!({
        "fullnameOverride": "signing",
        "connection": {"existingSecret": "servers"},
        "operator": {"namespaces": [release.team], "allowOwner": true},
        "replicaCount": 2,
        "image": {"pullPolicy": "IfNotPresent"},
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccount": {"name": "signer", "annotations": {"example.com/role": "operator"}, "labels": {"a": "b"}},
        "podLabels": {"team": "platform"},
        "podAnnotations": {"a": "b"},
        "podSecurityContext": context(OPERATOR),
        "securityContext": {"privileged": false},
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "vaultstream-operator"}},
        }],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "signing", "operator": "Exists"}],
        "extraArgs": ["--reconciles=4"],
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "extraVolumes": [volume],
        "extraVolumeMounts": [mount],
        "podDisruptionBudget": {"minAvailable": "50%"},
        "workers": {
            "serviceAccount": {"create": true, "name": "worker", "annotations": {"example.com/role": "worker"}},
            "podSecurityContext": context(WORKERS),
            "extraEnv": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}, {"name": "TWICE", "value": "$(NODE)$(NODE)"}],
            "extraVolumes": [volume],
            "extraVolumeMounts": [mount],
            "defaults": {
                "labels": {"team": "none", "tier": "signing"}, "env": [{"name": "TZ", "value": "UTC"}],
                "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "192Mi"}},
            },
        },
        "extraObjects": [map(&release.namespace), map(&release.team)],
        "networkPolicy": {"operator": {"extraIngress": [rule.clone()]}, "workers": {"extraIngress": [rule]}},
    })
    .to_string()
}

/// With this uid, without a way to write to its image, with the volume and the variable.
fn assert_confined(pod: &PodSpec, user: i64, variable: &str) {
    let security = pod.security_context.as_ref().unwrap();
    assert_eq!(
        (security.run_as_user, security.fs_group, security.run_as_non_root),
        (Some(user), Some(user), Some(true))
    );
    let container = &pod.containers[0];
    let security = container.security_context.as_ref().unwrap();
    assert_eq!((security.read_only_root_filesystem, security.allow_privilege_escalation), (Some(true), Some(false)));
    assert!(container.volume_mounts.iter().flatten().any(|mount| mount.mount_path == "/etc/authorities"));
    assert!(container.env.iter().flatten().any(|it| it.name == variable), "{:?}", container.env);
}

async fn pod(release: &Release, namespace: &str, labels: &str) -> Pod {
    let pods = Api::<Pod>::namespaced(release.client.clone(), namespace);
    pods.list(&ListParams::default().labels(labels)).await.unwrap().items.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_some_namespaces_signs_under_other_uids_with_every_extension_point() {
    if !is_own_node() {
        println!("SKIPPED: its servers are processes of the node of the project's own");
        return;
    }
    let release = Release::prepare().await;
    let servers = Servers::new().await;
    let begun = Instant::now();
    let tell = |what: &str| println!("{:>6.1} s  {what}", begun.elapsed().as_secs_f64());
    servers.make_connection_secret(&release.client, &release.namespace, "servers").await;
    servers.make_connection_secret(&release.client, &release.team, "vaultstream-connection").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), values(&release)).unwrap();
    release.install(&["--values", file.path().to_str().unwrap(), "--wait", "--timeout", "2m"]).await;
    tell("installed, with every extension point");

    let operator = pod(&release, &release.namespace, "app.kubernetes.io/name=vaultstream-operator").await;
    assert_eq!(operator.metadata.labels.as_ref().unwrap()["team"], "platform");
    let operator = operator.spec.unwrap();
    assert_confined(&operator, OPERATOR, "TZ");
    assert_eq!(operator.service_account_name.as_deref(), Some("signer"));
    let bindings = Api::<ClusterRoleBinding>::all(release.client.clone()).list(&ListParams::default()).await.unwrap();
    let ours = bindings.items.iter().flat_map(|binding| binding.subjects.iter().flatten());
    assert!(
        ours.into_iter().all(|subject| subject.namespace.as_ref() != Some(&release.namespace)),
        "a right everywhere"
    );
    let roles = Api::<ClusterRole>::all(release.client.clone());
    assert!(roles.get_opt("signing-operator").await.unwrap().is_none());

    let job = Job::create(&release.client, &release.team, &generated("job", RECORDS.unsigned_abs(), SLOW)).await;
    job.signed_within(Duration::from_secs(120), 100).await;
    let worker = pod(&release, &release.team, "vaultstream.dev/job=job").await;
    let labels = worker.metadata.labels.as_ref().unwrap();
    assert_eq!((labels["team"].as_str(), labels["tier"].as_str()), ("own", "signing"), "a job's own label goes first");
    let worker = worker.spec.unwrap();
    assert_confined(&worker, WORKERS, "NODE");
    assert_eq!(worker.service_account_name.as_deref(), Some("worker"));
    let twice = worker.containers[0].env.iter().flatten().find(|it| it.name == "TWICE").and_then(|it| it.value.clone());
    assert_eq!(twice.as_deref(), Some("$(NODE)$(NODE)"), "it names a variable of the worker, not of the operator");
    job.complete_within(Duration::from_secs(120)).await;
    assert_complete_in(&servers.site, &release.team, "job", RECORDS, 0).await;
    tell("signed by workers with another uid, an account and volumes of their own");

    release.helm("uninstall", &["--timeout", "150s", "--wait"]).await;
    until("no worker is left", || async { job.deployment().await.is_none() }).await;
    assert!(job.get().await.metadata.finalizers.unwrap_or_default().is_empty());
    tell("removed");
    job.delete().await;
    job.until_gone(Duration::from_secs(60)).await;
}
