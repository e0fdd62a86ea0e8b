//! Certificates of receipt keys on a laptop: an issuer's files certify the key of each job, and a verifier who believes the issuer needs
//! nothing else from outside.

use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use crate::harness::{Ended, Program, Site, generated, output};

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// Writes the certificate and the key of an issuer, and returns their files.
pub(crate) fn issuer(site: &Site, name: &str) -> (PathBuf, PathBuf) {
    write(site, name, &CertifiedIssuer::self_signed(params(name), KeyPair::generate().unwrap()).unwrap())
}

/// An issuer whose certificate is by another one. Returns its files, and the certificate of the other one.
fn issuer_below_a_root(site: &Site, name: &str) -> ((PathBuf, PathBuf), PathBuf) {
    let root_name = format!("Root of {name}");
    let root = CertifiedIssuer::self_signed(params(&root_name), KeyPair::generate().unwrap()).unwrap();
    let below = CertifiedIssuer::signed_by(params(name), KeyPair::generate().unwrap(), &root).unwrap();
    (write(site, name, &below), write(site, &root_name, &root).0)
}

fn write(site: &Site, name: &str, issuer: &CertifiedIssuer<'_, KeyPair>) -> (PathBuf, PathBuf) {
    let files = (site.dir.path().join(format!("{name}.pem")), site.dir.path().join(format!("{name}.key")));
    std::fs::write(&files.0, issuer.pem()).unwrap();
    std::fs::write(&files.1, issuer.key().serialize_pem()).unwrap();
    files
}

fn run(site: &Site, job: &str, (certificate, key): &(PathBuf, PathBuf)) -> Program {
    let files = ["--issuer-cert", certificate.to_str().unwrap(), "--issuer-key", key.to_str().unwrap()];
    site.run(&generated(job, 20, "keys: {count: 1}")).args(&files)
}

pub(crate) async fn verify(site: &Site, trust: &(PathBuf, PathBuf), args: &[&str]) -> Ended {
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

/// As docs/operations.md has it: the first certificate of `chain`, and the others of it between that one and `root`.
async fn openssl_verify(root: &Path, chain: &Path) -> Result<String, String> {
    let mut openssl = Command::new("openssl");
    openssl.args(["verify", "-CAfile"]).arg(root).arg("-untrusted").arg(chain).arg(chain);
    output(openssl).await
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_finds_the_way_from_the_receipt_key_to_the_root_by_the_certificates_that_keys_prints() {
    let site = Site::new().await;
    let (ours, root) = issuer_below_a_root(&site, "Ours");
    let other = issuer(&site, "Other").0;
    run(&site, "job", &ours).end().await.assert_code(0);
    let keys = |job: &str, args: &[&str]| site.ledger_command(&["keys", "--job", job]).args(args).end();
    let printed = keys("job", &["--format", "chain"]).await.assert_code(0).stdout.clone();
    assert_eq!(printed.matches("-----BEGIN CERTIFICATE-----").count(), 2, "{printed}");
    let chain = site.dir.path().join("chain.pem");
    std::fs::write(&chain, &printed).unwrap();
    let found = openssl_verify(&root, &chain).await;
    assert!(found.as_ref().is_ok_and(|said| said.ends_with("chain.pem: OK\n")), "{found:?}");
    let refused = openssl_verify(&other, &chain).await.unwrap_err();
    assert!(refused.contains("at 1 depth lookup: unable to get"), "{refused}");
    // Only the way through the other certificate leads to the root.
    let first = printed.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap();
    std::fs::write(&chain, first).unwrap();
    let cut = openssl_verify(&root, &chain).await.unwrap_err();
    assert!(cut.contains("at 0 depth lookup: unable to get"), "{cut}");

    // The first certificate is that of the receipt key, which `keys` prints first, too.
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-pubkey", "-in"]).arg(&chain);
    let certified = output(openssl).await.unwrap();
    let all = keys("job", &[]).await.assert_code(0).stdout.clone();
    assert!(all[all.find("-----BEGIN").unwrap()..].starts_with(&certified), "{certified}{all}");
    let refused = keys("job", &["--format", "chain", "--key", &"A".repeat(43)]).await;
    assert!(refused.assert_code(2).stderr.contains("leave out --key"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_says_why_there_are_no_certificates() {
    let site = Site::new().await;
    let plain = generated("plain", 20, "keys: {count: 1}");
    site.run(&plain).end().await.assert_code(0);
    let begun = plain.replace("name: plain", "name: begun");
    site.run(&begun).fault("before-receipt=kill").end().await.assert_killed("before-receipt");
    run(&site, "changed", &issuer(&site, "Ours")).end().await.assert_code(0);
    site.execute(
        "UPDATE vaultstream.jobs SET receipt = overlay(receipt PLACING
             CASE substr(receipt, length(receipt) - 20, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM length(receipt) - 20)
          WHERE name = 'changed'",
    )
    .await;
    for (job, why) in [
        ("plain", "default/plain: the receipt has no certificate of its key"),
        ("begun", "default/begun: there is no receipt, whose key could have certificates: the job is Finishing"),
        ("changed", "default/changed: the receipt is not valid: the receipt's signature is wrong"),
    ] {
        let ended = site.ledger_command(&["keys", "--format", "chain", "--job", job]).end().await;
        assert!(ended.assert_code(1).stderr.contains(why), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}
