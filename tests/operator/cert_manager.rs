//! Receipt keys that cert-manager certifies, with cert-manager itself: `make test-cert-manager` installs its controllers into a node of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this program holds only tests")]

#[allow(dead_code, unused_imports, reason = "shared with the other suites, which use the rest")]
mod harness;

#[path = "cert_manager/away.rs"]
mod away;
#[path = "cert_manager/issuers.rs"]
mod issuers;
#[path = "cert_manager/metrics_api.rs"]
mod metrics_api;
#[path = "cert_manager/requests.rs"]
mod requests;
#[path = "cert_manager/story.rs"]
mod story;

use std::path::Path;

use serde_json::{Value, json};
use vaultstream_api::{ConditionType, Reason, SigningJob};

use away::Away;
use harness::{
    Ended, Job, Operator, OperatorProgram, PATIENCE, Place, Program, assert_complete_in, condition, generated, until,
};
use issuers::{Authority, apply, delete};
use requests::{deny, only_request, remove};

const RECORDS: i64 = 40;
/// The cluster, as certificates name it.
const CLUSTER: &str = "node";

/// A small job that names an issuer.
fn manifest(name: &str, issuer: &str, spec: &str) -> String {
    let spec = format!("batchSize: 20\nkeys: {{count: 1}}\nsigning: {{issuerRef: {issuer}}}\n{spec}");
    generated(name, RECORDS.unsigned_abs(), &spec)
}

async fn operator(place: &Place, name: &'static str) -> OperatorProgram {
    place.operator(name).await.env("VAULTSTREAM_CLUSTER_ID", CLUSTER)
}

async fn start_operator(place: &Place) -> Operator {
    let operator = operator(place, "operator").await.start();
    operator.until_leading().await;
    operator
}

/// The job as its certificate names it.
fn uri(job: &Job) -> String {
    format!("vaultstream://{CLUSTER}/{}/{}/{}", job.namespace, job.name, job.uid)
}

/// `vaultstream verify` by who believes the authority of this file.
async fn verify(place: &Place, job: &Job, root: &Path, args: &[&str]) -> Ended {
    let name = format!("{}/{}", job.namespace, job.name);
    let verify = ["verify", "--job", &name, "--output", "json", "--trust-bundle", root.to_str().unwrap()];
    Program::vaultstream(&[&verify[..], args].concat()).env("DATABASE_URL", &place.site.database_url).end().await
}

/// Complete with one receipt, whose key the authority has certified as that of this job.
async fn assert_certified(place: &Place, job: &Job, authority: &Authority) {
    job.until_complete().await;
    let certified = job.until_condition(ConditionType::Certified, "True", Reason::CertificateIssued).await;
    assert_complete_in(&place.site, &job.namespace, &job.name, RECORDS, 0).await;
    let report = verify(place, job, &authority.root, &[]).await.assert_code(0).report();
    assert_eq!(report["verdict"], "VERIFIED", "{report}");
    assert_eq!(report["certified"], json!({"job": uri(job), "issuer": authority.subject()}), "{report}");
    let receipt = certified.status.unwrap().receipt.unwrap();
    assert_eq!(report["receiptDigest"], receipt.digest, "the receipt that the status has is another one");
}

#[track_caller]
fn refused(ended: &Ended, kind: &str, why: &str) {
    let report = ended.assert_code(1).report();
    let problems = report["problems"].as_array().unwrap();
    let messages = problems.iter().filter(|problem| problem["kind"] == kind).map(|problem| &problem["message"]);
    let found = messages.filter_map(Value::as_str).any(|message| message.contains(why));
    assert!(found && report["verdict"] == "NOT VERIFIED", "no {kind} with {why:?}: {report}");
}

/// The message of the condition Certified, once it is false for this reason and says this.
async fn until_not_certified(job: &Job, reason: Reason, says: &str) {
    let found = |job: &SigningJob| {
        condition(job, ConditionType::Certified).is_some_and(|found| {
            (found.status.as_str(), found.reason.as_str()) == ("False", reason.as_str()) && found.message.contains(says)
        })
    };
    let job_now = job.until(&format!("it is not certified because of {reason}: {says}"), found).await;
    let complete = condition(&job_now, ConditionType::Complete).unwrap();
    assert_eq!(complete.status, "False", "it is complete without the certificate that it asks for");
}

async fn assert_warned(job: &Job, reason: Reason, says: &str) {
    // It is written after the status.
    until(&format!("there is an Event {reason} with {says:?}"), || async {
        job.events(reason.as_str()).await.iter().any(|event| event.contains(says))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_of_cert_manager_certifies_the_receipt_key_of_a_job_and_who_believes_another_one_is_told() {
    let place = Place::new().await;
    let _operator = start_operator(&place).await;
    let (ours, other) = (Authority::new(&place, "ours").await, Authority::new(&place, "other").await);
    let job = place.create(&manifest("job", "{name: ours}", "")).await;
    assert_certified(&place, &job, &ours).await;
    refused(&verify(&place, &job, &other.root, &[]).await, "Certificate", "no root that is believed");

    let request = only_request(&job).await;
    assert_eq!(request.data["spec"]["usages"], json!(["digital signature"]));
    assert_ne!(request.data["spec"]["isCA"], true);
    let owners = request.metadata.owner_references.clone().unwrap();
    assert_eq!(owners.iter().map(|owner| &owner.uid).collect::<Vec<_>>(), [&job.uid.to_string()]);
    // What cert-manager made of it, as openssl reads it.
    let text = requests::certificate_as_text(&request);
    assert!(text.contains(&format!("URI:{}\n", uri(&job))) && !text.contains("DNS:"), "{text}");
    assert!(text.contains("Digital Signature\n") && text.contains("CA:FALSE"), "{text}");
    assert!(!text.contains("Extended Key Usage"), "{text}");
    job.delete().await;
    job.until_gone(PATIENCE).await;
    requests::until_none(&job).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_an_issuer_certified_proves_nothing_of_another_job_namespace_or_cluster() {
    let place = Place::new().await;
    let operator = start_operator(&place).await;
    let shared = Authority::for_all_namespaces(&place).await;
    let issuer = format!("{{name: {}, kind: ClusterIssuer}}", shared.name);
    let job = place.create(&manifest("job", &issuer, "")).await;
    let other = place.create(&manifest("other", &issuer, "")).await;
    assert_certified(&place, &job, &shared).await;
    assert_certified(&place, &other, &shared).await;
    drop(operator);

    verify(&place, &job, &shared.root, &["--certified-cluster", CLUSTER]).await.assert_code(0);
    let elsewhere = verify(&place, &job, &shared.root, &["--certified-cluster", "elsewhere"]).await;
    refused(&elsewhere, "Certificate", "and not for vaultstream://elsewhere/");

    // A bundle under the name of another job, and of another namespace.
    let bundle = place.site.dir.path().join("bundle.vsb");
    let (name, path) = (format!("{}/{}", job.namespace, job.name), bundle.to_str().unwrap());
    let export = Program::vaultstream(&["export", "--job", &name, "--bundle", path]);
    export.env("DATABASE_URL", &place.site.database_url).end().await.assert_code(0);
    let root = shared.root.to_str().unwrap();
    let offline = ["verify", "--bundle", path, "--output", "json", "--trust-bundle", root];
    Program::vaultstream(&offline).end().await.assert_code(0);
    let text = std::fs::read_to_string(&bundle).unwrap();
    for (member, right, wrong) in [("name", "job", "other"), ("namespace", job.namespace.as_str(), "elsewhere")] {
        let renamed = text.replacen(&format!("\"{member}\":\"{right}\""), &format!("\"{member}\":\"{wrong}\""), 1);
        assert_ne!(renamed, text, "the bundle has no {member}");
        std::fs::write(&bundle, renamed).unwrap();
        let ended = Program::vaultstream(&offline).end().await;
        refused(&ended, "Receipt", &format!("the receipt says {member} "));
    }

    // Receipt and receipt key of the other job, in place of the job's own.
    place
        .site
        .execute(
            "ALTER TABLE vaultstream.keys DISABLE TRIGGER USER;
             UPDATE vaultstream.keys k SET public_key = o.public_key FROM vaultstream.keys o, vaultstream.jobs jo
              WHERE k.ordinal = 0 AND o.ordinal = 0 AND jo.id = o.job_id AND jo.name = 'other' AND k.job_id <> o.job_id;
             UPDATE vaultstream.jobs SET receipt = (SELECT receipt FROM vaultstream.jobs WHERE name = 'other') WHERE name = 'job'",
        )
        .await;
    refused(&verify(&place, &job, &shared.root, &[]).await, "Receipt", "the receipt says name ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_waits_for_an_issuer_that_is_missing_and_is_complete_once_it_is_there() {
    let place = Place::new().await;
    let _operator = start_operator(&place).await;
    let job = place.create(&manifest("job", "{name: ours}", "")).await;
    until_not_certified(&job, Reason::CertificatePending, "not found").await;
    let ours = Authority::new(&place, "ours").await;
    assert_certified(&place, &job, &ours).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_fails_is_told_in_its_own_words_and_asked_again() {
    let place = Place::new().await;
    let _operator = start_operator(&place).await;
    let namespace = &place.namespace;
    // It signs with the key that it certifies, which never leaves the ledger.
    let self_signed = "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: ours}\nspec: {selfSigned: {}}\n";
    apply(namespace, self_signed).await;
    let job = place.create(&manifest("job", "{name: ours}", "")).await;
    let says = "\"cert-manager.io/private-key-secret-name\" missing";
    until_not_certified(&job, Reason::CertificateFailed, says).await;
    job.until_condition(ConditionType::Stalled, "True", Reason::CertificateFailed).await;
    assert_warned(&job, Reason::CertificateFailed, says).await;
    delete(namespace, "issuer/ours").await;
    let ours = Authority::new(&place, "ours").await;
    assert_certified(&place, &job, &ours).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_denied_is_told_and_once_it_is_removed_another_one_is_made() {
    // cert-manager approves every request at once: no other test may need it while it is away.
    let place = Place::quiet().await;
    let _operator = start_operator(&place).await;
    let ours = Authority::new(&place, "ours").await;
    let away = Away::begin().await;
    let job = place.create(&manifest("job", "{name: ours}", "")).await;
    until_not_certified(&job, Reason::CertificatePending, "").await;
    let request = requests::until_there(&job).await;
    deny(&job, &request, "no receipts on Saturdays").await;
    until_not_certified(&job, Reason::CertificateDenied, "no receipts on Saturdays").await;
    assert_warned(&job, Reason::CertificateDenied, "no receipts on Saturdays").await;
    drop(away);
    remove(&job, &request).await;
    assert_certified(&place, &job, &ours).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_asked_for_before_it_was_killed_certifies_the_one_receipt() {
    for point in ["certificate-requested", "before-certificate"] {
        let place = Place::new().await;
        let ours = Authority::new(&place, "ours").await;
        let first = operator(&place, "first").await.fault(&format!("{point}=kill")).start();
        first.until_leading_with_its_ledger().await;
        let second = operator(&place, "second").await.start();
        let job = place.create(&manifest("job", "{name: ours}", "")).await;
        first.end_within(PATIENCE).await.assert_killed(point);
        let asked = only_request(&job).await;
        second.until_leading().await;
        assert_certified(&place, &job, &ours).await;
        let now = only_request(&job).await;
        assert_eq!(now.metadata.uid, asked.metadata.uid, "at {point}: what was asked for was asked for again");
        place.until_no_children().await;
    }
}
