//! What the chart refuses, and what it renders.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::release::{NAME, chart, helm};

pub(crate) async fn template(args: &[&str]) -> (bool, String) {
    let chart = chart();
    helm(&[&["template", NAME, chart.to_str().unwrap(), "--namespace", "vaultstream-system"], args].concat()).await
}

#[tokio::test]
async fn wrong_values_are_refused_with_the_key_that_is_wrong() {
    let cases: [(&[&str], &str); 13] = [
        (&[], "connection/existingSecret"),
        (&["--set", "dev.enabled=true", "--set", "operator.replicas=0"], "operator/replicas"),
        (&["--set", "dev.enabled=true", "--set", "operator.leaseDuration=soon"], "operator/leaseDuration"),
        (&["--set", "dev.enabled=true", "--set", "metricsApi.register=maybe"], "metricsApi/register"),
        (&["--set", "dev.enabled=true", "--set", "dev.jobNamespaces={Team_A}"], "dev/jobNamespaces/0"),
        (&["--set", "dev.enabled=true", "--set", "limits.activejobs=3"], "activejobs"),
        (&["--set", "dev.enabled=true", "--set", "limits.tenant.jobs=-1"], "limits/tenant/jobs"),
        (&["--set", "connection.existingSecret=Not A Name"], "connection/existingSecret"),
        (&["--set", "dev.enabled=true", "--set", "monitoring.rules.lagSeconds=0"], "monitoring/rules/lagSeconds"),
        (&["--set", "dev.enabled=true", "--set", "image.digest=latest"], "image/digest"),
        (&["--set", "dev.enabled=true", "--set", "workers.defaults.image=x"], "workers/defaults"),
        (
            &[
                "--set",
                "dev.enabled=true",
                "--set",
                "podDisruptionBudget.minAvailable=1,podDisruptionBudget.maxUnavailable=1",
            ],
            "give one of the two",
        ),
        (
            &[
                "--set",
                "dev.enabled=true",
                "--set",
                "workers.extraVolumes[0].name=x,workers.extraVolumes[0].nfs.path=/x",
            ],
            "nfs",
        ),
    ];
    for (args, key) in cases {
        let (content, said) = template(args).await;
        assert!(!content && said.contains(key), "{args:?} does not name {key}: {said}");
    }
    let (_, said) = template(&[]).await;
    assert!(said.contains("dev/enabled"), "the other way is not named: {said}");
}

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() {
    let chart = chart();
    let (content, said) = helm(&["lint", "--strict", chart.to_str().unwrap(), "--set", "dev.enabled=true"]).await;
    assert!(content, "{said}");
}

#[tokio::test]
async fn the_same_values_give_the_same_manifests_and_no_key_is_among_them() {
    let args = ["--set", "dev.enabled=true"];
    let (content, first) = template(&args).await;
    assert!(content, "{first}");
    let (_, second) = template(&args).await;
    assert_eq!(first, second);
    for word in ["kek:", "stringData"] {
        assert!(!first.contains(word), "{word} is rendered");
    }
    let secrets = rendered(&first, "Secret");
    assert_eq!(secrets.len(), 1, "that of the metrics API's certificate, which the operator fills");
    // With a type or with data it could not be applied to one that is filled.
    assert!(secrets.iter().all(|secret| secret["data"].is_null() && secret["type"].is_null()), "{secrets:?}");
}

/// The objects of a kind among the manifests.
pub(crate) fn rendered(manifests: &str, kind: &str) -> Vec<Value> {
    let documents = serde_yaml_ng::Deserializer::from_str(manifests);
    let documents = documents.map(|document| Value::deserialize(document).unwrap());
    documents.filter(|document| document["kind"] == kind).collect()
}

/// The NetworkPolicies of a release with these values and servers of its owner's.
async fn network_policies(values: &str) -> Vec<Value> {
    let (content, said) = template(&["--set", "connection.existingSecret=x", "--set", values]).await;
    assert!(content, "{said}");
    rendered(&said, "NetworkPolicy")
}

#[tokio::test]
async fn the_port_without_authentication_is_open_to_keda_only() {
    let policies = network_policies("operator.replicas=2").await;
    let operator = policies.iter().find(|policy| policy["metadata"]["name"] == "vaultstream-operator").unwrap();
    let rules = operator["spec"]["ingress"].as_array().unwrap();
    let scaling: Vec<&Value> = rules.iter().filter(|rule| rule.to_string().contains("\"scaling\"")).collect();
    let keda = json!([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "keda"}}}]);
    assert_eq!(scaling, [&json!({"ports": [{"port": "scaling"}], "from": keda})]);
    let closed = network_policies("networkPolicy.kedaFrom=null").await;
    assert!(!closed.iter().any(|policy| policy.to_string().contains("\"scaling\"")), "it is open to all");
    assert_eq!(network_policies("networkPolicy.enabled=false").await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_workers_reach_is_limited_where_the_ports_are_known() {
    let egress = async |values: &str| {
        let policies = network_policies(values).await;
        let workers = policies.into_iter().filter(|policy| policy["metadata"]["name"] == "vaultstream-workers");
        let workers: Vec<Value> = workers.collect();
        assert!(!workers.is_empty());
        workers.into_iter().map(|policy| policy["spec"]["egress"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(egress("operator.replicas=2").await, [Value::Null]);
    let dns = [53, 5353].map(|port| ["UDP", "TCP"].map(|protocol| json!({"port": port, "protocol": protocol})));
    let dns = json!({"ports": dns.concat()});
    let values = "networkPolicy.workers.ports={5432},networkPolicy.workers.namespaces={team-a},\
                  telemetry.otlpEndpoint=http://collector:4319";
    let limited = json!([dns, {"ports": [{"port": 5432}]}, {"ports": [{"port": 4319}]}]);
    assert_eq!(egress(values).await, [limited.clone(), limited]);
}

#[tokio::test]
async fn an_operator_of_some_namespaces_gets_nothing_outside_of_namespaces_but_the_type() {
    let args = ["--set", "connection.existingSecret=x", "--set", "operator.namespaces={team-a,team-b}"];
    let (content, said) = template(&args).await;
    assert!(content, "{said}");
    let kinds: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    for kind in ["ClusterRole", "ClusterRoleBinding", "APIService", "ValidatingAdmissionPolicy"] {
        assert!(!kinds.contains(&kind), "there is a {kind}");
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == "CustomResourceDefinition").count(), 1);
    assert_eq!(said.matches("namespace: team-a").count(), said.matches("namespace: team-b").count());
    assert!(said.contains("namespace: team-a"));
}

/// The names of the volumes that the containers of a pod mount.
fn mounts(containers: &Value) -> Vec<&str> {
    let containers = containers.as_array().into_iter().flatten();
    let mounts = containers.flat_map(|container| container["volumeMounts"].as_array().into_iter().flatten());
    mounts.filter_map(|mount| mount["name"].as_str()).collect()
}

#[tokio::test]
async fn only_what_migrates_can_read_the_owner_s_secret() {
    let (content, own) =
        template(&["--set", "connection.existingSecret=x", "--set", "migrations.secret=the-owner-s"]).await;
    assert!(content, "{own}");
    let hook = rendered(&own, "Job").into_iter().find(|job| job["metadata"]["name"] == "vaultstream-migrate").unwrap();
    assert_eq!(hook["metadata"]["annotations"]["helm.sh/hook"], "pre-install,pre-upgrade");
    assert_eq!(mounts(&hook["spec"]["template"]["spec"]["containers"]), ["owner", "connection"]);
    assert!(!rendered(&own, "Deployment").iter().any(|deployment| deployment.to_string().contains("the-owner-s")));

    let (content, development) = template(&["--set", "dev.enabled=true"]).await;
    assert!(content, "{development}");
    assert!(!rendered(&development, "Job").iter().any(|job| job["metadata"]["name"] == "vaultstream-migrate"));
    let operator = rendered(&development, "Deployment");
    let operator = operator.iter().find(|object| object["metadata"]["name"] == "vaultstream-operator").unwrap();
    let pod = &operator["spec"]["template"]["spec"];
    assert_eq!(mounts(&pod["initContainers"]), ["owner", "connection"]);
    assert_eq!(mounts(&pod["containers"]), ["connection"]);
}

#[tokio::test]
async fn alerts_have_the_limits_of_the_values() {
    let limits = async |values: &str| {
        let values = format!("connection.existingSecret=x,monitoring.rules.enabled=true{values}");
        let (content, said) = template(&["--set", &values]).await;
        assert!(content, "{said}");
        let rules = rendered(&said, "PrometheusRule").remove(0).to_string();
        ["job_lag_seconds) > ", "job_checkpoint_age_seconds) > "].map(|what| {
            let (_, after) = rules.split_once(what).unwrap();
            after.split([' ', '"']).next().unwrap().to_owned()
        })
    };
    assert_eq!(limits("").await, ["60", "3"]);
    assert_eq!(limits(",monitoring.rules.lagSeconds=7,monitoring.rules.lateCheckpoints=12").await, ["7", "12"]);
}

/// What the chart renders is kept, so that a change of it is seen in review. `UPDATE_GOLDEN=1` writes it.
#[tokio::test]
async fn manifests_are_as_kept() {
    let monitoring =
        "monitoring.serviceMonitor.enabled=true,monitoring.podMonitor.enabled=true,monitoring.rules.enabled=true";
    let network = "networkPolicy.workers.namespaces={team-a},networkPolicy.workers.ports={5432,4222},\
                   networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.team=monitoring";
    let cases: [(&str, &[&str]); 3] = [
        ("development", &["dev.enabled=true", "dev.jobNamespaces={team-a}", "dev.storage=1Gi"]),
        (
            "own-servers",
            &["connection.existingSecret=servers", monitoring, network, "images.registry=registry.example.com/team"],
        ),
        (
            "namespaces",
            &["connection.existingSecret=servers", "operator.namespaces={team-a,team-b}", "operator.replicas=1"],
        ),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/golden");
    for (name, values) in cases {
        let mut args = vec!["--set", "crds.install=false"];
        args.extend(values.iter().flat_map(|value| ["--set", value]));
        let (content, rendered) = template(&args).await;
        assert!(content, "{rendered}");
        let file = folder.join(format!("{name}.yaml"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, &rendered).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        let first = kept.lines().zip(rendered.lines()).find(|(kept, rendered)| kept != rendered);
        assert!(
            kept == rendered,
            "{name}: the first line that differs: {first:?}; UPDATE_GOLDEN=1 keeps the new manifests"
        );
    }
}
