//! From what the API server stores to what the rest of the operator reads. Pure.
//!
//! The API server has checked the schema and its rules; an object written under an older CRD may still break them.

use std::time::SystemTime;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use uuid::Uuid;
use vaultstream_api::{
    JobName, Namespace, Phase, SigningJob, SigningJobSpec, SigningJobStatus,
    names::{RETRY_REJECTS, UPGRADE_WORKERS},
};

use crate::work::{Known, Order};

/// A SigningJob that can be worked on. Nothing reads the raw object after this.
#[derive(Clone, Debug)]
pub(crate) struct Valid {
    pub(crate) name: JobName,
    pub(crate) namespace: Namespace,
    pub(crate) uid: Uuid,
    pub(crate) generation: i64,
    pub(crate) created: SystemTime,
    pub(crate) owner: OwnerReference,
    pub(crate) spec: SigningJobSpec,
    pub(crate) status: SigningJobStatus,
    /// Its workers take a new image of the operator at once.
    pub(crate) upgrade_workers: bool,
    /// Its rejects shall be tried again.
    pub(crate) retry_rejects: bool,
}

/// Why a SigningJob cannot be worked on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Invalid(String);

impl Valid {
    pub(crate) fn order(&self) -> Order {
        Order {
            uid: self.uid,
            namespace: self.namespace.to_string(),
            name: self.name.to_string(),
            created: self.created,
            spec: self.spec.clone(),
            generation: self.generation,
            retry_rejects: self.retry_rejects,
        }
    }

    /// What its status says was in the ledger.
    pub(crate) fn known(&self) -> Known {
        let signed = self.status.records.as_ref().and_then(|records| records.signed);
        Known {
            begun: self.status.phase.is_some_and(|phase| phase != Phase::Pending),
            signed: signed.and_then(|signed| i64::try_from(signed).ok()).unwrap_or(0),
        }
    }
}

/// Checks names and rules.
pub(crate) fn check(job: &SigningJob) -> Result<Valid, Invalid> {
    let told = |error: &dyn std::fmt::Display| Invalid(error.to_string());
    let name = job.name_any().parse().map_err(|error| told(&error))?;
    let namespace = job.namespace().unwrap_or_default().parse().map_err(|error| told(&error))?;
    let uid = job.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok());
    let uid = uid.ok_or_else(|| Invalid("metadata.uid is missing".to_owned()))?;
    let owner = job.controller_owner_ref(&()).ok_or_else(|| Invalid("metadata is incomplete".to_owned()))?;
    job.spec
        .validate()
        .map_err(|errors| Invalid(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    let is_set = |annotation| job.annotations().get(annotation).is_some_and(|value| value == "true");
    let created = job.creation_timestamp().map_or(SystemTime::UNIX_EPOCH, |time| time.0.into());
    Ok(Valid {
        name,
        namespace,
        uid,
        generation: job.metadata.generation.unwrap_or_default(),
        created,
        owner,
        spec: job.spec.clone(),
        status: job.status.clone().unwrap_or_default(),
        upgrade_workers: is_set(UPGRADE_WORKERS),
        retry_rejects: is_set(RETRY_REJECTS),
    })
}
