//! `vaultstream verify --bundle` says which checkpoint a bundle has, and whether it extends an earlier one.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::Program;

fn vector(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors").join(name).to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_checkpoint_is_not_taken_for_the_receipt_of_a_finished_job() {
    for (file, place, until, checkpoint) in [
        (
            "checkpoint-middle.vsb",
            "checkpoint 2 (the job goes on)",
            "signed until",
            json!({"number": 2, "last": false}),
        ),
        ("checkpoint-last.vsb", "last checkpoint, number 3", "complete at", json!({"number": 3, "last": true})),
    ] {
        let file = vector(file);
        let text = Program::vaultstream(&["verify", "--bundle", &file]).end().await;
        text.assert_code(0);
        let named = format!("default/vector, {place}, {until} 2026-01-01T00:01:00.000Z\n");
        assert!(text.stdout.contains(&named), "{}", text.stdout);
        let json = Program::vaultstream(&["verify", "--bundle", &file, "--output", "json"]).end().await;
        assert_eq!(json.report()["checkpoint"], checkpoint);
    }
    let finished =
        Program::vaultstream(&["verify", "--bundle", &vector("payload.vsb"), "--output", "json"]).end().await;
    assert_eq!(finished.report()["checkpoint"], Value::Null);
}

#[tokio::test]
async fn a_bundle_extends_the_checkpoint_that_its_reader_kept_or_is_not_verified() {
    let (bundle, kept) = (vector("checkpoint-last.vsb"), vector("checkpoint-first.jws"));
    let verify = |earlier: &str| {
        let earlier = earlier.to_owned();
        let bundle = bundle.clone();
        async move { Program::vaultstream(&["verify", "--bundle", &bundle, "--checkpoint", &earlier]).end().await }
    };
    let right = verify(&kept).await;
    right.assert_code(0);
    assert!(right.stdout.contains("extends      checkpoint 1, sha256:"), "{}", right.stdout);
    let other = verify(&vector("checkpoint-other-batches.jws")).await;
    other.assert_code(1);
    assert!(other.stdout.starts_with("NOT VERIFIED\n"), "{}", other.stdout);
    assert!(other.stdout.contains("the first 2 batches are not those of the earlier checkpoint"), "{}", other.stdout);
    let missing = verify("/no/such/file").await;
    missing.assert_code(2);
    assert!(missing.stderr.contains("--checkpoint /no/such/file: the file cannot be read"), "{}", missing.stderr);
    let no_bundle = Program::vaultstream(&["verify", "--job", "job", "--checkpoint", &kept]).end().await;
    no_bundle.assert_code(2);
}
