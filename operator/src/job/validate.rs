//! From what the API server stores to what the rest of the operator reads. Pure.
//!
//! The API server has checked the schema and its rules. An object that was written under an older CRD may still break them.

use std::time::SystemTime;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use uuid::Uuid;
use vaultstream_api::{
    JobName, Namespace, Phase, SigningJob, SigningJobSpec, SigningJobStatus,
    names::{RETRY_REJECTS, UPGRADE_WORKERS},
};

use crate::lifecycle::request::{JobRequest, KnownProgress};

/// A SigningJob whose names and spec are valid. Later stages read this, never the raw object.
#[derive(Clone, Debug)]
pub(crate) struct ValidJob {
    pub(crate) name: JobName,
    pub(crate) namespace: Namespace,
    pub(crate) uid: Uuid,
    /// The version of the object that this was read from.
    pub(crate) version: Option<String>,
    pub(crate) generation: i64,
    pub(crate) created: SystemTime,
    pub(crate) owner: OwnerReference,
    pub(crate) spec: SigningJobSpec,
    pub(crate) status: SigningJobStatus,
    /// Its workers take a new image of the operator at once.
    pub(crate) upgrade_workers: bool,
    /// Its rejects are to be tried again.
    pub(crate) retry_rejects: bool,
}

/// Why a SigningJob is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidJob(String);

impl ValidJob {
    /// What the job's task is asked for.
    pub(crate) fn request(&self) -> JobRequest {
        JobRequest {
            uid: self.uid,
            namespace: self.namespace.to_string(),
            name: self.name.to_string(),
            created: self.created,
            spec: self.spec.clone(),
            generation: self.generation,
            retry_rejects: self.retry_rejects,
        }
    }

    /// What was in the ledger according to the status.
    pub(crate) fn known_progress(&self) -> KnownProgress {
        let signed = self.status.records.as_ref().and_then(|records| records.signed);
        KnownProgress {
            begun: self.status.phase.is_some_and(|phase| phase != Phase::Pending),
            signed: signed.and_then(|signed| i64::try_from(signed).ok()).unwrap_or(0),
        }
    }
}

/// Checks the names and the spec.
pub(crate) fn validate(job: &SigningJob) -> Result<ValidJob, InvalidJob> {
    let invalid = |error: &dyn std::fmt::Display| InvalidJob(error.to_string());
    let name = job.name_any().parse().map_err(|error| invalid(&error))?;
    let namespace = job.namespace().unwrap_or_default().parse().map_err(|error| invalid(&error))?;
    let uid = job.uid().as_deref().and_then(|uid| Uuid::parse_str(uid).ok());
    let uid = uid.ok_or_else(|| InvalidJob("metadata.uid is missing".to_owned()))?;
    let owner = job.controller_owner_ref(&()).ok_or_else(|| InvalidJob("metadata is incomplete".to_owned()))?;
    job.spec
        .validate()
        .map_err(|errors| InvalidJob(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    let is_set = |annotation| job.annotations().get(annotation).is_some_and(|value| value == "true");
    let created = job.creation_timestamp().map_or(SystemTime::UNIX_EPOCH, |time| time.0.into());
    Ok(ValidJob {
        name,
        namespace,
        uid,
        version: job.metadata.resource_version.clone(),
        generation: job.metadata.generation.unwrap_or_default(),
        created,
        owner,
        spec: job.spec.clone(),
        status: job.status.clone().unwrap_or_default(),
        upgrade_workers: is_set(UPGRADE_WORKERS),
        retry_rejects: is_set(RETRY_REJECTS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::fixtures::{signing_job, valid_job};

    #[test]
    fn a_valid_job_is_requested_as_it_is_written() {
        let job = valid_job("{}");
        let request = job.request();
        assert_eq!((request.namespace.as_str(), request.name.as_str()), ("default", "invoices"));
        assert_eq!(request.uid.to_string(), "0d9b2f6c-0000-4000-8000-000000000001");
        assert_eq!((request.generation, request.retry_rejects), (3, false));
        assert_eq!(request.created, SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_767_225_600));
        assert_eq!(request.spec, job.spec);
        assert_eq!((job.owner.name.as_str(), job.owner.controller), ("invoices", Some(true)));
    }

    #[test]
    fn an_annotation_counts_when_it_is_true() {
        let annotated = |name: &str, value: &str| {
            let job = valid_job(&format!("{{metadata: {{annotations: {{{name}: '{value}'}}}}}}"));
            (job.upgrade_workers, job.retry_rejects)
        };
        assert_eq!(annotated(UPGRADE_WORKERS, "true"), (true, false));
        assert_eq!(annotated(RETRY_REJECTS, "true"), (false, true));
        assert_eq!(annotated(RETRY_REJECTS, "yes"), (false, false));
    }

    #[test]
    fn what_an_older_type_let_through_is_refused_by_its_field() {
        let why = |yaml: &str| validate(&signing_job(yaml)).unwrap_err().to_string();
        assert_eq!(why("{metadata: {uid: null}}"), "metadata.uid is missing");
        assert_eq!(why("{metadata: {uid: three}}"), "metadata.uid is missing");
        assert!(why("{metadata: {name: Invoices}}").contains("Invoices"), "{}", why("{metadata: {name: Invoices}}"));
        let two = why("{spec: {batchSize: 0, workers: {minReplicas: 3, maxReplicas: 2}}}");
        assert!(two.contains("spec.batchSize") && two.contains("minReplicas") && two.contains("; "), "{two}");
    }

    #[test]
    fn the_status_says_what_was_in_the_ledger() {
        let known = |yaml: &str| valid_job(yaml).known_progress();
        assert_eq!(known("{}"), KnownProgress { begun: false, signed: 0 });
        assert_eq!(known("{status: {phase: Pending}}"), KnownProgress { begun: false, signed: 0 });
        let signing = "{status: {phase: Signing, records: {signed: 7}}}";
        assert_eq!(known(signing), KnownProgress { begun: true, signed: 7 });
        assert_eq!(known("{status: {phase: Seeding, records: {}}}"), KnownProgress { begun: true, signed: 0 });
    }
}
