//! Certificates of receipt keys by issuers of cert-manager (`spec.signing.issuerRef`).
//!
//! ```text
//! challenge ─ message ─▶ worker ─▶ proof in the ledger ─▶ checked ─▶ CertificateRequest ─▶ cert-manager
//!                                                                                             │
//!     worker, which signs the receipt ◀─ ledger ◀─ checked: this key, this job, valid ◀───────┘
//! ```
//!
//! Nothing is kept in memory: what was asked for stands in the ledger and in the cluster, so that a new leader continues.

mod next;
mod receipt;
mod resource;
mod verdict;

use jiff::Timestamp;
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, PostParams, Preconditions},
};
use vaultstream_api::{IssuerRef, Reason};
use vaultstream_certificates::{Challenge, JobName};
use vaultstream_ledger::{Job, JobState, Ledger, QueryError, certificates};
use vaultstream_program::chain as program_chain;
use vaultstream_streams::{ChallengeBytes, FinishChallenge};

pub(crate) use self::{
    next::CertificateState,
    receipt::{Uncertified, check_receipt},
};
use self::{
    next::{Next, ProvedRequest, job_name, proved},
    resource::CertificateRequest,
};
use crate::permissions::OPERATOR;

/// Has issuers certify receipt keys.
#[derive(Clone)]
pub(crate) struct Certifier {
    client: Client,
    /// What the challenges of all jobs are made of. Another leader has another one.
    secret: Challenge,
}

impl Certifier {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, secret: Challenge::new(rand::random()) }
    }

    /// What the workers of a job have to know to ask for the certificate; `None` for a job whose spec names no issuer.
    pub(crate) fn finish_challenge(&self, issuer: Option<&IssuerRef>, job: &JobName<'_>) -> Option<FinishChallenge> {
        issuer?;
        let challenge = Challenge::of_job(&self.secret, job);
        let name = u64::from_be_bytes(challenge.id());
        Some(FinishChallenge { name: format!("{name:016x}"), challenge: ChallengeBytes(*challenge.bytes()) })
    }

    /// Does the next thing for the certificate of a job that waits for its receipt; `None` for every other job.
    ///
    /// # Errors
    /// When the ledger fails.
    pub(crate) async fn step(&self, ledger: &Ledger, job: &Job) -> Result<Option<CertificateState>, QueryError> {
        match &job.spec.signing.issuer_ref {
            Some(issuer) if job.state == JobState::Finishing && job.receipt.is_none() => {
                self.certify(ledger, job, issuer).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn certify(&self, ledger: &Ledger, job: &Job, issuer: &IssuerRef) -> Result<CertificateState, QueryError> {
        let rows = certificates::of_job(ledger, job.id).await?;
        let request = match proved(rows, job, issuer, &Challenge::of_job(&self.secret, &job_name(job))) {
            Ok(request) => request,
            Err(state) => return Ok(state),
        };
        match self.ask(&request, &job.namespace).await {
            Ok(Answer::State(state)) => Ok(state),
            Ok(Answer::Chain(chain)) => {
                vaultstream_faults::point("before-certificate");
                certificates::store(ledger, job.id, &request.row, &chain).await?;
                Ok(CertificateState::Issued)
            }
            Err(error) => Ok(refused(&error)),
        }
    }

    /// Makes the request, or looks what became of it.
    async fn ask(&self, request: &ProvedRequest, namespace: &str) -> Result<Answer, kube::Error> {
        let api = Api::<CertificateRequest>::namespaced(self.client.clone(), namespace);
        let name = request.wanted.name_any();
        let found = api.get_opt(&name).await?;
        let state = match request.next(found.as_ref(), Timestamp::now()) {
            Next::Store(chain) => return Ok(Answer::Chain(chain)),
            Next::Wait(state) => state,
            Next::Make => {
                let params = PostParams { field_manager: Some(OPERATOR.to_owned()), ..PostParams::default() };
                match api.create(&params, &request.wanted).await {
                    Err(kube::Error::Api(status)) if status.is_already_exists() => {}
                    created => drop(created?),
                }
                vaultstream_faults::point("certificate-requested");
                CertificateState::Pending(format!("the CertificateRequest {name} was made"))
            }
            Next::Remove(state) => {
                let this = Preconditions { uid: found.and_then(|found| found.uid()), resource_version: None };
                let params = DeleteParams { preconditions: Some(this), ..DeleteParams::default() };
                match api.delete(&name, &params).await {
                    Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
                    deleted => drop(deleted?),
                }
                state
            }
        };
        Ok(Answer::State(state))
    }
}

/// What there is in the cluster for a request.
enum Answer {
    State(CertificateState),
    /// The right certificates.
    Chain(Vec<Vec<u8>>),
}

/// What the API server says when it has no such resource, or refuses it.
fn refused(error: &kube::Error) -> CertificateState {
    match error {
        kube::Error::Api(status) if status.is_not_found() => CertificateState::failed(
            Reason::CertificateFailed,
            "the cluster has no CertificateRequests: install cert-manager, or remove spec.signing.issuerRef".to_owned(),
        ),
        kube::Error::Api(status) => CertificateState::failed(
            Reason::CertificateFailed,
            format!("the API server refuses a CertificateRequest: {}", status.message),
        ),
        other => CertificateState::Pending(format!("the API server does not answer: {}", program_chain(other))),
    }
}
