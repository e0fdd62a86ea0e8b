//! A proof on its whole way: a job of a cluster, a certificate by cert-manager, a token of a timestamping authority, a bundle by the plugin
//! of kubectl, and a verdict by three verifiers that share no code and ask nobody.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use vaultstream_api::{ConditionType, Reason};

use crate::harness::{Ended, Job, Place, Program, TsaServer, has_browser, kubeconfig_file, output, program, python};
use crate::issuers::Authority;
use crate::{RECORDS, assert_certified, manifest, operator, refused, uri};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_cluster_is_certified_timestamped_exported_and_verified_offline_by_three_verifiers() {
    let (place, tsa, other_tsa) = (Place::new().await, TsaServer::start("TSA"), TsaServer::start("Other"));
    let running = operator(&place, "operator").await.env("VAULTSTREAM_ALLOWED_TSAS", &tsa.url).start();
    running.until_leading().await;
    let (ours, other) = (Authority::new(&place, "ours").await, Authority::new(&place, "other").await);
    let anchors = format!("anchors: {}", json!([{"tsa": tsa.url}]));
    let job = place.create(&manifest("job", "{name: ours}", &anchors)).await;
    assert_certified(&place, &job, &ours).await;
    let anchored = job.until_condition(ConditionType::Anchored, "True", Reason::Confirmed).await;
    let digest = anchored.status.unwrap().receipt.unwrap().digest;
    let bundle = export(&job, place.site.dir.path()).await;

    // Who verifies has the bundle, the digest and two roots, and reaches nothing.
    drop(running);
    place.postgres.cut().await;
    place.nats.cut().await;
    let report = by_cli(&bundle, &digest, &ours, &tsa).await.assert_code(0).report();
    assert_eq!((&report["verdict"], &report["problems"]), (&json!("VERIFIED"), &json!([])), "{report}");
    assert_eq!((&report["signed"], &report["verified"]), (&json!(RECORDS), &json!(RECORDS)), "{report}");
    assert_eq!(report["certified"], json!({"job": uri(&job), "issuer": "CN=ours"}), "{report}");
    assert_eq!(report["anchors"].as_array().map(Vec::len), Some(1), "{report}");
    assert_eq!(report["anchors"][0]["believed"], true, "{report}");
    assert!(report["anchors"][0]["existedBefore"].as_str().unwrap().starts_with("20"), "{report}");
    refused(&by_cli(&bundle, &digest, &other, &tsa).await, "Certificate", "no root that is believed");
    refused(&by_cli(&bundle, &digest, &ours, &other_tsa).await, "Anchor", "no root that is believed");
    refused(&by_cli(&bundle, &"0".repeat(64), &ours, &tsa).await, "Receipt", &digest);

    let (root, other_root) = (tsa.authority.root(), other_tsa.authority.root());
    assert_eq!(by_python(&bundle, &digest, &root).await.as_deref().map(first_line), Ok("VERIFIED"));
    for (digest, root) in [("0".repeat(64), &root), (digest.clone(), &other_root)] {
        let told = by_python(&bundle, &digest, root).await;
        assert_eq!(told.as_deref().map_err(|said| first_line(said)), Err("NOT VERIFIED"));
    }
    let zeros = "0".repeat(64);
    if let Some(said) = by_page(&bundle, &[(&digest, &root), (&zeros, &root), (&digest, &other_root)]).await {
        let lines: Vec<&str> = said.lines().collect();
        let right = format!("VERIFIED: Each of the {RECORDS} signatures of {}/{} is right", job.namespace, job.name);
        assert!(lines[0].starts_with(&right) && lines[0].contains("whose receipt you expected"), "{said}");
        assert_eq!(lines.len(), 3, "{said}");
        assert!(lines[1..].iter().all(|line| line.starts_with("NOT VERIFIED: One thing is wrong")), "{said}");
    }
}

/// What `kubectl vaultstream export --bundle` writes.
async fn export(job: &Job, dir: &Path) -> PathBuf {
    symlink(env!("CARGO_BIN_EXE_vaultstream-with-faults"), dir.join("kubectl-vaultstream")).unwrap();
    let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
    let bundle = dir.join("bundle.vsb");
    let kubectl =
        Program::new(program("kubectl").to_str().unwrap()).env("PATH", path).env("KUBECONFIG", kubeconfig_file());
    let export = ["vaultstream", "export", &job.name, "-n", &job.namespace, "--bundle", bundle.to_str().unwrap()];
    let exported = kubectl.args(&export).end().await;
    assert!(exported.assert_code(0).stderr.contains("login: the Secret "), "{}", exported.stderr);
    bundle
}

async fn by_cli(bundle: &Path, digest: &str, authority: &Authority, tsa: &TsaServer) -> Ended {
    let (root, tsa_root) = (authority.root.to_str().unwrap(), tsa.authority.root());
    let bundle = ["verify", "--output", "json", "--bundle", bundle.to_str().unwrap(), "--receipt-digest", digest];
    let roots = ["--trust-bundle", root, "--tsa-roots", tsa_root.to_str().unwrap()];
    Program::vaultstream(&bundle).args(&roots).end().await
}

async fn by_python(bundle: &Path, digest: &str, tsa_root: &Path) -> Result<String, String> {
    let mut verify = python("../scripts/verify.py");
    verify.arg(bundle).args(["--receipt-digest", digest, "--tsa-roots"]).arg(tsa_root);
    output(verify).await
}

/// A line for each digest with the root of an authority for timestamps; `None` where there is no browser.
async fn by_page(bundle: &Path, known: &[(&str, &Path)]) -> Option<String> {
    if !has_browser("docs/verify.html in a browser") {
        return None;
    }
    let mut page = Command::new("python3");
    page.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("verify_page.py"));
    page.args(known.iter().map(|(digest, root)| format!("{digest}@{},{}", bundle.display(), root.display())));
    Some(output(page).await.unwrap())
}

fn first_line(said: &str) -> &str {
    said.lines().next().unwrap_or_default()
}
