//! The receipt against the ledger. Whoever holds the key encryption key can sign another one; `verify` compares what it says.

use vaultstream_signing::receipt::{KeyTree, KeyUse, KeyUses, ReceiptDetails, ReceiptFormat, SignedSource};
use vaultstream_signing::{
    Backend, DataKey, Kek, KekRing, PrivateKey, PublicKey, Receipt, WrapContext, WrappedKey, sign_receipt,
    verify_receipt,
};

use crate::harness::{Site, generated, of_table};

const SPEC: &str = "batchSize: 20\nkeys: {count: 2, lease: {records: 20}, retain: Keep}\nmaxRejected: 10";

/// A job of 100 rows, two of which are rejects.
async fn signed() -> Site {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body text);
         INSERT INTO letters SELECT n, CASE WHEN n % 50 > 0 THEN 'letter' END FROM generate_series(1, 100) n",
    )
    .await;
    site.run(&of_table("job", "letters", SPEC)).end().await.assert_code(0);
    site
}

/// The receipt key, opened with the key encryption key: the job keeps its keys.
async fn receipt_key(site: &Site) -> PrivateKey {
    let sql = "SELECT j.uid, k.id, k.version, d.kek_id, d.wrapped_key, k.wrapped_key, k.public_key FROM vaultstream.keys k \
               JOIN vaultstream.jobs j ON j.id = k.job_id JOIN vaultstream.data_keys d ON d.job_id = j.id WHERE k.ordinal = 0";
    let row = site.sql().await.query_one(sql, &[]).await.unwrap();
    let ring = KekRing::new(Kek::fingerprinted(std::fs::read(site.kek()).unwrap()).unwrap());
    let context = WrapContext { job: row.get(0), key: row.get(1), version: row.get(2) };
    let data_key = WrappedKey { kek_id: row.get::<_, String>(3).parse().unwrap(), bytes: row.get(4) };
    let data_key = DataKey::from_bytes(&ring.open(&DataKey::aad(context.job), &data_key).unwrap()).unwrap();
    let public = PublicKey::from_spki_der(&row.get::<_, Vec<u8>>(6)).unwrap();
    data_key.into_cipher().unwrap().unwrap(&row.get::<_, Vec<u8>>(5), &context, &public).unwrap()
}

async fn store(site: &Site, jws: &str) {
    let sql = site.sql().await;
    sql.execute("UPDATE vaultstream.jobs SET receipt = $1", &[&jws]).await.unwrap();
}

type Change = fn(&mut Receipt);

fn listed(receipt: &mut Receipt) -> &mut Vec<KeyUse> {
    let KeyUses::Listed(keys) = &mut receipt.keys else { panic!("it lists no keys") };
    keys
}

fn details(receipt: &mut Receipt) -> &mut ReceiptDetails {
    receipt.details.as_mut().expect("it has what receipts have since format 3")
}

/// The name of each member in the finding, and what it is changed to.
const CHANGES: &[(&str, Change)] = &[
    ("uid", |receipt| receipt.uid = uuid::Uuid::from_u128(7)),
    ("namespace", |receipt| receipt.namespace = "other".to_owned()),
    ("name", |receipt| receipt.name = "other".to_owned()),
    ("specHash", |receipt| receipt.spec_hash[0] ^= 1),
    ("records.total", |receipt| receipt.records.total += 1),
    ("records.signed", |receipt| receipt.records.signed -= 1),
    ("records.rejected", |receipt| receipt.records.rejected += 1),
    ("records.changed", |receipt| receipt.records.changed += 1),
    ("merkleRoot", |receipt| receipt.merkle_root[31] ^= 1),
    ("rejectsRoot", |receipt| receipt.rejects_root = Some([1; 32])),
    ("keys", |receipt| listed(receipt).swap(0, 1)),
    ("keys", |receipt| listed(receipt).truncate(1)),
    ("backends", |receipt| receipt.backends = Backend::ALL.to_vec()),
    ("verify", |receipt| receipt.verify = "Sample".to_owned()),
    ("cluster", |receipt| details(receipt).cluster = "other".to_owned()),
    ("source.kind", |receipt| details(receipt).source = SignedSource::Generated),
    ("message", |receipt| details(receipt).message = "Bound".to_owned()),
    ("treeSize", |receipt| details(receipt).tree_size += 1),
    ("sealed", |receipt| details(receipt).sealed -= 1),
    ("signaturesChecked", |receipt| details(receipt).signatures_checked = Some(3)),
    ("startedAt", |receipt| receipt.started_at = "2026-01-01T00:00:00.000Z".to_owned()),
    ("completedAt", |receipt| receipt.completed_at = "2026-01-01T00:00:00.000Z".to_owned()),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_member_of_the_receipt_is_compared_with_the_ledger() {
    let site = signed().await;
    let key = receipt_key(&site).await;
    let stored = site.text("SELECT receipt FROM vaultstream.jobs").await;
    let receipt = verify_receipt(&key.public(), &stored).unwrap();
    assert_eq!((receipt.records.signed, receipt.records.rejected), (98, 2));
    assert!(receipt.rejects_root.is_some(), "the receipt covers the rejects");
    let verify = || site.ledger_command(&["verify", "--job", "job", "--mode", "sql", "--output", "json"]).end();
    verify().await.assert_code(0);
    for (member, change) in CHANGES {
        let mut changed = receipt.clone();
        change(&mut changed);
        store(&site, &sign_receipt(&key, &changed, &[]).unwrap()).await;
        let found = verify().await;
        let problems = found.assert_code(1).report()["problems"].clone();
        let messages = problems.to_string();
        assert!(messages.contains(&format!("the receipt says {member} ")), "{member}: {messages}");
        // Of the source every member differs.
        let expected = if member.starts_with("source.") { 5 } else { 1 };
        assert_eq!(problems.as_array().unwrap().len(), expected, "{member}: {messages}");
    }
    // A reject that is told differently now.
    store(&site, &stored).await;
    site.execute("UPDATE vaultstream.rejects SET reason = 'PayloadTooLarge' WHERE record_id = 50").await;
    let found = verify().await;
    let problems = found.assert_code(1).report()["problems"].to_string();
    assert!(problems.contains("the receipt says rejectsRoot"), "{problems}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_printed_as_it_is_stored_or_as_json_once_its_signature_was_checked() {
    let site = signed().await;
    let stored = site.text("SELECT receipt FROM vaultstream.jobs").await;
    let print = |args: &'static [&'static str]| site.ledger_command(&["receipt", "--job", "job"]).args(args).end();
    assert_eq!(print(&["--raw"]).await.assert_code(0).stdout, format!("{stored}\n"));
    let body: serde_json::Value = serde_json::from_str(&print(&[]).await.assert_code(0).stdout).unwrap();
    assert_eq!((&body["records"]["signed"], &body["records"]["rejected"]), (&98.into(), &2.into()), "{body}");
    let changed = stored.replacen('.', ".e", 1);
    store(&site, &changed).await;
    let refused = print(&[]).await;
    assert!(refused.assert_code(1).stderr.contains("the receipt is not valid"), "{}", refused.stderr);
    assert_eq!(print(&["--raw"]).await.assert_code(0).stdout, format!("{changed}\n"));
    site.execute("UPDATE vaultstream.jobs SET receipt = NULL").await;
    assert!(print(&["--raw"]).await.assert_code(1).stderr.contains("has no receipt"));
}

/// Receipts of earlier versions had no root over the rejects.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_without_a_root_over_the_rejects_still_counts() {
    let site = signed().await;
    let key = receipt_key(&site).await;
    let stored = site.text("SELECT receipt FROM vaultstream.jobs").await;
    let earlier = Receipt { rejects_root: None, ..verify_receipt(&key.public(), &stored).unwrap() };
    store(&site, &sign_receipt(&key, &earlier, &[]).unwrap()).await;
    site.ledger_command(&["verify", "--job", "job"]).end().await.assert_code(0);
}

/// When every implementation has signed, one of them must check; that is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_checker_that_has_signed_too_is_named_as_such() {
    let site = signed().await;
    let usual = site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end().await;
    assert_eq!(usual.assert_code(0).report()["verifierAlsoSigned"], serde_json::Value::Null);
    let key = receipt_key(&site).await;
    let stored = site.text("SELECT receipt FROM vaultstream.jobs").await;
    let all = Backend::ALL.to_vec();
    let changed = Receipt { backends: all, ..verify_receipt(&key.public(), &stored).unwrap() };
    store(&site, &sign_receipt(&key, &changed, &[]).unwrap()).await;
    site.execute("UPDATE vaultstream.jobs SET backends = '{engine,native,reference}'").await;
    let verify = site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end().await;
    assert_eq!(verify.assert_code(0).report()["verifierAlsoSigned"], true);
    let text = site.ledger_command(&["verify", "--job", "job"]).end().await;
    assert!(text.stdout.contains("which has signed, too"), "{}", text.stdout);
}

/// Each record under a key of its own.
#[tokio::test(flavor = "multi_thread")]
async fn of_more_than_a_thousand_keys_the_receipt_has_the_root_and_verify_rebuilds_it() {
    const KEYS: u64 = 1_010;
    let site = Site::new().await;
    let spec = format!("batchSize: 1\nkeys: {{count: {KEYS}, lease: {{records: 1}}, retain: Keep}}");
    site.run(&generated("job", KEYS, &spec)).end().await.assert_code(0);
    let key = receipt_key(&site).await;
    let stored = site.text("SELECT receipt FROM vaultstream.jobs").await;
    let receipt = verify_receipt(&key.public(), &stored).unwrap();
    let KeyUses::Tree(tree) = receipt.keys else { panic!("it lists {:?}", receipt.keys) };
    assert_eq!((tree.size, receipt.format_version), (KEYS, ReceiptFormat::V3));
    assert!(stored.len() < 2_000, "{} bytes", stored.len());

    let verify = || site.ledger_command(&["verify", "--job", "job", "--mode", "sql", "--output", "json"]).end();
    let mut root = tree.root;
    root[0] ^= 1;
    for (member, changed) in [("size", KeyTree { size: KEYS + 1, ..tree }), ("root", KeyTree { root, ..tree })] {
        let changed = Receipt { keys: KeyUses::Tree(changed), ..receipt.clone() };
        store(&site, &sign_receipt(&key, &changed, &[]).unwrap()).await;
        let found = verify().await;
        let problems = found.assert_code(1).report()["problems"].to_string();
        assert!(problems.contains(&format!("the receipt says keyTree.{member} ")), "{problems}");
    }

    // As earlier versions wrote it: all of them, whatever their number.
    let rows = "SELECT public_key, signed FROM vaultstream.keys WHERE ordinal > 0 ORDER BY ordinal, version";
    let rows = site.sql().await.query(rows, &[]).await.unwrap();
    let mut keys: Vec<KeyUse> = rows.iter().map(key_use).collect();
    let earlier = Receipt { format_version: ReceiptFormat::V1, keys: KeyUses::Listed(keys.clone()), ..receipt.clone() };
    store(&site, &sign_receipt(&key, &earlier, &[]).unwrap()).await;
    verify().await.assert_code(0);
    keys.swap(500, 501);
    let earlier = Receipt { keys: KeyUses::Listed(keys), ..earlier };
    store(&site, &sign_receipt(&key, &earlier, &[]).unwrap()).await;
    let problems = verify().await.assert_code(1).report()["problems"].to_string();
    assert!(problems.contains("the receipt says keys "), "{problems}");
}

fn key_use(row: &tokio_postgres::Row) -> KeyUse {
    let public = PublicKey::from_spki_der(&row.get::<_, Vec<u8>>(0)).unwrap();
    KeyUse { kid: public.thumbprint(), signed: row.get::<_, i64>(1).unsigned_abs() }
}
