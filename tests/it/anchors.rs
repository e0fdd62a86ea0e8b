//! Timestamps of receipts: asked for after the end of a job, asked for again until they are there, and believed by a verifier that knows
//! the root of the authority.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use vaultstream_ledger::anchors;
use vaultstream_lifecycle::Anchoring;

use crate::harness::{Ended, Program, Site, TsaServer, generated, until};

/// A small job that names these authorities.
fn manifest(name: &str, tsas: &[&TsaServer]) -> String {
    let anchors: Vec<_> = tsas.iter().map(|tsa| json!({"tsa": tsa.url})).collect();
    generated(name, 20, &format!("keys: {{count: 1}}\nanchors: {}", json!(anchors)))
}

fn verify(site: &Site, args: &[&str]) -> Program {
    site.ledger_command(&["verify", "--job", "job", "--output", "json"]).args(args)
}

/// A file with the roots of these authorities.
fn roots(site: &Site, tsas: &[&TsaServer]) -> PathBuf {
    let text: String = tsas.iter().map(|tsa| std::fs::read_to_string(tsa.authority.root()).unwrap()).collect();
    let file = site.dir.path().join("roots.pem");
    std::fs::write(&file, text).unwrap();
    file
}

async fn verify_with(site: &Site, tsas: &[&TsaServer]) -> Ended {
    verify(site, &["--tsa-roots", roots(site, tsas).to_str().unwrap()]).end().await
}

#[track_caller]
fn refused(ended: &Ended, why: &str) {
    let report = ended.assert_code(1).report();
    assert_eq!(report["verdict"], "NOT VERIFIED", "{report}");
    let problems = &report["problems"];
    assert_eq!(problems[0]["kind"], "Anchor", "{problems}");
    assert!(problems[0]["message"].as_str().unwrap().contains(why), "{problems}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authorities_of_a_job_say_when_its_receipt_existed_to_who_knows_their_roots() {
    let (site, first, second) = (Site::new().await, TsaServer::start("First"), TsaServer::start("Second"));
    let ran = site.run(&manifest("job", &[&first, &second])).end().await;
    let said = ran.assert_code(0).report()["anchors"].clone();
    assert_eq!(said.as_array().unwrap().len(), 2, "{said}");
    let without = verify(&site, &[]).end().await.assert_code(0).report();
    assert_eq!((&without["anchors"][0]["believed"], &without["anchors"][0]["tsa"].is_string()), (&json!(false), &true));

    let believed = verify_with(&site, &[&first, &second]).await.assert_code(0).report();
    for anchor in believed["anchors"].as_array().unwrap() {
        assert_eq!(anchor["believed"], true, "{anchor}");
        assert!(anchor["existedBefore"].as_str().unwrap().starts_with("20"), "{anchor}");
    }
    let text = site.ledger_command(&["verify", "--job", "job", "--tsa-roots"]);
    let text = text.args(&[roots(&site, &[&first, &second]).to_str().unwrap()]).end().await;
    assert!(text.assert_code(0).stdout.contains("says CN=First"), "{}", text.stdout);

    refused(&verify_with(&site, &[&first]).await, "no root that is believed");
    // It is asked for when the roots are given.
    site.execute("DELETE FROM vaultstream.anchors").await;
    refused(&verify_with(&site, &[&first]).await, "no token");
    verify(&site, &[]).end().await.assert_code(0);
    let missing = verify(&site, &["--tsa-roots", "/nowhere/roots.pem"]).end().await;
    assert!(missing.assert_code(2).stderr.contains("/nowhere/roots.pem"), "{}", missing.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_changed_or_is_of_another_receipt_is_not_believed() {
    let (site, tsa) = (Site::new().await, TsaServer::start("TSA"));
    site.run(&manifest("job", &[&tsa])).end().await.assert_code(0);
    site.run(&manifest("other", &[&tsa])).end().await.assert_code(0);
    verify_with(&site, &[&tsa]).await.assert_code(0);
    let swap =
        "UPDATE vaultstream.anchors a SET token = (SELECT token FROM vaultstream.anchors WHERE job_id <> a.job_id)";
    let error = site.sql().await.execute(swap, &[]).await.unwrap_err();
    assert_eq!(error.code().map(|code| code.code().to_owned()).as_deref(), Some("VS008"), "a token is final");
    site.execute(&format!("ALTER TABLE vaultstream.anchors DISABLE TRIGGER USER; {swap}")).await;
    refused(&verify_with(&site, &[&tsa]).await, "another digest than SHA-256 of this receipt");
    let without = verify(&site, &[]).end().await.assert_code(0).report();
    assert!(without["anchors"][0]["wrong"].is_string(), "it is told, although it was not to be checked: {without}");
    site.execute(&format!("{swap}; UPDATE vaultstream.anchors SET token = set_byte(token, length(token) - 9, get_byte(token, length(token) - 9) # 1)"))
        .await;
    refused(&verify_with(&site, &[&tsa]).await, "its signature is wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_complete_without_its_authorities_and_they_are_asked_again() {
    let (site, tsa) = (Site::new().await, TsaServer::start("TSA"));
    let manifest = manifest("job", &[&tsa]);
    tsa.be_away_for(usize::MAX);
    let ran = site.run(&manifest).args(&["--anchor-timeout", "0s"]).end().await;
    let report = ran.assert_code(0).report();
    assert_eq!((&report["state"], &report["verdict"]), (&json!("Complete"), &json!("VERIFIED")), "{report}");
    assert!(report["anchors"][0]["pending"].as_str().unwrap().contains("503"), "{report}");
    assert!(ran.stderr.contains("1 of 1 timestamping authorities have not confirmed"), "{}", ran.stderr);
    // While a run waits, the authority comes back.
    tsa.be_away_for(1);
    let asked = tsa.asked();
    let again = site.run(&manifest).args(&["--anchor-timeout", "60s"]).end().await.assert_code(0).report();
    assert_eq!(again["anchors"][0]["authority"], "CN=TSA", "{again}");
    assert_eq!(tsa.asked() - asked, 2, "one request was refused");
    site.run(&manifest).end().await.assert_code(0);
    assert_eq!(tsa.asked() - asked, 2, "it is not asked for what is there");
    verify_with(&site, &[&tsa]).await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_program_had_not_stored_the_next_one_asks_for() {
    let (site, tsa) = (Site::new().await, TsaServer::start("TSA"));
    let manifest = manifest("job", &[&tsa]);
    let killed = site.run(&manifest).fault("before-token=kill").end().await;
    assert!(!killed.status.success(), "{}", killed.stderr);
    assert_eq!(site.text("SELECT state FROM vaultstream.jobs").await, "Complete");
    site.run(&manifest).end().await.assert_code(0);
    verify_with(&site, &[&tsa]).await.assert_code(0);
}

/// As on a cluster: by a login that drives jobs, at the authorities that the operator's settings allow.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_asks_only_authorities_that_it_may_and_again_until_they_confirm() {
    let (site, allowed, other) = (Site::new().await, TsaServer::start("Allowed"), TsaServer::start("Other"));
    for tsa in [&allowed, &other] {
        tsa.be_away_for(1);
    }
    site.run(&manifest("job", &[&allowed, &other])).args(&["--anchor-timeout", "0s"]).end().await.assert_code(0);
    allowed.be_away_for(1);
    let ledger = site.operators_ledger().await;
    let anchoring = Anchoring::new(ledger.clone(), None);
    let elsewhere = anchoring.round("another-cluster", &[], std::slice::from_ref(&allowed.url)).await.unwrap();
    assert_eq!(elsewhere, [], "jobs of another cluster are not its own");
    let tokens = || async {
        let job = vaultstream_ledger::jobs::list(&ledger, false).await.unwrap().remove(0).id;
        let rows = anchors::of_job(&ledger, job).await.unwrap();
        rows.into_iter().filter(|row| row.token.is_some()).map(|row| row.tsa).collect::<Vec<_>>()
    };
    until("the authority has confirmed", || async {
        anchoring.round("local", &["default".to_owned()], std::slice::from_ref(&allowed.url)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        !tokens().await.is_empty()
    })
    .await;
    assert_eq!(tokens().await.as_slice(), std::slice::from_ref(&allowed.url));
    assert_eq!((allowed.asked(), other.asked()), (3, 1), "one was away twice, the other is not allowed");
    let report: Value = verify(&site, &[]).end().await.assert_code(0).report();
    assert_eq!(report["anchors"].as_array().unwrap().len(), 2, "{report}");
}
