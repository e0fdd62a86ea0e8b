//! What `vaultstream verify` is for: a person with all rights on the database changes something, and it is found.

use crate::harness::{Site, generated, of_table};

/// What is done, the statement that does it, the one that undoes it, a word of the finding.
const TAMPERINGS: &[(&str, &str, &str, &str)] = &[
    (
        "a flipped bit in a signature",
        "UPDATE vaultstream.signatures SET signature = set_byte(signature, 10, get_byte(signature, 10) # 1) WHERE record_id = 7",
        "UPDATE vaultstream.signatures SET signature = set_byte(signature, 10, get_byte(signature, 10) # 1) WHERE record_id = 7",
        "1 signature of a record is wrong: 7",
    ),
    (
        "a deleted signature",
        "CREATE TABLE saved AS SELECT * FROM vaultstream.signatures WHERE record_id = 8;
         DELETE FROM vaultstream.signatures WHERE record_id = 8",
        "INSERT INTO vaultstream.signatures SELECT * FROM saved; DROP TABLE saved",
        "records have neither a signature nor a reject: record 8",
    ),
    (
        "two swapped signatures",
        "UPDATE vaultstream.signatures s SET signature = o.signature FROM vaultstream.signatures o
          WHERE (s.record_id, o.record_id) IN ((11, 12), (12, 11))",
        "UPDATE vaultstream.signatures s SET signature = o.signature FROM vaultstream.signatures o
          WHERE (s.record_id, o.record_id) IN ((11, 12), (12, 11))",
        "2 signatures of records are wrong: 11, 12",
    ),
    (
        "a nonce used twice",
        "CREATE TABLE saved AS SELECT record_id, signature FROM vaultstream.signatures WHERE record_id = 33;
         UPDATE vaultstream.signatures s SET signature = substr(o.signature, 1, 32) || substr(s.signature, 33)
           FROM vaultstream.signatures o WHERE (s.record_id, o.record_id) = (33, 34)",
        "UPDATE vaultstream.signatures s SET signature = o.signature FROM saved o WHERE o.record_id = s.record_id; DROP TABLE saved",
        "2 signatures share their nonces with others of the same key, which discloses it: those of records: 33, 34",
    ),
    (
        "two swapped payloads",
        "UPDATE vaultstream.records r SET payload = o.payload FROM vaultstream.records o WHERE (r.id, o.id) IN ((21, 22), (22, 21))",
        "UPDATE vaultstream.records r SET payload = o.payload FROM vaultstream.records o WHERE (r.id, o.id) IN ((21, 22), (22, 21))",
        "2 signatures of records are wrong: 21, 22",
    ),
    (
        "a record slipped in behind the signing",
        "INSERT INTO vaultstream.records (job_id, id, payload) SELECT id, 1000, 'new' FROM vaultstream.jobs",
        "DELETE FROM vaultstream.records WHERE id = 1000",
        "1000",
    ),
    (
        "a signature of a record that is not of the job",
        "INSERT INTO vaultstream.signatures SELECT job_id, 1000, key_id, signature, digest FROM vaultstream.signatures WHERE record_id = 1",
        "DELETE FROM vaultstream.signatures WHERE record_id = 1000",
        "signatures belong to no batch: record 1000",
    ),
    (
        "a signature ascribed to another key",
        "UPDATE vaultstream.signatures s SET key_id = (SELECT max(id) FROM vaultstream.keys k WHERE k.id <> s.key_id) WHERE record_id = 9;
         CREATE TABLE saved AS SELECT key_id FROM vaultstream.signatures WHERE record_id = 10",
        "UPDATE vaultstream.signatures SET key_id = (SELECT key_id FROM saved) WHERE record_id = 9; DROP TABLE saved",
        "under a key that is not their batch's: record 9",
    ),
    (
        "a changed root of a batch",
        "ALTER TABLE vaultstream.batches DISABLE TRIGGER USER;
         UPDATE vaultstream.batches SET merkle_root = set_byte(merkle_root, 0, get_byte(merkle_root, 0) # 1) WHERE batch = 3",
        "UPDATE vaultstream.batches SET merkle_root = set_byte(merkle_root, 0, get_byte(merkle_root, 0) # 1) WHERE batch = 3",
        "Merkle root",
    ),
    (
        "a changed root of the job",
        "UPDATE vaultstream.jobs SET merkle_root = set_byte(merkle_root, 0, get_byte(merkle_root, 0) # 1)",
        "UPDATE vaultstream.jobs SET merkle_root = set_byte(merkle_root, 0, get_byte(merkle_root, 0) # 1)",
        "Merkle root",
    ),
    (
        "a changed receipt",
        "CREATE TABLE saved AS SELECT receipt FROM vaultstream.jobs;
         UPDATE vaultstream.jobs SET receipt = overlay(receipt PLACING CASE substr(receipt, 200, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM 200)",
        "UPDATE vaultstream.jobs SET receipt = (SELECT receipt FROM saved); DROP TABLE saved",
        "receipt",
    ),
    (
        "a changed spec",
        "UPDATE vaultstream.jobs SET spec = jsonb_set(spec, '{signing,verify}', '\"None\"')",
        "UPDATE vaultstream.jobs SET spec = jsonb_set(spec, '{signing,verify}', '\"All\"')",
        "the receipt says specHash",
    ),
    (
        "swapped public keys",
        "ALTER TABLE vaultstream.keys DISABLE TRIGGER USER;
         UPDATE vaultstream.keys k SET public_key = o.public_key FROM vaultstream.keys o
          WHERE k.job_id = o.job_id AND (k.ordinal, o.ordinal) IN ((1, 2), (2, 1))",
        "UPDATE vaultstream.keys k SET public_key = o.public_key FROM vaultstream.keys o
          WHERE k.job_id = o.job_id AND (k.ordinal, o.ordinal) IN ((1, 2), (2, 1))",
        "signatures of records are wrong",
    ),
    (
        "a changed counter of a key",
        "UPDATE vaultstream.keys SET signed = signed + 1 WHERE ordinal = 3",
        "UPDATE vaultstream.keys SET signed = signed - 1 WHERE ordinal = 3",
        "key",
    ),
    (
        "a negative counter of a key",
        "UPDATE vaultstream.keys SET signed = -signed WHERE ordinal = 3",
        "UPDATE vaultstream.keys SET signed = -signed WHERE ordinal = 3",
        " signatures, according to the ledger",
    ),
    (
        "a negative counter of rows that came or went",
        "UPDATE vaultstream.keys SET changed = -1 WHERE ordinal = 3",
        "UPDATE vaultstream.keys SET changed = 0 WHERE ordinal = 3",
        "the ledger has -1 changed records",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_tampered_with_is_found_by_verify() {
    let site = Site::new().await;
    let spec = "batchSize: 20\nkeys: {count: 4, lease: {records: 20}}\nconcurrency: {signers: 1}";
    site.run(&generated("job", 200, spec)).end().await.assert_code(0);
    let verify = || site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end();
    verify().await.assert_code(0);
    for (what, change, undo, finding) in TAMPERINGS {
        site.execute(change).await;
        let found = verify().await;
        assert_eq!(found.status.code(), Some(1), "{what} was not found: {}{}", found.stdout, found.stderr);
        assert_eq!(found.report()["verdict"], "NOT VERIFIED", "{what}");
        let problems = found.report()["problems"].to_string();
        assert!(problems.contains(finding), "{what}: {problems}");
        site.execute(undo).await;
        let healed = verify().await;
        assert_eq!(healed.status.code(), Some(0), "after undoing {what}: {}{}", healed.stdout, healed.stderr);
    }
}

/// A table keeps no copy of what was signed: its digest tells a change from a forged signature.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_signature_of_a_changed_row_is_told_from_the_change() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body uuid NOT NULL);
         INSERT INTO letters SELECT n, gen_random_uuid() FROM generate_series(1, 100) n",
    )
    .await;
    site.run(&of_table("job", "letters", "batchSize: 20\nkeys: {count: 2}")).end().await.assert_code(0);
    let verify = || site.ledger_command(&["verify", "--job", "job", "--output", "json"]).end();
    site.execute("UPDATE letters SET body = gen_random_uuid() WHERE id = 5").await;
    let changed = verify().await.assert_code(1).report();
    assert_eq!((changed["problems"][0]["kind"].as_str(), changed["verified"].as_u64()), (Some("Changed"), Some(100)));
    site.execute(
        "UPDATE vaultstream.signatures SET digest = set_byte(digest, 0, get_byte(digest, 0) # 1) WHERE record_id = 5",
    )
    .await;
    let forged = verify().await.assert_code(1).report();
    assert_eq!(
        (forged["problems"][0]["kind"].as_str(), forged["verified"].as_u64()),
        (Some("WrongSignature"), Some(99))
    );
}
