//! Certificates of receipt keys by issuers of cert-manager (`spec.signing.issuerRef`).
//!
//! ```text
//! challenge ─ message ─▶ worker ─▶ proof in the ledger ─▶ checked ─▶ CertificateRequest ─▶ cert-manager
//!                                                                                             │
//!     worker, which signs the receipt ◀─ ledger ◀─ checked: this key, this job, valid ◀───────┘
//! ```
//!
//! Nothing is kept in memory: what was asked for stands in the ledger and in the cluster, so that a new leader continues.

mod resource;
mod verdict;

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, PostParams, Preconditions},
};
use vaultstream_api::{IssuerRef, Reason};
use vaultstream_certificates::{
    CertificateError, Certified, Challenge, JobName, Proof, ProofError, check_own, request,
};
use vaultstream_ledger::{
    Job, JobState, Ledger, QueryError,
    certificates::{self, CertificateRow},
};
use vaultstream_program::chain as program_chain;
use vaultstream_signing::PublicKey;
use vaultstream_streams::{ChallengeBytes, FinishChallenge};

use self::{
    resource::CertificateRequest,
    verdict::{Verdict, verdict},
};
use crate::{fault::ConditionFault, permissions::OPERATOR};

/// The age of a request that came to nothing at which it is made again.
const RETRY_INTERVAL: SignedDuration = SignedDuration::from_secs(60);

/// How far the certificate of a receipt key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CertificateState {
    /// Somebody else has to act; what is waited for.
    Pending(String),
    /// It came to nothing, and is tried again.
    Failed(ConditionFault),
    /// The ledger has it.
    Issued,
}

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
        if rows.iter().any(|row| row.chain.is_some()) {
            return Ok(CertificateState::Issued);
        }
        let name = JobName { cluster: &job.cluster, namespace: &job.namespace, name: &job.name, uid: job.uid };
        let challenge = Challenge::of_job(&self.secret, &name);
        let asked = rows.into_iter().find(|row| row.challenge == challenge.id());
        let Some((row, key)) = asked.and_then(|row| public_key(&row).map(|key| (row, key))) else {
            return Ok(CertificateState::Pending("a worker has to ask for the certificate".to_owned()));
        };
        let pkcs10 = match proved(&row, &key, &name, &challenge) {
            Ok(pkcs10) => pkcs10,
            Err(error) => {
                let why = format!("the ledger has a request for a certificate that no worker of the job made: {error}");
                return Ok(failed(Reason::LedgerAltered, why));
            }
        };
        let wanted = CertificateRequest::of(job, issuer, &key, pkcs10);
        match self.ask(&wanted, job, |chain| check_own(chain, &key, &name.to_string(), now())).await {
            Ok(Answer::State(state)) => Ok(state),
            Ok(Answer::Chain(chain)) => {
                vaultstream_faults::point("before-certificate");
                certificates::store(ledger, job.id, &row, &chain).await?;
                Ok(CertificateState::Issued)
            }
            Err(error) => Ok(refused(&error)),
        }
    }

    /// Makes the request, or looks what became of it.
    async fn ask(
        &self,
        wanted: &CertificateRequest,
        job: &Job,
        check: impl Fn(&[Vec<u8>]) -> Result<Certified, CertificateError>,
    ) -> Result<Answer, kube::Error> {
        let api = Api::<CertificateRequest>::namespaced(self.client.clone(), &job.namespace);
        let name = wanted.name_any();
        let Some(found) = api.get_opt(&name).await? else {
            let params = PostParams { field_manager: Some(OPERATOR.to_owned()), ..PostParams::default() };
            match api.create(&params, wanted).await {
                Err(kube::Error::Api(status)) if status.is_already_exists() => {}
                created => drop(created?),
            }
            vaultstream_faults::point("certificate-requested");
            return Ok(pending(format!("the CertificateRequest {name} was made")));
        };
        if !found.is_of(job.uid) {
            let why = format!("the CertificateRequest {name} is not the operator's: remove it");
            return Ok(Answer::State(failed(Reason::CertificateFailed, why)));
        }
        let came_to_nothing = match verdict(&found) {
            Verdict::Pending(message) => return Ok(pending(format!("the CertificateRequest {name}: {message}"))),
            Verdict::Issued(chain) => match check(&chain) {
                Ok(_) => return Ok(Answer::Chain(chain)),
                Err(error) => ConditionFault::new(Reason::CertificateUnsuitable, program_chain(&error)),
            },
            Verdict::Failed(fault) => fault,
        };
        let ConditionFault { reason, message } = came_to_nothing;
        if found.is_older_than(RETRY_INTERVAL, Timestamp::now()) {
            let this = Preconditions { uid: found.uid(), resource_version: None };
            let params = DeleteParams { preconditions: Some(this), ..DeleteParams::default() };
            match api.delete(&name, &params).await {
                Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
                deleted => drop(deleted?),
            }
        }
        Ok(Answer::State(failed(reason, format!("the CertificateRequest {name}: {message}"))))
    }
}

/// What there is in the cluster for a request.
enum Answer {
    State(CertificateState),
    /// The right certificates.
    Chain(Vec<Vec<u8>>),
}

fn pending(what: String) -> Answer {
    Answer::State(CertificateState::Pending(what))
}

fn failed(reason: Reason, message: String) -> CertificateState {
    CertificateState::Failed(ConditionFault::new(reason, message))
}

/// The key that a request is of; `None` when it is gone from the ledger, or no key: then another one is asked for.
fn public_key(row: &CertificateRow) -> Option<PublicKey> {
    PublicKey::from_spki_der(row.public_key.as_deref()?).ok()
}

fn proved(
    row: &CertificateRow,
    key: &PublicKey,
    name: &JobName<'_>,
    challenge: &Challenge,
) -> Result<String, ProofError> {
    let signature = row.signature.as_slice().try_into().map_err(|_| ProofError::Signature)?;
    let tag = row.tag.as_slice().try_into().map_err(|_| ProofError::Tag)?;
    request(key, name, challenge, &Proof { signature, tag })
}

/// What the API server says when it has no such resource, or refuses it.
fn refused(error: &kube::Error) -> CertificateState {
    match error {
        kube::Error::Api(status) if status.is_not_found() => failed(
            Reason::CertificateFailed,
            "the cluster has no CertificateRequests: install cert-manager, or remove spec.signing.issuerRef".to_owned(),
        ),
        kube::Error::Api(status) => failed(
            Reason::CertificateFailed,
            format!("the API server refuses a CertificateRequest: {}", status.message),
        ),
        other => CertificateState::Pending(format!("the API server does not answer: {}", program_chain(other))),
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO)
}
