//! What the chart's values let all workers have, and nothing that only has its name.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use serde_json::{Value, json};

use super::children::{Change, add, container, pod, refusal};
use crate::harness::Place;

/// What all workers get in this release.
pub(super) const FOR_WORKERS: &str = r#"workers={"serviceAccount": {"name": "signer"},
    "extraVolumes": [{"name": "map", "configMap": {"name": "map"}}, {"name": "more", "secret": {"secretName": "more"}}],
    "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/ca"}, {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}"#;

fn last(list: &mut Value) -> &mut Value {
    list.as_array_mut().unwrap().last_mut().unwrap()
}

/// Of a Deployment with all that the values under `workers` let it have.
static OF_EXTENSIONS: [(Change, &str); 5] = [
    (|it| pod(it)["serviceAccountName"] = json!("another"), "no account"),
    (|it| last(&mut pod(it)["volumes"])["secret"]["secretName"] = json!("another"), "no volume but"),
    (|it| add(&mut pod(it)["volumes"], json!({"name": "x", "configMap": {"name": "map"}})), "no volume but"),
    (
        |it| last(&mut container(it)["env"])["valueFrom"]["secretKeyRef"]["name"] = json!("another"),
        "variables have values",
    ),
    (
        |it| add(&mut container(it)["env"], json!({"name": "SSL_CERT_FILE", "value": "/another"})),
        "variables have values",
    ),
];

/// What the values under `workers` let workers have, and nothing that only has its name.
pub(super) async fn assert_extensions_pass(operator: &Client, place: &Place, written: &Value) {
    let mut all = written.clone();
    pod(&mut all)["serviceAccountName"] = json!("signer");
    add(&mut pod(&mut all)["volumes"], json!({"name": "map", "configMap": {"name": "map"}}));
    add(&mut pod(&mut all)["volumes"], json!({"name": "more", "secret": {"secretName": "more"}}));
    add(&mut container(&mut all)["env"], json!({"name": "SSL_CERT_FILE", "value": "/ca"}));
    let token = json!({"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}});
    add(&mut container(&mut all)["env"], token);
    assert_eq!(refusal::<Deployment>(operator, place, &all).await, None);
    for (change, message) in &OF_EXTENSIONS {
        let mut changed = all.clone();
        change(&mut changed);
        let refusal = refusal::<Deployment>(operator, place, &changed).await.unwrap_or_default();
        assert!(refusal.contains(message), "{message}: {refusal:?}: {changed}");
    }
}
