//! Certificates of receipt keys on a laptop: an issuer's files certify the key of each job, and a verifier who believes the issuer needs
//! nothing else from outside.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use crate::harness::{Ended, Program, Site, generated};

/// Writes the certificate and the key of an issuer, and returns their files.
fn issuer(site: &Site, name: &str) -> (PathBuf, PathBuf) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let files = (site.dir.path().join(format!("{name}.pem")), site.dir.path().join(format!("{name}.key")));
    std::fs::write(&files.0, issuer.pem()).unwrap();
    std::fs::write(&files.1, issuer.key().serialize_pem()).unwrap();
    files
}

fn run(site: &Site, job: &str, (certificate, key): &(PathBuf, PathBuf)) -> Program {
    let files = ["--issuer-cert", certificate.to_str().unwrap(), "--issuer-key", key.to_str().unwrap()];
    site.run(&generated(job, 20, "keys: {count: 1}")).args(&files)
}

async fn verify(site: &Site, trust: &(PathBuf, PathBuf), args: &[&str]) -> Ended {
    let trust = ["verify", "--output", "json", "--trust-bundle", trust.0.to_str().unwrap()];
    site.ledger_command(&trust).args(args).end().await
}

#[track_caller]
fn refused(ended: &Ended, why: &str) {
    let report = ended.assert_code(1).report();
    let problems: Vec<&Value> = report["problems"].as_array().unwrap().iter().collect();
    let certificate = problems.iter().find(|problem| problem["kind"] == "Certificate");
    let message = certificate.unwrap_or_else(|| panic!("{report}"))["message"].as_str().unwrap();
    assert!(message.contains(why), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_key_is_certified_and_only_who_is_believed_can_do_that() {
    let site = Site::new().await;
    let (ours, other) = (issuer(&site, "Ours"), issuer(&site, "Other"));
    run(&site, "job", &ours).end().await.assert_code(0);
    let believed = verify(&site, &ours, &["--job", "job"]).await.assert_code(0).report();
    let uid = believed["uid"].as_str().unwrap();
    assert_eq!(
        believed["certified"],
        json!({"job": format!("vaultstream://local/default/job/{uid}"), "issuer": "CN=Ours"})
    );
    verify(&site, &ours, &["--job", "job", "--certified-cluster", "local"]).await.assert_code(0);
    refused(
        &verify(&site, &ours, &["--job", "job", "--certified-cluster", "another"]).await,
        "and not for vaultstream://another/",
    );
    refused(&verify(&site, &other, &["--job", "job"]).await, "no root that is believed");
    // Without an issuer a key is vouched for by none.
    site.run(&generated("plain", 20, "keys: {count: 1}")).end().await.assert_code(0);
    refused(&verify(&site, &ours, &["--job", "plain"]).await, "has no certificate");
    site.ledger_command(&["verify", "--job", "plain"]).end().await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certified_receipt_of_another_job_proves_nothing_of_this_one() {
    let site = Site::new().await;
    let ours = issuer(&site, "Ours");
    run(&site, "job", &ours).end().await.assert_code(0);
    run(&site, "other", &ours).end().await.assert_code(0);
    // Receipt and receipt key of the other job, which its issuer has certified.
    site.execute(
        "ALTER TABLE vaultstream.keys DISABLE TRIGGER USER;
         UPDATE vaultstream.keys k SET public_key = o.public_key FROM vaultstream.keys o, vaultstream.jobs jo
          WHERE k.ordinal = 0 AND o.ordinal = 0 AND jo.id = o.job_id AND jo.name = 'other' AND k.job_id <> o.job_id;
         UPDATE vaultstream.jobs SET receipt = (SELECT receipt FROM vaultstream.jobs WHERE name = 'other') WHERE name = 'job'",
    )
    .await;
    let report = verify(&site, &ours, &["--job", "job"]).await.assert_code(1).report();
    assert!(report["problems"].to_string().contains("the receipt says name"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_believed_by_its_certificate_alone() {
    let site = Site::new().await;
    let (ours, other) = (issuer(&site, "Ours"), issuer(&site, "Other"));
    run(&site, "job", &ours).end().await.assert_code(0);
    let bundle = site.dir.path().join("bundle.jsonl");
    let bundle = bundle.to_str().unwrap();
    site.ledger_command(&["export", "--job", "job", "--bundle", bundle]).end().await.assert_code(0);
    let offline = |trust: &(PathBuf, PathBuf)| {
        let trust = trust.0.to_str().unwrap().to_owned();
        Program::vaultstream(&["verify", "--output", "json", "--bundle", bundle, "--trust-bundle", &trust])
    };
    let report = offline(&ours).end().await.assert_code(0).report();
    assert_eq!(report["certified"]["issuer"], "CN=Ours", "{report}");
    refused(&offline(&other).end().await, "no root that is believed");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_issuer_are_refused_before_anything_is_signed() {
    let site = Site::new().await;
    let (ours, other) = (issuer(&site, "Ours"), issuer(&site, "Other"));
    let mixed = (ours.0.clone(), other.1);
    let refused = run(&site, "job", &mixed).end().await;
    assert!(
        refused.assert_code(2).stderr.contains("the issuer's key is not the one of its certificate"),
        "{}",
        refused.stderr
    );
    let missing = (site.dir.path().join("missing.pem"), ours.1);
    assert!(run(&site, "job", &missing).end().await.assert_code(2).stderr.contains("missing.pem"));
}
