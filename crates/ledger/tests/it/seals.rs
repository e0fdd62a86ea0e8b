//! Seals beside the batches, and what the maker of a receipt gets.

use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::leases::{self, Stored};
use vaultstream_ledger::verify::{batch_roots, gap_in_ranges, keys_of_rejects};
use vaultstream_ledger::{BatchNo, receipt_pairs};

use crate::stage::{MINUTE, Stage, generated, material, segment, segment_of};

/// As `finish_unit` of the version before is called: one batch, nothing rejected.
fn finish_unit(job: i64, batch: i64, signed: i64, key: i64, lease: uuid::Uuid) -> String {
    let root = "07".repeat(32);
    format!(
        "SELECT vaultstream.finish_unit({job}, '{{{batch}}}', '{{{signed}}}', '{{{signed}}}', '{{0}}', ARRAY['\\x{root}'::bytea], \
         '{{}}'::bigint[], '{{}}'::text[], '{{}}'::text[], '{{}}'::int[], {key}, '{lease}', false)"
    )
}

#[tokio::test]
async fn a_batch_is_stored_with_its_seal_and_one_of_a_worker_of_the_version_before_without() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(40, 10, 2)).await;
    let lease = stage.first_lease(&job).await;
    let ranges = stage.ranges(&job).await;
    let mut nothing = segment_of(&ranges[2], lease.key, &[]);
    nothing.rows = 0;
    let segments = [segment(&ranges[0], lease.key), nothing];
    assert_eq!(stage.commit(&job, &lease, &segments).await, Committed::Done);
    let (n, key, id) = (job.id.0, lease.key.0, lease.id);
    let sql = stage.sql().await;
    sql.batch_execute(&format!(
        "BEGIN; SELECT vaultstream.fence_unit({n}, '{{1}}', '{{11}}', '{{20}}', {key}, {}, '{id}', 10);
         INSERT INTO vaultstream.signatures_{n} (record_id, key_id, signature) SELECT g, {key}, '' FROM generate_series(11, 20) g;
         {}; COMMIT",
        lease.epoch,
        finish_unit(n, 1, 10, key, id)
    ))
    .await
    .unwrap();
    sql.batch_execute(&finish_unit(n, 3, 0, key, id)).await.unwrap();

    let batches = batch_roots(&stage.ledger, job.id, 0, 10).await.unwrap();
    let found: Vec<_> =
        batches.iter().map(|batch| (batch.signed, batch.key, batch.tree.clone(), batch.seal.clone())).collect();
    let (tree, seal) = (Some(vec![8; 32]), Some(vec![9; 64]));
    assert_eq!(found[0], (10, Some(lease.key), tree.clone(), seal.clone()));
    assert_eq!(found[1], (10, Some(lease.key), None, None));
    assert_eq!(found[2], (0, Some(lease.key), tree, seal), "the key of its rejects is known");
    assert_eq!(found[3], (0, None, None, None));
    assert_eq!(keys_of_rejects(&stage.ledger, job.id).await.unwrap(), [lease.key].into());
    assert_eq!(gap_in_ranges(&stage.ledger, job.id).await.unwrap(), None);
    sql.batch_execute("ALTER TABLE vaultstream.batches DISABLE TRIGGER USER; UPDATE vaultstream.batches SET last_id = 19 WHERE batch = 1")
        .await
        .unwrap();
    assert_eq!(gap_in_ranges(&stage.ledger, job.id).await.unwrap(), Some(19));
    assert_eq!(batches[2].batch, BatchNo(2));
}

#[tokio::test]
async fn the_maker_of_a_receipt_gets_key_pairs_while_it_makes_it_and_at_no_other_time() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(20, 10, 2)).await;
    let keys = stage.keys(&job).await;
    stage.ledger.insert_kek_canary("kek", b"canary").await.unwrap();
    vaultstream_ledger::data_keys::store(&stage.ledger, job.id, b"wrapped data key", "kek").await.unwrap();
    let leases::LeaseOutcome::Granted(lease) = leases::take(&stage.ledger, job.id, keys[0], MINUTE).await.unwrap()
    else {
        panic!("not taken")
    };
    for origin in [b"origin".as_slice(), b"another"] {
        let stored = leases::store_material(&stage.ledger, &lease, &material("public"), Some(origin)).await.unwrap();
        assert_eq!(stored, Stored::Stored, "a repeat is none");
    }
    let pairs = async || receipt_pairs::pairs(&stage.ledger, job.id, &keys).await.unwrap();
    assert!(pairs().await.is_empty(), "it signs");
    let sql = stage.sql().await;
    let state = async |state: &str| {
        sql.execute("UPDATE vaultstream.jobs SET state = $1", &[&state]).await.unwrap();
    };
    state("Finishing").await;
    let found = pairs().await;
    assert_eq!(found.len(), 1, "one was made");
    let pair = &found[&keys[0]];
    assert_eq!(
        (pair.version, &pair.material, pair.origin.as_deref()),
        (1, &material("public"), Some(b"origin".as_slice()))
    );
    state("Complete").await;
    assert!(pairs().await.is_empty(), "it is over");
}
