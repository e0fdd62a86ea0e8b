//! The certificate of the metrics API, as the chart has cert-manager make it.

use std::path::Path;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use tokio::process::Command;

use crate::harness::{MetricsApi, Place, free_port, program, until};
use crate::issuers::apply;

/// The operator serves what cert-manager made, the API server believes it by the ca.crt, and neither needs a right to a Secret.
#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_api_is_served_with_a_certificate_of_cert_manager() {
    let place = Place::cluster_wide().await;
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/vaultstream");
    let rendered = Command::new(program("helm"))
        .args(["template", "vaultstream", chart.to_str().unwrap(), "--namespace", &place.operator_namespace])
        .args(["--show-only", "templates/certificate.yaml"])
        .args(["--set", "connection.existingSecret=x,metricsApi.certManager.enabled=true"])
        .output()
        .await
        .unwrap();
    apply(&place.operator_namespace, &String::from_utf8(rendered.stdout).unwrap()).await;

    // As the kubelet shows it to the operator's pod, which may be there before it.
    let folder = place.site.dir.path().join("metrics-api");
    std::fs::create_dir(&folder).unwrap();
    let (address, listener) = free_port().await;
    drop(listener);
    let metrics = MetricsApi::serve(&place, address).await;
    let address = address.to_string();
    let serving = ["--register-metrics-api", "--metrics-api-address", &address];
    let folder_given = ["--metrics-api-certificate-dir", folder.to_str().unwrap()];
    let operator = place.operator("operator").await.args(&serving).args(&folder_given).start();
    until("the operator says that it has no certificate", || async {
        operator.get("/readyz").await.is_some_and(|(status, body)| status == 503 && body.contains("certificate"))
    })
    .await;

    let secrets = Api::<Secret>::namespaced(place.client.clone(), &place.operator_namespace);
    let made = async || secrets.get_opt("vaultstream-metrics-api-certificate").await.unwrap().and_then(|it| it.data);
    until("cert-manager has made the certificate", || async {
        made().await.is_some_and(|it| it.contains_key("tls.crt"))
    })
    .await;
    for (name, bytes) in made().await.unwrap() {
        std::fs::write(folder.join(name), bytes.0).unwrap();
    }
    operator.until_leading().await;
    operator.until_ready().await;
    metrics.until_available().await;
}
