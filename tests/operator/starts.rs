//! An operator that cannot start logs what it waits for, and ends on SIGTERM.

use std::time::Duration;

use k8s_openapi::api::rbac::v1::Role;
use rustix::process::Signal;
use vaultstream_operator::permissions;

use crate::harness::{Operator, Place, apply, until};

async fn until_logged(operator: &Operator, words: &str) {
    until(words, || async { operator.stderr().contains(words) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_named_and_the_operator_starts_once_it_has_them() {
    let place = Place::new().await;
    let rights = permissions::namespaced(&place.operator_namespace, std::slice::from_ref(&place.namespace));
    let jobs =
        rights.roles.iter().find(|role| role.metadata.name.as_deref() == Some("vaultstream-operator-jobs")).unwrap();
    let without = |resource: &str| {
        let mut role: Role = jobs.clone();
        let rules = role.rules.as_mut().unwrap();
        rules.retain(|rule| rule.resources.iter().flatten().all(|granted| granted != resource));
        role
    };
    apply(&place.client, &without("signingjobs")).await;
    let operator = place.operator("operator").await.start();
    until_logged(&operator, "SigningJobs cannot be listed: the operator lacks the right").await;
    apply(&place.client, &without("poddisruptionbudgets")).await;
    until_logged(&operator, "may not list and watch poddisruptionbudgets").await;
    assert!(!operator.is_leading().await);
    apply(&place.client, jobs).await;
    operator.until_leading().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_waits_for_an_api_server_that_is_away_and_ends_on_sigterm() {
    let place = Place::new().await;
    let known = std::fs::read_to_string(&place.kubeconfig).unwrap();
    let config: serde_json::Value = serde_json::from_str(&known).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    std::fs::write(&place.kubeconfig, known.replace(server, "https://127.0.0.1:1")).unwrap();
    let operator = place.operator("operator").await.start();
    until_logged(&operator, "the API server cannot be reached").await;
    operator.signal(Signal::TERM);
    operator.end_within(Duration::from_secs(5)).await.assert_code(0);
}
