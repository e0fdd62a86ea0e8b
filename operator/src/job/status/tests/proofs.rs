//! The conditions Anchored and Certified.

use vaultstream_ledger::anchors::AnchorRow;
use vaultstream_signing::PrivateKey;

use super::*;
use crate::{
    certification::CertificateState,
    fault::ConditionFault,
    job::{
        events::new_fault,
        fixtures::{certificate, certified_receipt},
    },
};

/// All types but those that only jobs with authorities, an issuer or a table have.
pub(super) fn of_every_job() -> impl Iterator<Item = ConditionType> {
    use ConditionType::{Anchored, Certified, Following, SourceReady};
    let of_some = [Anchored, Certified, Following, SourceReady];
    ConditionType::ALL.into_iter().filter(move |type_| !of_some.contains(type_))
}

fn anchor(tsa: &str, token: bool, error: Option<&str>) -> AnchorRow {
    AnchorRow {
        tsa: tsa.to_owned(),
        policy: None,
        token: token.then(|| vec![1]),
        made: token.then(|| after_epoch(1)),
        attempts: 0,
        last_error: error.map(str::to_owned),
    }
}

#[test]
fn a_job_with_authorities_is_anchored_once_all_have_confirmed() {
    let job = valid_job("{spec: {anchors: [{tsa: 'http://a/'}, {tsa: 'http://b/'}]}}");
    let allowed = ["http://a/".to_owned(), "http://b/".to_owned()];
    let anchored = |anchors: &[AnchorRow], allowed: &[String]| {
        let status = anchored(&job, SigningJobStatus::default(), anchors, allowed, now());
        let condition = status.conditions.into_iter().find(|condition| condition.type_ == "Anchored").unwrap();
        (condition.status == "True", condition.reason, condition.message)
    };
    let told = |is_true, reason: Reason, message: &str| (is_true, reason.as_str().to_owned(), message.to_owned());
    assert_eq!(
        anchored(&[anchor("http://a/", true, None), anchor("http://b/", true, None)], &allowed),
        told(true, Reason::Confirmed, "the receipt was confirmed by http://a/, http://b/")
    );
    assert_eq!(
        anchored(&[anchor("http://a/", true, None), anchor("http://b/", false, Some("away"))], &allowed),
        told(false, Reason::NotConfirmed, "http://b/: away")
    );
    assert_eq!(
        anchored(&[anchor("http://a/", true, None), anchor("http://b/", false, None)], &allowed[..1]),
        told(false, Reason::TsaNotAllowed, "the operator's settings do not allow to ask http://b/")
    );
    // Nothing else is touched, and the condition is there once.
    let before = Case::of_job("{spec: {anchors: [{tsa: 'http://a/'}]}}", snapshot(JobState::Complete)).status();
    let after = super::anchored(&job, before.clone(), &[anchor("http://a/", true, None)], &allowed, now());
    let types = |status: &SigningJobStatus| {
        status.conditions.iter().map(|condition| condition.type_.clone()).collect::<Vec<_>>()
    };
    assert_eq!(types(&after), types(&before));
    // A token that is there needs no permission any more.
    assert!(anchored(&[anchor("http://a/", true, None)], &[]).0);
    assert_eq!(anchored(&[], &allowed).1, Reason::NoReceipt.as_str());
}

#[test]
fn only_jobs_that_name_authorities_have_a_condition_for_them() {
    let reason = |spec: &str, snapshot: JobSnapshot| {
        let status = Case::of_job(spec, snapshot).status();
        status.conditions.into_iter().find(|condition| condition.type_ == "Anchored").map(|condition| condition.reason)
    };
    let with = "{spec: {anchors: [{tsa: 'http://a/'}]}}";
    let complete = || {
        let mut snapshot = snapshot(JobState::Complete);
        snapshot.job.as_mut().unwrap().receipt = Some("receipt".to_owned());
        snapshot
    };
    assert_eq!(reason("{}", complete()), None);
    assert_eq!(reason(with, complete()).as_deref(), Some("NotConfirmed"));
    assert_eq!(reason(with, snapshot(JobState::Signing)).as_deref(), Some("Progressing"));
    assert_eq!(reason(with, snapshot(JobState::Failed)).as_deref(), Some("NoReceipt"));
}

#[test]
fn a_job_with_an_issuer_tells_how_far_its_certificate_is() {
    let certified = |state: JobState, receipt: Option<&str>, certificate: Option<CertificateState>| {
        let mut snapshot = JobSnapshot { certificate, ..snapshot(state) };
        snapshot.job.as_mut().unwrap().receipt = receipt.map(str::to_owned);
        let status = Case::of_job("{spec: {signing: {issuerRef: {name: ca}}}}", snapshot).status();
        let condition =
            |type_: &str| status.conditions.iter().find(|condition| condition.type_ == type_).cloned().unwrap();
        let (certified, stalled) = (condition("Certified"), condition("Stalled"));
        assert_eq!(stalled.status == "True", stalled.reason == certified.reason, "{stalled:?}");
        (certified.status == "True", certified.reason, certified.message)
    };
    let told = |is_true, reason: Reason, message: &str| (is_true, reason.as_str().to_owned(), message.to_owned());
    let pending = || Some(CertificateState::Pending("cert-manager has not answered yet".to_owned()));
    let failed = |reason| Some(CertificateState::Failed(ConditionFault::new(reason, "why")));
    let finishing = JobState::Finishing;
    assert_eq!(
        certified(JobState::Signing, None, None),
        told(false, Reason::Progressing, "the job waits for no certificate yet")
    );
    assert_eq!(
        certified(finishing, None, pending()),
        told(false, Reason::CertificatePending, "cert-manager has not answered yet")
    );
    for reason in
        [Reason::CertificateDenied, Reason::CertificateFailed, Reason::CertificateUnsuitable, Reason::LedgerAltered]
    {
        assert_eq!(certified(finishing, None, failed(reason)), told(false, reason, "why"));
    }
    assert_eq!(
        certified(finishing, None, Some(CertificateState::Issued)),
        told(false, Reason::CertificatePending, "the certificate is there, and a worker makes the receipt")
    );
    let uri = "vaultstream://cluster/default/invoices/0d9b2f6c-0000-4000-8000-000000000001";
    let (key, other_key) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    let receipt = |certified: &[&PrivateKey]| {
        let certificates: Vec<_> = certified.iter().map(|key| certificate(&key.public(), uri).der().to_vec()).collect();
        certified_receipt(&key, &certificates)
    };
    for state in [finishing, JobState::Complete, JobState::Failed] {
        let issued = told(true, Reason::CertificateIssued, "the receipt has a certificate of its key");
        assert_eq!(certified(state, Some(&receipt(&[&key])), None), issued);
        let missing = told(false, Reason::CertificateMissing, "the receipt was made without a certificate");
        assert_eq!(certified(state, Some(&receipt(&[])), None), missing);
        let other = told(false, Reason::CertificateUnsuitable, "the certificate of the receipt is that of another key");
        assert_eq!(certified(state, Some(&receipt(&[&other_key])), None), other);
    }
    assert_eq!(certified(JobState::Failed, None, None).1, Reason::NoReceipt.as_str());
    let without = Case::of_job("{}", snapshot(finishing)).status();
    assert!(without.conditions.iter().all(|condition| condition.type_ != "Certified"));
}

#[test]
fn an_authority_that_may_not_be_asked_is_announced_once_and_one_that_did_not_respond_is_not() {
    let job = valid_job("{spec: {anchors: [{tsa: 'http://a/'}, {tsa: 'http://b/'}]}}");
    let status = |before: &SigningJobStatus, allowed: &[&str]| {
        let anchors = [anchor("http://a/", false, Some("away")), anchor("http://b/", false, None)];
        let allowed: Vec<String> = allowed.iter().map(|tsa| (*tsa).to_owned()).collect();
        anchored(&job, before.clone(), &anchors, &allowed, now())
    };
    let announced = |old: &SigningJobStatus, new: &SigningJobStatus| {
        new_fault(old, new, &[ConditionType::Anchored]).map(|fault| (fault.reason, fault.message))
    };
    let before = SigningJobStatus::default();
    let refused = status(&before, &["http://a/"]);
    let message = "the operator's settings do not allow to ask http://b/".to_owned();
    assert_eq!(announced(&before, &refused), Some((Reason::TsaNotAllowed, message)));
    assert_eq!(announced(&refused, &status(&refused, &["http://a/"])), None);
    assert!(announced(&refused, &status(&refused, &[])).is_some(), "another one is refused, too");
    let asked = status(&refused, &["http://a/", "http://b/"]);
    assert_eq!(announced(&refused, &asked), None);
    assert!(announced(&asked, &refused).is_some(), "it is forbidden again");
}
