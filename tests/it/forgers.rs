//! Who owns the ledger, and has no key-encryption key, changes a job that is about to get its receipt: it gets none.

use tokio_postgres::Client;
use uuid::Uuid;
use vaultstream_signing::{
    Backend, BatchRoot, DataKey, Digest, Hash, Kek, KekRing, Nonce, PrivateKey, PublicKey, RawSignature, Thumbprint,
    WrappedKey, merkle, receipt::ReceiptFormat, seal_digest, verify_receipt,
};

use crate::harness::{Site, generated, of_table};

/// 200 records in batches of 20. Each batch has another key than the one before.
const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 20}}\nconcurrency: {signers: 1}\nmaxRejected: 10";

/// A job whose every batch is signed, and whose receipt was not begun. Nothing is final to the ledger's owner.
async fn signed(manifest: &str) -> Site {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body text);
         INSERT INTO letters SELECT n, CASE WHEN n <> 50 THEN 'letter ' || n END FROM generate_series(1, 200) n",
    )
    .await;
    site.run(manifest).fault("before-evidence=kill").end().await.assert_killed("before-evidence");
    site.execute(
        "ALTER TABLE vaultstream.batches DISABLE TRIGGER USER; ALTER TABLE vaultstream.keys DISABLE TRIGGER USER;
         ALTER TABLE vaultstream.data_keys DISABLE TRIGGER USER;
         -- The receipt key and the stream are free at once.
         UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL",
    )
    .await;
    site
}

/// What is wrong, unless the job ends without a receipt and says why.
async fn not_refused(site: &Site, manifest: &str, what: &str, why: &str) -> Option<String> {
    let ended = site.run(manifest).end().await;
    let failure = site.text("SELECT coalesce(failure_reason || ': ' || failure, '') FROM vaultstream.jobs").await;
    let receipts = site.number("SELECT count(receipt) FROM vaultstream.jobs").await;
    let is_refused = ended.status.code() == Some(1) && receipts == 0;
    let is_told = failure.starts_with("LedgerAltered: ") && failure.contains(why);
    (!is_refused || !is_told).then(|| format!("{what}: {receipts} receipts, {failure:?}, {}", ended.stderr))
}

async fn assert_refused(site: &Site, manifest: &str, what: &str, why: &str) {
    assert_eq!(not_refused(site, manifest, what, why).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_whose_row_its_key_did_not_seal_gets_no_receipt() {
    let manifest = of_table("job", "letters", SPEC);
    let mut forgeries = Vec::new();
    for (what, forged, why) in [
        ("a count", "UPDATE vaultstream.batches SET signed = 19, rows = 19 WHERE batch = 4", "batch 4 has a root"),
        ("a range", "UPDATE vaultstream.batches SET last_id = last_id + 5 WHERE batch = 9", "batch 9 has a root"),
        (
            "a root",
            "UPDATE vaultstream.batches SET merkle_root = set_byte(merkle_root, 3, get_byte(merkle_root, 3) # 1) WHERE batch = 5",
            "batch 5 has a root",
        ),
        (
            "another key",
            "UPDATE vaultstream.batches b SET key_id = (SELECT min(id) FROM vaultstream.keys k WHERE ordinal > 0 AND \
             public_key IS NOT NULL AND k.id <> b.key_id) WHERE batch = 6",
            "batch 6 has a root",
        ),
        (
            "the receipt key",
            "UPDATE vaultstream.batches SET key_id = (SELECT id FROM vaultstream.keys WHERE ordinal = 0) WHERE batch = 6",
            "batch 6 names key ",
        ),
        ("a reason", "UPDATE vaultstream.rejects SET reason = 'PayloadTooLarge'", "batch 2 has a root"),
        (
            "a reject more",
            "INSERT INTO vaultstream.rejects SELECT id, 1000, 'PayloadMissing', '', 0 FROM vaultstream.jobs",
            "there are rejects that no batch has",
        ),
        (
            "a key's count",
            "UPDATE vaultstream.keys SET signed = signed + 1 WHERE ordinal = 1",
            "the keys say other numbers",
        ),
        ("no seal", "UPDATE vaultstream.batches SET seal = NULL WHERE batch = 7", "batch 7 has no seal"),
        (
            "nothing of a seal",
            "UPDATE vaultstream.batches SET seal = NULL, tree_root = NULL WHERE batch = 7",
            "batch 7 has no seal",
        ),
        (
            "another seal",
            "UPDATE vaultstream.batches SET seal = set_byte(seal, 40, get_byte(seal, 40) # 1) WHERE batch = 8",
            "batch 8 has a seal that key ",
        ),
        (
            "two swapped seals",
            "UPDATE vaultstream.batches b SET seal = o.seal FROM vaultstream.batches o WHERE (b.batch, o.batch) IN ((1, 3), (3, 1))",
            "batch 1 has a seal that key ",
        ),
        (
            "a batch less",
            "DELETE FROM vaultstream.signatures WHERE record_id > 180; DELETE FROM vaultstream.batches WHERE batch = 9",
            "batch 9 is missing",
        ),
    ] {
        let site = signed(&manifest).await;
        site.execute(forged).await;
        forgeries.extend(not_refused(&site, &manifest, what, why).await);
    }
    assert!(forgeries.is_empty(), "{forgeries:#?}");
}

/// A key of the forger's own, and all that it takes for the ledger to agree with itself.
struct Forger {
    key: PrivateKey,
    uid: Uuid,
    sql: Client,
}

impl Forger {
    async fn of(site: &Site) -> Self {
        Self { key: PrivateKey::generate().unwrap(), uid: site.uid().await, sql: site.sql().await }
    }

    fn sign(&self, digests: &[Digest]) -> Vec<RawSignature> {
        let mut made = vec![RawSignature::EMPTY; digests.len()];
        Backend::Reference.signer(&self.key, Nonce::Hedged).unwrap().sign(digests, &mut made).unwrap();
        made
    }

    /// Signs the records of a batch without those of `left_out`. Returns how many there are, and their tree.
    async fn sign_batch(&self, first: i64, last: i64, left_out: &[i64]) -> (i64, Hash) {
        let payloads =
            "SELECT id, payload FROM vaultstream.records WHERE id BETWEEN $1 AND $2 AND id <> ALL ($3) ORDER BY id";
        let rows = self.sql.query(payloads, &[&first, &last, &left_out]).await.unwrap();
        let ids: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        let digests: Vec<Digest> = rows.iter().map(|row| Digest::of(row.get(1))).collect();
        let mut tree = merkle::Tree::new();
        for ((id, digest), signature) in ids.iter().zip(&digests).zip(self.sign(&digests)) {
            tree.push(merkle::leaf(*id, digest, &signature));
            let update = "UPDATE vaultstream.signatures SET signature = $2 WHERE record_id = $1";
            self.sql.execute(update, &[id, &signature.0.as_slice()]).await.unwrap();
        }
        (ids.len() as i64, tree.root())
    }

    /// All batches of one key, under the forger's. Returns the key.
    async fn take_over_a_key(&self) -> i64 {
        let batches = "SELECT batch, first_id, last_id, key_id FROM vaultstream.batches \
                       WHERE key_id = (SELECT key_id FROM vaultstream.batches WHERE batch = 3) ORDER BY batch";
        let mut key = 0;
        for row in self.sql.query(batches, &[]).await.unwrap() {
            let (batch, first, last): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
            key = row.get(3);
            let (signed, tree) = self.sign_batch(first, last, &[]).await;
            self.store_root(batch, (first, last), signed, tree, self.key.public().thumbprint()).await;
        }
        let public = self.key.public().spki_der().to_vec();
        let update = "UPDATE vaultstream.keys SET public_key = $2 WHERE id = $1";
        self.sql.execute(update, &[&key, &public]).await.unwrap();
        key
    }

    /// Makes root and seal of a batch anew.
    async fn store_root(&self, batch: i64, (first, last): (i64, i64), signed: i64, tree: Hash, key: Thumbprint) {
        let rejects = merkle::empty_root();
        let root = BatchRoot { job: self.uid, batch, first, last, signed, rejected: 0, key, rejects, tree }.hash();
        let seal = self.sign(&[seal_digest(&root)])[0];
        let update = "UPDATE vaultstream.batches SET merkle_root = $2, tree_root = $3, seal = $4, signed = $5, rows = $5 WHERE batch = $1";
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
            [&batch, &root.as_slice(), &tree.as_slice(), &seal.0.as_slice(), &signed];
        self.sql.execute(update, &params).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_signed_and_sealed_with_a_forger_s_key_get_no_receipt() {
    let manifest = generated("job", 200, SPEC);
    let site = signed(&manifest).await;
    let key = Forger::of(&site).await.take_over_a_key().await;
    let why = format!("key {key}, which batch 3 names, does not open under the job's data key");
    assert_refused(&site, &manifest, "a forger's key", &why).await;

    // The origin of the real one does not help, and neither does that of another key.
    let site = signed(&manifest).await;
    let key = Forger::of(&site).await.take_over_a_key().await;
    site.execute(&format!(
        "UPDATE vaultstream.keys SET wrapped_key = o.wrapped_key, origin = o.origin FROM vaultstream.keys o
          WHERE keys.id = {key} AND o.id = (SELECT min(id) FROM vaultstream.keys WHERE ordinal > 0 AND id <> {key})"
    ))
    .await;
    let why = format!("key {key}, which batch 3 names, does not open");
    assert_refused(&site, &manifest, "a forger's key with another origin", &why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_left_out_of_a_sealed_batch_is_missed() {
    let manifest = generated("job", 200, SPEC);
    let site = signed(&manifest).await;
    let forger = Forger::of(&site).await;
    // The signatures that are there are right. Only the seal is not the key's.
    let rows = "SELECT s.record_id, s.signature, r.payload, k.public_key FROM vaultstream.signatures s \
                JOIN vaultstream.records r ON r.id = s.record_id JOIN vaultstream.keys k ON k.id = s.key_id \
                WHERE s.record_id BETWEEN 41 AND 59 ORDER BY 1";
    let mut tree = merkle::Tree::new();
    let mut kid = Thumbprint::ZERO;
    for row in forger.sql.query(rows, &[]).await.unwrap() {
        let signature = RawSignature(row.get::<_, &[u8]>(1).try_into().unwrap());
        tree.push(merkle::leaf(row.get::<_, i64>(0), &Digest::of(row.get(2)), &signature));
        kid = PublicKey::from_spki_der(row.get(3)).unwrap().thumbprint();
    }
    forger.store_root(2, (41, 60), 19, tree.root(), kid).await;
    site.execute(
        "DELETE FROM vaultstream.signatures WHERE record_id = 60;
         UPDATE vaultstream.keys SET signed = signed - 1 WHERE id = (SELECT key_id FROM vaultstream.batches WHERE batch = 2)",
    )
    .await;
    assert_refused(&site, &manifest, "a record left out", "batch 2 has a seal that key ").await;
}

/// Makes the data key of the job one of a version that sealed no batches.
async fn as_an_earlier_version_made_it(site: &Site) {
    let sql = site.sql().await;
    let row = sql.query_one(
        "SELECT j.uid, d.kek_id, d.wrapped_key FROM vaultstream.data_keys d JOIN vaultstream.jobs j ON j.id = d.job_id",
        &[],
    );
    let row = row.await.unwrap();
    let ring = KekRing::new(Kek::fingerprinted(std::fs::read(site.kek()).unwrap()).unwrap());
    let wrapped = WrappedKey { kek_id: row.get::<_, String>(1).parse().unwrap(), bytes: row.get(2) };
    let aad = DataKey::aad(row.get(0));
    let key = ring.open(&aad, &wrapped).unwrap();
    assert_eq!(key.len(), 33, "it says that all batches are sealed");
    let sealed = ring.seal(&aad, &key[..32]).unwrap();
    sql.execute("UPDATE vaultstream.data_keys SET wrapped_key = $1", &[&sealed.bytes]).await.unwrap();
}

/// The first batches are those of a worker that seals none.
const UNSEALED: &str = "UPDATE vaultstream.batches SET seal = NULL, tree_root = NULL WHERE batch < 4;
                        UPDATE vaultstream.batches SET key_id = NULL WHERE batch < 4 AND signed = 0";

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_an_earlier_version_signed_are_verified_instead_of_their_seals() {
    for manifest in [generated("job", 200, SPEC), of_table("job", "letters", SPEC)] {
        let site = signed(&manifest).await;
        as_an_earlier_version_made_it(&site).await;
        site.execute(UNSEALED).await;
        site.run(&manifest).end().await.assert_code(0);
        let report =
            site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end().await.assert_code(0).report();
        assert_eq!((&report["batches"], &report["sealedBatches"]), (&10.into(), &6.into()), "{report}");
        let row = "SELECT j.receipt, k.public_key FROM vaultstream.jobs j JOIN vaultstream.keys k ON k.job_id = j.id WHERE k.ordinal = 0";
        let row = site.sql().await.query_one(row, &[]).await.unwrap();
        let receipt = verify_receipt(&PublicKey::from_spki_der(row.get(1)).unwrap(), row.get(0)).unwrap();
        let details = receipt.details.unwrap();
        assert_eq!((receipt.format_version, details.tree_size, details.sealed), (ReceiptFormat::V3, 10, 6));
        // A seal that is gone is missed by who believes the receipt.
        site.execute("UPDATE vaultstream.batches SET seal = NULL WHERE batch = 8").await;
        let found = site.ledger_command(&["verify", "--job", "job"]).end().await;
        assert!(found.assert_code(1).stdout.contains("the receipt says sealed 6, the ledger 5"), "{}", found.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_in_a_batch_without_a_seal_gets_no_receipt() {
    let manifest = of_table("job", "letters", SPEC);
    let mut forgeries = Vec::new();
    let flip = "signature = set_byte(signature, 40, get_byte(signature, 40) # 1)";
    for (what, forged, why) in [
        (
            "a signature",
            format!("UPDATE vaultstream.signatures SET {flip} WHERE record_id = 33"),
            "batch 1 has a signature of record 33 that key ",
        ),
        (
            "a digest",
            "UPDATE vaultstream.signatures SET digest = set_byte(digest, 0, get_byte(digest, 0) # 1) WHERE record_id = 34".to_owned(),
            "batch 1 has a signature of record 34 that key ",
        ),
        ("a missing one", "DELETE FROM vaultstream.signatures WHERE record_id = 35".to_owned(), "batch 1 has a root"),
        (
            "one of another key",
            "UPDATE vaultstream.signatures SET key_id = key_id + 1 WHERE record_id = 36".to_owned(),
            "batch 1 has a root",
        ),
    ] {
        let site = signed(&manifest).await;
        as_an_earlier_version_made_it(&site).await;
        site.execute(UNSEALED).await;
        site.execute(&forged).await;
        forgeries.extend(not_refused(&site, &manifest, what, why).await);
    }
    assert!(forgeries.is_empty(), "{forgeries:#?}");
}

/// The private key of a batch was damaged after it had signed: its origin proves the public one.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_private_key_keeps_no_job_from_its_receipt() {
    let manifest = generated("job", 200, SPEC);
    let site = signed(&manifest).await;
    site.execute(
        "UPDATE vaultstream.keys SET wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1) WHERE ordinal > 0",
    )
    .await;
    site.run(&manifest).end().await.assert_code(0);
    site.ledger_command(&["verify", "--job", "job"]).end().await.assert_code(0);

    let site = signed(&manifest).await;
    site.execute("UPDATE vaultstream.keys SET wrapped_key = substr(wrapped_key, 2), origin = NULL WHERE ordinal > 0")
        .await;
    assert_refused(&site, &manifest, "neither key nor origin", "does not open under the job's data key").await;
}

/// The longest texts that a row can have are compressed in the ledger, and are as long as ever in a program that reads them.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_rejects_without_end_costs_the_maker_of_a_receipt_no_memory() {
    let manifest = generated("job", 200, SPEC);
    let site = signed(&manifest).await;
    site.execute(
        "UPDATE vaultstream.batches SET last_id = last_id + 30000, rejected = 30000 WHERE batch = 9;
         INSERT INTO vaultstream.rejects SELECT j.id, 200 + n, repeat('x', 10000), repeat('y', 10000), 0
          FROM vaultstream.jobs j, generate_series(1, 30000) n",
    )
    .await;
    let run = site.run(&manifest).fault("evidence-gathered=stop").start();
    run.until_stopped().await;
    assert!(run.peak_memory() <= 128 << 10, "its peak was {} KiB", run.peak_memory());
    drop(run);
    site.execute("UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL").await;
    assert_refused(&site, &manifest, "rejects without end", "batch 9 has a root").await;
}
