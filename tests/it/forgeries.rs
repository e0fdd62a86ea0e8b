//! Whoever owns the database, and has no key-encryption key, makes the past anew. The ledger then agrees with itself, and nothing in it can
//! tell; the receipt's digest, kept elsewhere, tells.

use serde_json::{Value, json};
use uuid::Uuid;
use vaultstream_signing::{PrivateKey, PublicKey, sign_receipt, verify_receipt};

use crate::harness::{Drive, Ended, Site, generated, of_table, quick};

const SPEC: &str = "batchSize: 20\nkeys: {count: 2, lease: {records: 20}}";

async fn verify(site: &Site, job: &str, args: &[&str]) -> Ended {
    site.ledger_command(&["verify", "--job", job, "--output", "json"]).args(args).end().await
}

fn digest(report: &Value) -> String {
    report["receiptDigest"].as_str().unwrap().to_owned()
}

/// A forgery that only the digest of the true receipt tells.
async fn assert_only_the_digest_tells(site: &Site, job: &str, true_digest: &str) {
    let alone = verify(site, job, &[]).await.assert_code(0).report();
    assert_eq!(alone["verdict"], "VERIFIED", "{alone}");
    assert!(alone["proves"].as_str().unwrap().starts_with("it agrees with itself"), "{alone}");
    let told = verify(site, job, &["--receipt-digest", true_digest]).await.assert_code(1).report();
    assert_eq!(told["verdict"], "NOT VERIFIED", "{told}");
    let expected = format!("it has the receipt sha256:{}; expected was sha256:{true_digest}", digest(&told));
    assert_eq!(told["problems"], json!([{"kind": "Receipt", "message": expected}]));
}

/// A letter each to 60 people, signed as the job of this uid.
async fn letters(uid: Uuid, text: &str) -> Site {
    let site = Site::new().await;
    site.execute(&format!(
        "CREATE TABLE letters (id integer PRIMARY KEY, body text);
         INSERT INTO letters SELECT n, '{text} ' || n FROM generate_series(1, 60) n"
    ))
    .await;
    let job: Drive = site.drive_as(uid, &of_table("job", "letters", SPEC), quick()).await;
    let worker = site.worker(uid).await.start();
    job.complete().await;
    drop(worker);
    site
}

/// Payloads, keys, signatures, roots and receipt: another ledger in the place of the first, made with other key-encryption keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_in_which_everything_is_rewritten_is_told_by_the_receipts_digest_alone() {
    let uid = Uuid::new_v4();
    let (truth, forged) = (letters(uid, "pay 1 EUR to").await, letters(uid, "pay 1000000 EUR to").await);
    let report = verify(&truth, "job", &[]).await.assert_code(0).report();
    verify(&truth, "job", &["--receipt-digest", &digest(&report)]).await.assert_code(0);
    assert_eq!(report["uid"], verify(&forged, "job", &[]).await.report()["uid"]);
    assert_only_the_digest_tells(&forged, "job", &digest(&report)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_with_another_name_and_other_times_is_told_by_its_digest_when_the_ledger_was_changed_with_it() {
    let site = Site::new().await;
    let report = site.run(&generated("job", 60, SPEC)).end().await.assert_code(0).report();
    let sql = site.sql().await;
    let row = sql
        .query_one(
            "SELECT k.public_key, j.receipt FROM vaultstream.jobs j JOIN vaultstream.keys k ON k.job_id = j.id AND k.ordinal = 0",
            &[],
        )
        .await
        .unwrap();
    let public = PublicKey::from_spki_der(&row.get::<_, Vec<u8>>(0)).unwrap();
    let mut receipt = verify_receipt(&public, row.get(1)).unwrap();
    receipt.name = "other".to_owned();
    let year: i32 = receipt.completed_at[..4].parse().unwrap();
    for time in [&mut receipt.started_at, &mut receipt.completed_at] {
        *time = time.replacen(&year.to_string(), &(year - 20).to_string(), 1);
    }
    let key = PrivateKey::generate().unwrap();
    let forged = sign_receipt(&key, &receipt, &[]).unwrap();
    site.execute("ALTER TABLE vaultstream.keys DISABLE TRIGGER USER").await;
    sql.execute("UPDATE vaultstream.keys SET public_key = $1 WHERE ordinal = 0", &[&key.public().spki_der().to_vec()])
        .await
        .unwrap();
    sql.execute("UPDATE vaultstream.jobs SET receipt = $1", &[&forged]).await.unwrap();
    // The receipt alone contradicts the ledger.
    let found = verify(&site, "job", &[]).await.assert_code(1).report()["problems"].to_string();
    for member in ["name", "startedAt", "completedAt"] {
        assert!(found.contains(&format!("the receipt says {member} ")), "{member}: {found}");
    }
    site.execute(
        "UPDATE vaultstream.jobs SET name = 'other', published_at = published_at - interval '20 years',
                signed_at = signed_at - interval '20 years'",
    )
    .await;
    assert_only_the_digest_tells(&site, "other", &digest(&report)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_changed_and_signed_again_is_told_by_the_digest_of_the_first_receipt() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id integer PRIMARY KEY, body text);
         INSERT INTO letters SELECT n, 'letter ' || n FROM generate_series(1, 60) n",
    )
    .await;
    let manifest = of_table("job", "letters", SPEC);
    let first = site.run(&manifest).end().await.assert_code(0).report();
    site.execute("UPDATE letters SET body = 'forged' WHERE id = 7").await;
    site.run(&manifest).args(&["--again"]).end().await.assert_code(0);
    assert_only_the_digest_tells(&site, "job", &digest(&first)).await;
    // The ledger still has what was signed first, and to that the row is a change.
    let uid = first["uid"].as_str().unwrap();
    let older = site.ledger_command(&["verify", "--uid", uid, "-o", "json"]).end().await.assert_code(1).report();
    assert_eq!((&older["problems"][0]["kind"], &older["problems"][0]["records"]), (&json!("Changed"), &json!([7])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_put_back_to_an_older_backup_is_told_by_the_digest_of_the_latest_receipt() {
    let site = Site::breakable().await;
    let manifest = generated("job", 60, SPEC);
    site.run(&manifest).end().await.assert_code(0);
    let backup = site.back_up().await;
    let latest = site.run(&manifest).args(&["--again"]).end().await.assert_code(0).report();
    verify(&site, "job", &["--receipt-digest", &digest(&latest)]).await.assert_code(0);
    site.restore(backup).await;
    assert_only_the_digest_tells(&site, "job", &digest(&latest)).await;
}

/// Two signatures that are right each, under a key that is known to both: the nonce discloses it, whatever vouches for the receipt.
#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_was_used_twice_is_found_although_the_receipt_is_the_expected_one() {
    let site = Site::new().await;
    let report = site.run(&generated("job", 60, SPEC)).end().await.assert_code(0).report();
    site.execute(
        "UPDATE vaultstream.signatures s SET signature = substr(o.signature, 1, 32) || substr(s.signature, 33)
           FROM vaultstream.signatures o WHERE (s.record_id, o.record_id) = (33, 34)",
    )
    .await;
    let found = verify(&site, "job", &["--receipt-digest", &digest(&report)]).await.assert_code(1).report();
    let kinds = found["problems"].as_array().unwrap().iter().map(|problem| &problem["kind"]);
    assert!(kinds.clone().any(|kind| kind == "RepeatedNonce"), "{found}");
    assert!(kinds.clone().all(|kind| kind != "Receipt"), "{found}");
}
