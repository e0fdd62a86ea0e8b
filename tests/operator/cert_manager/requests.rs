//! The CertificateRequests of a job.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::harness::{Job, until};

fn api(job: &Job) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("cert-manager.io", "v1", "CertificateRequest"));
    Api::namespaced_with(job.api.clone().into_client(), &job.namespace, &resource)
}

/// Those that the job owns.
async fn of_job(job: &Job) -> Vec<DynamicObject> {
    let mut found = api(job).list(&ListParams::default()).await.unwrap().items;
    let uid = job.uid.to_string();
    found.retain(|request| request.owner_references().iter().any(|owner| owner.uid == uid));
    found
}

/// The one that there is.
pub(crate) async fn only_request(job: &Job) -> DynamicObject {
    let mut found = of_job(job).await;
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// The name of the one that is made.
pub(crate) async fn until_there(job: &Job) -> String {
    until("the operator asks for a certificate", || async { !of_job(job).await.is_empty() }).await;
    only_request(job).await.name_any()
}

pub(crate) async fn until_none(job: &Job) {
    until("no CertificateRequest is left", || async { of_job(job).await.is_empty() }).await;
}

/// Denies it as an approver does.
pub(crate) async fn deny(job: &Job, name: &str, why: &str) {
    let denied = json!({"type": "Denied", "status": "True", "reason": "Policy", "message": why});
    let patch = Patch::Merge(json!({"status": {"conditions": [denied]}}));
    api(job).patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

pub(crate) async fn remove(job: &Job, name: &str) {
    api(job).delete(name, &DeleteParams::default()).await.unwrap();
}

/// The certificate that cert-manager has issued, as `openssl x509 -text` prints it.
pub(crate) fn certificate_as_text(request: &DynamicObject) -> String {
    let pem = STANDARD.decode(request.data["status"]["certificate"].as_str().unwrap()).unwrap();
    let mut openssl = Command::new("openssl");
    let openssl = openssl.args(["x509", "-noout", "-text"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = openssl.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&pem).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}
