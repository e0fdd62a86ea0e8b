//! cert-manager's CertificateRequest.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{CustomResource, Resource as _, api::ObjectMeta};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use vaultstream_api::{ChildNames, IssuerRef, JobName, SigningJob, names::child_labels};
use vaultstream_ledger::Job;
use vaultstream_signing::PublicKey;

/// How long a certificate is to be valid. Its key signs one receipt, at once, and that has the time of it.
const DURATION: &str = "24h0m0s";

/// The fields of cert-manager's CertificateRequest that the operator sets or reads, as [cert-manager documents
/// it](https://cert-manager.io/docs/reference/api-docs/#cert-manager.io/v1.CertificateRequest).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource)]
#[kube(
    group = "cert-manager.io",
    version = "v1",
    kind = "CertificateRequest",
    namespaced,
    schema = "disabled",
    status = "CertificateRequestStatus",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateRequestSpec {
    /// PKCS #10 in PEM.
    request: ByteString,
    issuer_ref: IssuerRef,
    duration: String,
    #[serde(rename = "isCA")]
    is_ca: bool,
    usages: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CertificateRequestStatus {
    #[serde(default)]
    pub(super) conditions: Vec<RequestCondition>,
    /// Certificates in PEM, that of the key first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<ByteString>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RequestCondition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) reason: String,
    #[serde(default)]
    pub(super) message: String,
}

impl CertificateRequest {
    /// The request for the certificate of a job's receipt key. Its name has a hash of key and issuer: with another one it is another request.
    pub(super) fn of(job: &Job, issuer: &IssuerRef, key: &PublicKey, pkcs10: String) -> Self {
        let IssuerRef { name, kind, group } = issuer;
        let mut hash = Sha256::new();
        for part in [key.spki_der(), name.as_bytes(), kind.as_bytes(), group.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let hash = hash.finalize();
        let hash = u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
        let job_name = job.name.parse::<JobName>().ok();
        let labels = job_name.as_ref().map(|name| child_labels(name, &job.uid.to_string()));
        let prefix = job_name.map_or_else(|| job.name.clone(), |name| ChildNames::of(&name).workers);
        Self {
            metadata: ObjectMeta {
                name: Some(format!("{prefix}-{hash:016x}")),
                namespace: Some(job.namespace.clone()),
                labels,
                owner_references: Some(vec![OwnerReference {
                    api_version: SigningJob::api_version(&()).into_owned(),
                    kind: SigningJob::kind(&()).into_owned(),
                    name: job.name.clone(),
                    uid: job.uid.to_string(),
                    controller: Some(true),
                    block_owner_deletion: Some(true),
                }]),
                ..ObjectMeta::default()
            },
            spec: CertificateRequestSpec {
                request: ByteString(pkcs10.into_bytes()),
                issuer_ref: issuer.clone(),
                duration: DURATION.to_owned(),
                is_ca: false,
                usages: vec!["digital signature".to_owned()],
            },
            status: None,
        }
    }

    /// Whether the SigningJob with this uid owns it.
    pub(super) fn is_of(&self, job: Uuid) -> bool {
        let job = job.to_string();
        self.metadata.owner_references.iter().flatten().any(|owner| owner.uid == job)
    }

    /// Whether it was made that long ago.
    pub(super) fn is_older_than(&self, age: SignedDuration, now: Timestamp) -> bool {
        self.metadata.creation_timestamp.as_ref().is_some_and(|made| now.duration_since(made.0) > age)
    }
}
