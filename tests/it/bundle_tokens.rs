//! Timestamp tokens in bundles: a bundle proves its time offline to a verifier that believes the authorities.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Ended, Program, Site, TsaServer, generated, has_browser, output, python};

/// A finished job that these authorities have confirmed.
async fn site_with(tsas: &[&TsaServer]) -> Site {
    let site = Site::new().await;
    let anchors: Vec<_> = tsas.iter().map(|tsa| json!({"tsa": tsa.url})).collect();
    let manifest = generated("job", 20, &format!("keys: {{count: 1}}\nanchors: {}", json!(anchors)));
    site.run(&manifest).end().await.assert_code(0);
    site
}

async fn export(site: &Site) -> (PathBuf, Ended) {
    let file = site.dir.path().join("job.vsb");
    let ended = site.ledger_command(&["export", "--job", "job", "--bundle", file.to_str().unwrap()]).end().await;
    ended.assert_code(0);
    (file, ended)
}

fn roots(site: &Site, tsas: &[&TsaServer]) -> PathBuf {
    let text: String = tsas.iter().map(|tsa| std::fs::read_to_string(tsa.authority.root()).unwrap()).collect();
    let file = site.dir.path().join("roots.pem");
    std::fs::write(&file, text).unwrap();
    file
}

/// `vaultstream verify` of a bundle, without a ledger.
async fn verify(bundle: &Path, roots: Option<&Path>) -> Ended {
    let verify = Program::vaultstream(&["verify", "--output", "json", "--bundle", bundle.to_str().unwrap()]);
    let roots: Vec<&str> = roots.iter().flat_map(|roots| ["--tsa-roots", roots.to_str().unwrap()]).collect();
    verify.args(&roots).end().await
}

/// What scripts/verify.py says, and whether it says VERIFIED.
async fn script(bundle: &Path, args: &[&str]) -> (bool, String) {
    let mut command = python("../scripts/verify.py");
    command.arg(bundle).args(args);
    match output(command).await {
        Ok(said) => (true, said),
        Err(said) => (false, said),
    }
}

#[track_caller]
fn refused(ended: &Ended, why: &str) {
    let report = ended.assert_code(1).report();
    let problems = report["problems"].as_array().unwrap();
    assert_eq!((problems.len(), &problems[0]["kind"]), (1, &json!("Anchor")), "{report}");
    assert!(problems[0]["message"].as_str().unwrap().contains(why), "{report}");
}

fn header(bundle: &Path) -> Value {
    serde_json::from_str(std::fs::read_to_string(bundle).unwrap().lines().next().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_says_offline_when_its_receipt_existed_to_who_knows_the_roots() {
    let (first, second) = (TsaServer::start("First"), TsaServer::start("Second"));
    let site = site_with(&[&first, &second]).await;
    let (bundle, _) = export(&site).await;
    let again = std::fs::read(&bundle).unwrap();
    export(&site).await;
    assert_eq!(std::fs::read(&bundle).unwrap(), again, "an export is the same each time");
    assert_eq!(header(&bundle)["tokens"].as_array().unwrap().len(), 2);

    let alone = verify(&bundle, None).await.assert_code(0).report();
    let told: Vec<_> = alone["anchors"].as_array().unwrap().iter().map(|anchor| &anchor["believed"]).collect();
    assert_eq!(told, [false, false], "{alone}");
    let both = roots(&site, &[&first, &second]);
    let believed = verify(&bundle, Some(&both)).await.assert_code(0).report();
    let (one, two) = (&believed["anchors"][0], &believed["anchors"][1]);
    assert_eq!((&one["token"], &two["token"]), (&json!(1), &json!(2)), "{believed}");
    let mut authorities = [&one["authority"], &two["authority"]].map(|name| name.as_str().unwrap());
    authorities.sort_unstable();
    assert_eq!(authorities, ["CN=First", "CN=Second"]);
    assert!(one["existedBefore"].as_str().unwrap().starts_with("20"), "{believed}");
    assert!(believed["proves"].as_str().unwrap().contains("each batch is sealed"), "{believed}");

    let text = Program::vaultstream(&["verify", "--bundle", bundle.to_str().unwrap()]);
    let pem = ["--tsa-roots", both.to_str().unwrap()];
    let text = text.args(&pem).end().await;
    assert!(text.assert_code(0).stdout.contains("the receipt existed before 20"), "{}", text.stdout);
    assert!(text.stdout.contains("says CN=First"), "{}", text.stdout);
    let (verified, said) = script(&bundle, &pem).await;
    assert!(verified && said.contains("the receipt existed before 20") && said.contains("says CN=First"), "{said}");
    let (verified, said) = script(&bundle, &[]).await;
    assert!(verified && said.contains("who issued that certificate was not checked"), "{said}");

    // One of two authorities is not believed.
    let one = roots(&site, &[&first]);
    let why = "no root that is believed has issued its certificate";
    refused(&verify(&bundle, Some(&one)).await, why);
    let (verified, said) = script(&bundle, &pem).await;
    assert!(!verified && said.contains(why), "{said}");
    let missing = verify(&bundle, Some(Path::new("/nowhere/roots.pem"))).await;
    assert!(missing.assert_code(2).stderr.contains("/nowhere/roots.pem"), "{}", missing.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_without_a_token_does_not_satisfy_who_asks_for_one() {
    let (site, tsa) = (site_with(&[]).await, TsaServer::start("TSA"));
    let (bundle, _) = export(&site).await;
    assert_eq!(header(&bundle)["tokens"], Value::Null);
    let pem = roots(&site, &[&tsa]);
    refused(&verify(&bundle, Some(&pem)).await, "it has no token of a timestamping authority");
    let (verified, said) = script(&bundle, &["--tsa-roots", pem.to_str().unwrap()]).await;
    assert!(!verified && said.contains("it has no token of a timestamping authority"), "{said}");
    verify(&bundle, None).await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_wrong_is_named_by_line_and_number_and_not_exported_from_a_ledger() {
    let (first, second) = (TsaServer::start("First"), TsaServer::start("Second"));
    let site = site_with(&[&first, &second]).await;
    let (bundle, _) = export(&site).await;
    let text = std::fs::read_to_string(&bundle).unwrap();
    let second_token = header(&bundle)["tokens"][1].as_str().unwrap().to_owned();
    std::fs::write(&bundle, text.replace(&second_token, "bm90IGEgdG9rZW4")).unwrap();
    refused(&verify(&bundle, None).await, "line 1: the timestamp token 2 is wrong: it is not a timestamp token in DER");
    let (verified, said) = script(&bundle, &[]).await;
    assert!(!verified && said.contains("line 1: token 2: it is not a timestamp token in DER"), "{said}");

    // A token in the ledger that is none of this receipt is left out, with a word.
    site.execute(
        "ALTER TABLE vaultstream.anchors DISABLE TRIGGER USER;
         UPDATE vaultstream.anchors SET token = set_byte(token, length(token) - 9, get_byte(token, length(token) - 9) # 1)
          WHERE tsa = (SELECT max(tsa) FROM vaultstream.anchors)",
    )
    .await;
    let (bundle, ended) = export(&site).await;
    assert!(ended.stderr.contains("without the timestamp token of http://"), "{}", ended.stderr);
    assert_eq!(header(&bundle)["tokens"].as_array().unwrap().len(), 1);
    verify(&bundle, Some(&roots(&site, &[&first, &second]))).await.assert_code(0);
}

/// No job names so many authorities: somebody put tokens into the ledger.
#[tokio::test(flavor = "multi_thread")]
async fn more_tokens_than_a_bundle_takes_are_left_out_with_a_word() {
    let tsa = TsaServer::start("TSA");
    let site = site_with(&[&tsa]).await;
    let add = |numbers: &str| {
        format!(
            "INSERT INTO vaultstream.anchors (job_id, tsa, token, made_at)
             SELECT job_id, 'http://another/' || number, token, made_at
               FROM vaultstream.anchors, generate_series({numbers}) number WHERE tsa = '{}'",
            tsa.url
        )
    };
    site.execute(&add("1, 4")).await;
    let (bundle, ended) = export(&site).await;
    assert_eq!((ended.stderr.contains("note:"), header(&bundle)["tokens"].as_array().unwrap().len()), (false, 5));
    verify(&bundle, Some(&roots(&site, &[&tsa]))).await.assert_code(0);
    site.execute(&add("5, 5")).await;
    let (bundle, ended) = export(&site).await;
    assert!(ended.stderr.contains("the ledger has 6 timestamp tokens over this receipt"), "{}", ended.stderr);
    assert_eq!(header(&bundle)["tokens"].as_array().unwrap().len(), 5);
    // The same one five times: each is looked at.
    let report = verify(&bundle, Some(&roots(&site, &[&tsa]))).await.assert_code(0).report();
    assert_eq!(report["anchors"].as_array().unwrap().len(), 5, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_checks_timestamps_with_roots_that_are_chosen() {
    if !has_browser("timestamps in docs/verify.html in a browser") {
        return;
    }
    let (tsa, other) = (TsaServer::start("TSA"), TsaServer::start("Other"));
    let site = site_with(&[&tsa]).await;
    let (bundle, _) = export(&site).await;
    let [right, wrong] = [&tsa, &other].map(|tsa| tsa.authority.root());
    let mut page = Command::new("python3");
    page.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_page.py")).arg(&bundle);
    page.args([&right, &wrong].map(|roots| format!("{},{}", bundle.display(), roots.display())));
    let said = output(page).await.unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let expected = [
        ("VERIFIED: ", "Who issued that certificate was not checked"),
        ("VERIFIED: ", "The receipt existed before 20"),
        ("NOT VERIFIED: ", "no root that is believed has issued its certificate"),
    ];
    assert_eq!(lines.len(), expected.len(), "{said}");
    assert!(
        lines.iter().zip(expected).all(|(line, (word, part))| line.starts_with(word) && line.contains(part)),
        "{said}"
    );
}
