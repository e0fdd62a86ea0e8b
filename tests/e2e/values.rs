//! What the chart refuses, and what it renders.

use crate::release::{NAME, chart, helm};

async fn template(args: &[&str]) -> (bool, String) {
    let chart = chart();
    helm(&[&["template", NAME, chart.to_str().unwrap(), "--namespace", "vaultstream-system"], args].concat()).await
}

#[tokio::test]
async fn wrong_values_are_refused_with_the_key_that_is_wrong() {
    let cases: [(&[&str], &str); 7] = [
        (&[], "connection/existingSecret"),
        (&["--set", "dev.enabled=true", "--set", "operator.replicas=0"], "operator/replicas"),
        (&["--set", "dev.enabled=true", "--set", "operator.leaseDuration=soon"], "operator/leaseDuration"),
        (&["--set", "dev.enabled=true", "--set", "metricsApi.register=maybe"], "metricsApi/register"),
        (&["--set", "dev.enabled=true", "--set", "dev.jobNamespaces={Team_A}"], "dev/jobNamespaces/0"),
        (&["--set", "dev.enabled=true", "--set", "limits.activejobs=3"], "activejobs"),
        (&["--set", "connection.existingSecret=Not A Name"], "connection/existingSecret"),
    ];
    for (args, key) in cases {
        let (content, said) = template(args).await;
        assert!(!content && said.contains(key), "{args:?} does not name {key}: {said}");
    }
    let (_, said) = template(&[]).await;
    assert!(said.contains("dev/enabled"), "the other way is not named: {said}");
}

#[tokio::test]
async fn the_same_values_give_the_same_manifests_and_no_key_is_among_them() {
    let args = ["--set", "dev.enabled=true"];
    let (content, first) = template(&args).await;
    assert!(content, "{first}");
    let (_, second) = template(&args).await;
    assert_eq!(first, second);
    for word in ["kek:", "stringData", "kind: Secret"] {
        assert!(!first.contains(word), "{word} is rendered");
    }
}

#[tokio::test]
async fn an_operator_of_some_namespaces_gets_nothing_outside_of_namespaces_but_the_type() {
    let args = ["--set", "connection.existingSecret=x", "--set", "operator.namespaces={team-a,team-b}"];
    let (content, said) = template(&args).await;
    assert!(content, "{said}");
    let kinds: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("kind: ")).collect();
    for kind in ["ClusterRole", "ClusterRoleBinding", "APIService"] {
        assert!(!kinds.contains(&kind), "there is a {kind}");
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == "CustomResourceDefinition").count(), 1);
    assert_eq!(said.matches("namespace: team-a").count(), said.matches("namespace: team-b").count());
    assert!(said.contains("namespace: team-a"));
}
