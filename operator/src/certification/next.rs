//! What is to be done next for a certificate, from what the ledger and the cluster have. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use uuid::Uuid;
use vaultstream_api::{IssuerRef, Reason};
use vaultstream_certificates::{Challenge, JobName, Proof, ProofError, check_own, request};
use vaultstream_ledger::{Job, certificates::CertificateRow};
use vaultstream_program::chain as program_chain;
use vaultstream_signing::PublicKey;

use super::{
    resource::CertificateRequest,
    verdict::{Verdict, verdict},
};
use crate::fault::ConditionFault;

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

impl CertificateState {
    pub(super) fn failed(reason: Reason, message: String) -> Self {
        Self::Failed(ConditionFault::new(reason, message))
    }
}

/// A request of a worker that has the receipt key and the challenge.
#[derive(Debug)]
pub(super) struct ProvedRequest {
    pub(super) row: CertificateRow,
    key: PublicKey,
    /// The job as a certificate has to name it.
    name: String,
    job: Uuid,
    /// What the issuer is to be asked.
    pub(super) wanted: CertificateRequest,
}

/// The job as its certificate names it.
pub(super) fn job_name(job: &Job) -> JobName<'_> {
    JobName { cluster: &job.cluster, namespace: &job.namespace, name: &job.name, uid: job.uid }
}

/// The request that the issuer is to be asked to fulfil.
///
/// # Errors
/// How far it is, when there is nothing to ask.
pub(super) fn proved(
    rows: Vec<CertificateRow>,
    job: &Job,
    issuer: &IssuerRef,
    challenge: &Challenge,
) -> Result<Box<ProvedRequest>, CertificateState> {
    if rows.iter().any(|row| row.chain.is_some()) {
        return Err(CertificateState::Issued);
    }
    let asked = rows.into_iter().find(|row| row.challenge == challenge.id());
    let Some((row, key)) = asked.and_then(|row| public_key(&row).map(|key| (row, key))) else {
        return Err(CertificateState::Pending("a worker has to ask for the certificate".to_owned()));
    };
    let name = job_name(job);
    let pkcs10 = pkcs10(&row, &key, &name, challenge).map_err(|error| {
        let why = format!("the ledger has a request for a certificate that no worker of the job made: {error}");
        CertificateState::failed(Reason::LedgerAltered, why)
    })?;
    let wanted = CertificateRequest::of(job, issuer, &key, pkcs10);
    Ok(Box::new(ProvedRequest { row, key, name: name.to_string(), job: job.uid, wanted }))
}

/// The key that a request is of; `None` when it is gone from the ledger, or no key: then another one is asked for.
fn public_key(row: &CertificateRow) -> Option<PublicKey> {
    PublicKey::from_spki_der(row.public_key.as_deref()?).ok()
}

fn pkcs10(
    row: &CertificateRow,
    key: &PublicKey,
    name: &JobName<'_>,
    challenge: &Challenge,
) -> Result<String, ProofError> {
    let signature = row.signature.as_slice().try_into().map_err(|_| ProofError::Signature)?;
    let tag = row.tag.as_slice().try_into().map_err(|_| ProofError::Tag)?;
    request(key, name, challenge, &Proof { signature, tag })
}

/// What is to be done with the cluster's CertificateRequest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// There is none: it is to be made.
    Make,
    /// Nothing.
    Wait(CertificateState),
    /// It came to nothing, and is removed, so that it is made again.
    Remove(CertificateState),
    /// The right certificates are to be stored.
    Store(Vec<Vec<u8>>),
}

impl ProvedRequest {
    /// What is to be done, when the cluster has `found` under the name of what is wanted.
    pub(super) fn next(&self, found: Option<&CertificateRequest>, now: Timestamp) -> Next {
        let Some(found) = found else { return Next::Make };
        let name = found.name_any();
        if !found.is_of(self.job) {
            let why = format!("the CertificateRequest {name} is not the operator's: remove it");
            return Next::Wait(CertificateState::failed(Reason::CertificateFailed, why));
        }
        let ConditionFault { reason, message } = match verdict(found) {
            Verdict::Pending(message) => {
                return Next::Wait(CertificateState::Pending(format!("the CertificateRequest {name}: {message}")));
            }
            Verdict::Issued(chain) => match check_own(&chain, &self.key, &self.name, since_1970(now)) {
                Ok(_) => return Next::Store(chain),
                Err(error) => ConditionFault::new(Reason::CertificateUnsuitable, program_chain(&error)),
            },
            Verdict::Failed(fault) => fault,
        };
        let state = CertificateState::failed(reason, format!("the CertificateRequest {name}: {message}"));
        if found.is_older_than(RETRY_INTERVAL, now) { Next::Remove(state) } else { Next::Wait(state) }
    }
}

fn since_1970(now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{ByteString, apimachinery::pkg::apis::meta::v1::Time};
    use vaultstream_certificates::prove;
    use vaultstream_ledger::{JobState, KeyId};
    use vaultstream_signing::PrivateKey;

    use super::*;
    use crate::job::fixtures::{certificate, from_yaml, now, row as job_row};

    fn key(byte: u8) -> PrivateKey {
        PrivateKey::from_scalar(&[byte; 32]).unwrap()
    }

    fn challenge(byte: u8) -> Challenge {
        Challenge::new([byte; 32])
    }

    fn job() -> Job {
        job_row(JobState::Finishing)
    }

    /// What a worker asks for that has this key and this challenge.
    fn asked(key: &PrivateKey, job: &Job, challenge: &Challenge) -> CertificateRow {
        let proof = prove(key, &job_name(job), challenge).unwrap();
        CertificateRow {
            challenge: challenge.id().to_vec(),
            key: KeyId(1),
            public_key: Some(key.public().spki_der().to_vec()),
            signature: proof.signature.to_vec(),
            tag: proof.tag.to_vec(),
            chain: None,
        }
    }

    fn proved_by(rows: Vec<CertificateRow>) -> Result<Box<ProvedRequest>, CertificateState> {
        proved(rows, &job(), &from_yaml("{name: ca}"), &challenge(2))
    }

    fn request_of_job() -> Box<ProvedRequest> {
        proved_by(vec![asked(&key(1), &job(), &challenge(2))]).unwrap()
    }

    /// What the cluster has of this request, which was made so many seconds ago, with this status.
    fn found(request: &ProvedRequest, age: i64, status: &str) -> CertificateRequest {
        let mut found = request.wanted.clone();
        let made = now().checked_sub(SignedDuration::from_secs(age)).unwrap();
        found.metadata.creation_timestamp = Some(Time(made));
        found.status = from_yaml(status);
        found
    }

    /// The same, with this certificate.
    fn issued(request: &ProvedRequest, age: i64, certificate: &rcgen::Certificate) -> CertificateRequest {
        let mut found = found(request, age, "{conditions: [{type: Ready, status: 'True', reason: Issued}]}");
        found.status.as_mut().unwrap().certificate = Some(ByteString(certificate.pem().into_bytes()));
        found
    }

    fn reason(state: &CertificateState) -> Reason {
        match state {
            CertificateState::Failed(fault) => fault.reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_issuer_is_asked_what_a_worker_has_proved_with_the_challenge_of_this_operator() {
        let (job, ours) = (job(), challenge(2));
        let right = asked(&key(1), &job, &ours);
        assert_eq!(proved_by(vec![asked(&key(3), &job, &challenge(4)), right.clone()]).unwrap().row, right);
        let pending = CertificateState::Pending("a worker has to ask for the certificate".to_owned());
        let without_key = CertificateRow { public_key: None, ..right.clone() };
        // Asked for by the challenge of another operator, or with a key that is gone.
        for rows in [vec![], vec![asked(&key(1), &job, &challenge(4))], vec![without_key]] {
            assert_eq!(proved_by(rows).unwrap_err(), pending);
        }
        let issued = CertificateRow { chain: Some(vec![vec![1]]), ..right.clone() };
        assert_eq!(proved_by(vec![right, issued]).unwrap_err(), CertificateState::Issued);
    }

    #[test]
    fn who_can_only_write_the_ledger_has_nothing_certified() {
        let (job, ours) = (job(), challenge(2));
        let right = asked(&key(1), &job, &ours);
        let named = |row: CertificateRow| CertificateRow { challenge: ours.id().to_vec(), ..row };
        let other_job = Job { name: "other".to_owned(), ..job.clone() };
        for forged in [
            // A key of their own, with a challenge of their own under the right name.
            named(asked(&key(3), &job, &challenge(4))),
            CertificateRow { public_key: Some(key(3).public().spki_der().to_vec()), ..right.clone() },
            CertificateRow { signature: vec![1; 64], ..right.clone() },
            CertificateRow { signature: Vec::new(), ..right.clone() },
            CertificateRow { tag: vec![1; 32], ..right.clone() },
            CertificateRow { tag: Vec::new(), ..right.clone() },
            asked(&key(1), &other_job, &ours),
        ] {
            let state = proved_by(vec![forged.clone()]).unwrap_err();
            assert_eq!(reason(&state), Reason::LedgerAltered, "{forged:?}");
        }
    }

    #[test]
    fn a_request_under_the_same_name_that_another_owns_is_not_believed() {
        let request = request_of_job();
        assert_eq!(request.next(None, now()), Next::Make);
        let own = certificate(&key(1).public(), &request.name);
        let mut others = issued(&request, 3600, &own);
        let theirs = [None, Some(Vec::new()), Some(vec![Default::default()])];
        for owners in theirs {
            others.metadata.owner_references = owners;
            let Next::Wait(state) = request.next(Some(&others), now()) else { panic!("it is used or removed") };
            assert_eq!(reason(&state), Reason::CertificateFailed);
        }
    }

    #[test]
    fn only_the_certificate_of_this_key_and_this_job_is_stored() {
        let request = request_of_job();
        let next = |certificate: &rcgen::Certificate| request.next(Some(&issued(&request, 1, certificate)), now());
        let own = certificate(&key(1).public(), &request.name);
        assert_eq!(next(&own), Next::Store(vec![own.der().to_vec()]));
        let other_job = certificate(&key(1).public(), "vaultstream://cluster/default/other");
        for other in [certificate(&key(3).public(), &request.name), other_job] {
            let Next::Wait(state) = next(&other) else { panic!("it is stored or removed") };
            assert_eq!(reason(&state), Reason::CertificateUnsuitable);
        }
    }

    #[test]
    fn what_came_to_nothing_is_told_at_once_and_made_again_after_a_minute() {
        let request = request_of_job();
        let denied = "{conditions: [{type: Denied, status: 'True', message: no}]}";
        let failed = "{conditions: [{type: Ready, status: 'False', reason: Failed, message: no}]}";
        let unsuitable = issued(&request, 0, &certificate(&key(3).public(), &request.name)).status;
        let mut cases = Vec::new();
        for (status, reason) in [(denied, Reason::CertificateDenied), (failed, Reason::CertificateFailed)] {
            cases.push((from_yaml(status), reason));
        }
        cases.push((unsuitable, Reason::CertificateUnsuitable));
        for (status, wanted) in cases {
            let at = |age| CertificateRequest { status: status.clone(), ..found(&request, age, "null") };
            let Next::Wait(young) = request.next(Some(&at(59)), now()) else { panic!("it is removed or stored") };
            let Next::Remove(old) = request.next(Some(&at(61)), now()) else { panic!("it is kept or stored") };
            assert_eq!((reason(&young), reason(&old)), (wanted, wanted));
        }
        // What cert-manager still works on is left alone.
        let pending = found(&request, 3600, "{conditions: [{type: Approved, status: 'True'}]}");
        assert!(matches!(request.next(Some(&pending), now()), Next::Wait(CertificateState::Pending(_))));
    }
}
