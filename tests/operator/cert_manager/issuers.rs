//! Issuers of cert-manager, as an administrator makes them.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use crate::harness::{Place, kubectl, kubectl_with_input};

/// The namespace of cert-manager, where ClusterIssuers have their Secrets.
pub(crate) const CERT_MANAGER: &str = "cert-manager";

/// A certificate authority that cert-manager has made, and an issuer of kind CA that issues by it.
pub(crate) struct Authority {
    pub(crate) name: String,
    /// A file with its certificate, in PEM.
    pub(crate) root: PathBuf,
}

impl Authority {
    /// With an Issuer in the place's namespace.
    pub(crate) async fn new(place: &Place, name: &str) -> Self {
        Self::make(place, name, "Issuer", &place.namespace).await
    }

    /// With a ClusterIssuer, which has the name of the place's namespace.
    pub(crate) async fn for_all_namespaces(place: &Place) -> Self {
        Self::make(place, &place.namespace, "ClusterIssuer", CERT_MANAGER).await
    }

    async fn make(place: &Place, name: &str, kind: &str, namespace: &str) -> Self {
        let manifests = format!(
            "apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {{name: self-signed}}
spec: {{selfSigned: {{}}}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {{name: {name}}}
spec:
  isCA: true
  commonName: {name}
  secretName: {name}
  privateKey: {{algorithm: ECDSA, size: 256}}
  issuerRef: {{name: self-signed, kind: ClusterIssuer}}
---
apiVersion: cert-manager.io/v1
kind: {kind}
metadata: {{name: {name}}}
spec: {{ca: {{secretName: {name}}}}}
"
        );
        apply(namespace, &manifests).await;
        wait(namespace, "Ready", &format!("{kind}/{name}")).await;
        let secrets = Api::<Secret>::namespaced(place.client.clone(), namespace);
        let pem = secrets.get(name).await.unwrap().data.unwrap().remove("tls.crt").unwrap().0;
        let root = place.site.dir.path().join(format!("{name}.pem"));
        std::fs::write(&root, pem).unwrap();
        Self { name: name.to_owned(), root }
    }

    /// Its name in what it issues.
    pub(crate) fn subject(&self) -> String {
        format!("CN={}", self.name)
    }
}

/// Applies manifests in a namespace. Tests that run at the same time have some of them in common.
pub(crate) async fn apply(namespace: &str, manifests: &str) {
    let (applied, said) = kubectl_with_input(&["-n", namespace, "apply", "--server-side", "-f", "-"], manifests).await;
    assert!(applied, "{said}");
}

/// Deletes an object, and waits until it is gone.
pub(crate) async fn delete(namespace: &str, what: &str) {
    let (deleted, said) = kubectl(&["-n", namespace, "delete", what]).await;
    assert!(deleted, "{said}");
}

async fn wait(namespace: &str, condition: &str, what: &str) {
    let condition = format!("--for=condition={condition}");
    let (met, said) = kubectl(&["-n", namespace, "wait", &condition, what, "--timeout=60s"]).await;
    if !met {
        let (_, why) = kubectl(&["-n", namespace, "describe", "issuers,clusterissuers,certificates"]).await;
        let (_, log) = kubectl(&["-n", CERT_MANAGER, "logs", "deployment/cert-manager", "--tail", "20"]).await;
        panic!("{said}\n{why}\n---- cert-manager\n{log}");
    }
}
