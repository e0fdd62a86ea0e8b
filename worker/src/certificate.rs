//! The certificate of a receipt key: by the issuer that this worker was given, or by an issuer of cert-manager, which the operator has make
//! it.
//!
//! ```text
//! spec.signing.issuerRef ─▶ request under the lease of the receipt key ─▶ ledger ─▶ operator ─▶ ledger ─▶ checked ─▶ receipt
//! ```

use std::time::{Duration, SystemTime};

use vaultstream_certificates::{Challenge, JobName, ProveError, check_own, prove};
use vaultstream_ledger::{
    Job, KeyId, Lease,
    certificates::{self, Asked, NewRequest},
    leases::{self, LeaseOutcome},
};
use vaultstream_program::chain;
use vaultstream_signing::{PrivateKey, PublicKey};
use vaultstream_streams::ChallengeBytes;

use crate::{
    certification::Certification,
    session::{Session, SessionError},
};

/// Where the certificates of a receipt come from.
pub(crate) enum Certificates {
    /// From the issuer of this worker; none when it has none.
    Own,
    /// An issuer of cert-manager has made them: that of the key first.
    Issued(Vec<Vec<u8>>),
}

/// Where the certificates of the job's receipt come from; `None` while they are awaited. They are asked for unless that was done with
/// this challenge.
pub(crate) async fn find(
    session: &Session,
    job: &Job,
    key: KeyId,
    challenge: Option<ChallengeBytes>,
) -> Result<Option<Certificates>, SessionError> {
    let by_cluster = matches!(session.shared.certification, Certification::Cluster);
    if !by_cluster || job.spec.signing.issuer_ref.is_none() {
        return Ok(Some(Certificates::Own));
    }
    let mut rows = certificates::of_job(&session.shared.ledger, job.id).await?;
    rows.retain(|row| row.key == key);
    if let Some(issued) = rows.iter_mut().find_map(|row| row.chain.take()) {
        return Ok(Some(Certificates::Issued(issued)));
    }
    let Some(challenge) = challenge.map(read) else { return Ok(None) };
    if rows.iter().all(|row| row.challenge != challenge.id()) {
        request(session, job, key, &challenge).await?;
    }
    Ok(None)
}

/// The certificates that the receipt of `key` is to have. `None` when those that were issued are not the right ones: others are asked for.
pub(crate) async fn certify(
    session: &Session,
    (lease, private): (&Lease, &PrivateKey),
    certificates: Certificates,
    challenge: Option<ChallengeBytes>,
) -> Result<Option<Vec<Vec<u8>>>, SessionError> {
    let (job, public) = (name(&session.job), private.public());
    match certificates {
        Certificates::Own => own(session, &public, &job).map(Some),
        Certificates::Issued(issued) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
            let Err(unsuitable) = check_own(&issued, &public, &job.to_string(), now) else { return Ok(Some(issued)) };
            tracing::warn!(job = %session.job.name, why = chain(&unsuitable), "the certificate of the receipt key cannot be used");
            if let Some(challenge) = challenge.map(read) {
                ask(session, (lease, private), &challenge).await?;
            }
            Ok(None)
        }
    }
}

fn own(session: &Session, key: &PublicKey, job: &JobName<'_>) -> Result<Vec<Vec<u8>>, SessionError> {
    let Certification::Own(Some(issuer)) = &session.shared.certification else { return Ok(Vec::new()) };
    issuer.certify(key, job, SystemTime::now()).map_err(|error| SessionError::Certificate(error.into()))
}

/// Asks for a certificate, unless another worker has the key.
async fn request(session: &Session, job: &Job, key: KeyId, challenge: &Challenge) -> Result<(), SessionError> {
    let (ledger, duration) = (&session.shared.ledger, session.job.spec.keys.lease.duration.as_std());
    let LeaseOutcome::Granted(lease) = leases::take(ledger, job.id, key, duration).await? else { return Ok(()) };
    match session.keys.material(lease.clone()).await {
        Err(error) if error.is_damage() => session.keys.set_aside(&lease, &error).await?,
        material => {
            let (lease, private, _) = material?;
            ask(session, (&lease, &private), challenge).await?;
            leases::release(ledger, &lease).await?;
        }
    }
    Ok(())
}

async fn ask(
    session: &Session,
    (lease, private): (&Lease, &PrivateKey),
    challenge: &Challenge,
) -> Result<(), SessionError> {
    let unproved = |error: ProveError| SessionError::Certificate(error.into());
    let proof = prove(private, &name(&session.job), challenge).map_err(unproved)?;
    let request = NewRequest { challenge: &challenge.id(), signature: &proof.signature, tag: &proof.tag };
    vaultstream_faults::point("before-certificate-request");
    let job = &session.job.name;
    match certificates::ask(&session.shared.ledger, lease, request).await? {
        Asked::Stored => tracing::info!(%job, "asked for a certificate of the receipt key"),
        // The message that asks for the receipt comes again, and whoever gets it then looks anew.
        Asked::LeaseLost => tracing::warn!(
            %job,
            "a certificate of the receipt key could not be asked for, because its lease is over or the job waits for no receipt; trying again"
        ),
    }
    Ok(())
}

fn read(ChallengeBytes(bytes): ChallengeBytes) -> Challenge {
    Challenge::new(bytes)
}

/// The job as this worker began it: what its row says now may be another one.
fn name(job: &Job) -> JobName<'_> {
    JobName { cluster: &job.cluster, namespace: &job.namespace, name: &job.name, uid: job.uid }
}
