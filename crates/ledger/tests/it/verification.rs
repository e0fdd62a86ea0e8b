use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::verify::{self, SignedBatch, ViolationKind};
use vaultstream_ledger::{BatchNo, Job};
use vaultstream_signing::merkle;

use crate::stage::{Stage, generated, of_table, segment, segment_of};

async fn signed(stage: &Stage, records: u64) -> Job {
    let job = stage.signing(generated(records, 10, 2)).await;
    let lease = stage.first_lease(&job).await;
    let unit: Vec<_> = stage.ranges(&job).await.iter().map(|range| segment(range, lease.key)).collect();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    job
}

#[tokio::test]
async fn a_finished_job_has_nothing_to_complain_about() {
    let stage = Stage::new().await;
    let job = signed(&stage, 95).await;
    assert_eq!(verify::completeness(&stage.ledger, &job, 10).await.unwrap(), []);
    let roots = verify::batch_roots(&stage.ledger, job.id, 0, 100).await.unwrap();
    assert_eq!(
        (roots.len(), roots[9].batch, roots[9].signed, roots[9].root.as_slice()),
        (10, BatchNo(9), 5, [7; 32].as_slice())
    );
    assert_eq!(verify::batch_roots(&stage.ledger, job.id, 8, 1).await.unwrap().len(), 1);
    let keys = verify::public_keys(&stage.ledger, job.id).await.unwrap();
    assert_eq!((keys.len(), keys[0].signed), (1, 95));
}

#[tokio::test]
async fn every_kind_of_damage_is_found_and_named() {
    let damages: [(&str, &[ViolationKind]); 11] = [
        (
            "DELETE FROM vaultstream.signatures WHERE record_id = 13",
            &[ViolationKind::BatchContents, ViolationKind::Missing],
        ),
        (
            "INSERT INTO vaultstream.signatures SELECT job_id, 1000, key_id, signature FROM vaultstream.signatures WHERE record_id = 1",
            &[ViolationKind::Stray],
        ),
        ("UPDATE vaultstream.signatures SET key_id = key_id + 1 WHERE record_id = 13", &[ViolationKind::WrongKey]),
        ("UPDATE vaultstream.keys SET ordinal = 0, version = 9 WHERE ordinal = 1", &[ViolationKind::StrangeKey]),
        (
            "INSERT INTO vaultstream.rejects VALUES (1, 13, 'x', 'x', 0)",
            &[ViolationKind::BatchContents, ViolationKind::SignedAndRejected],
        ),
        (
            "UPDATE vaultstream.batches SET state = 'planned', merkle_root = NULL WHERE batch = 3",
            &[ViolationKind::UnsignedBatches],
        ),
        (
            "DELETE FROM vaultstream.batches WHERE batch = 3",
            &[ViolationKind::Ranges, ViolationKind::BatchCount, ViolationKind::Counters, ViolationKind::Stray],
        ),
        (
            "UPDATE vaultstream.batches SET last_id = 44 WHERE batch = 3",
            &[ViolationKind::Ranges, ViolationKind::BatchContents],
        ),
        ("UPDATE vaultstream.batches SET rows = 11 WHERE batch = 3", &[ViolationKind::BatchContents]),
        ("UPDATE vaultstream.keys SET signed = 94 WHERE ordinal = 1", &[ViolationKind::Counters]),
        ("INSERT INTO vaultstream.records VALUES (1, 1000, 'x')", &[ViolationKind::Missing]),
    ];
    for (damage, expected) in damages {
        let stage = Stage::new().await;
        let job = signed(&stage, 95).await;
        assert_eq!(job.id.0, 1);
        // As its owner may: triggers do not fire.
        let by_the_owner = format!("SET session_replication_role = replica; {damage}");
        stage.sql().await.batch_execute(&by_the_owner).await.unwrap();
        let found = verify::completeness(&stage.ledger, &job, 10).await.unwrap();
        let kinds: Vec<_> = found.iter().map(|violation| violation.kind).collect();
        assert_eq!(kinds, expected, "{damage}: {found:?}");
        assert!(found.iter().all(|violation| violation.count > 0 && !violation.examples.is_empty()), "{found:?}");
    }
}

#[tokio::test]
async fn a_missing_signature_is_named_by_its_record_also_of_a_table() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE letters (id integer PRIMARY KEY, body text NOT NULL);
         INSERT INTO letters SELECT n * 10, 'x' FROM generate_series(1, 50) n",
    )
    .await
    .unwrap();
    let job = stage.signing(of_table("letters", 10)).await;
    let lease = stage.first_lease(&job).await;
    for (nth, range) in stage.ranges(&job).await.iter().enumerate() {
        let nth = i64::try_from(nth).unwrap();
        let ids: Vec<i64> = (nth * 10 + 1..=nth * 10 + 10).map(|n| n * 10).collect();
        stage.commit(&job, &lease, &[segment_of(range, lease.key, &ids)]).await;
    }
    assert_eq!(verify::completeness(&stage.ledger, &job, 10).await.unwrap(), []);
    sql.batch_execute(
        "DELETE FROM vaultstream.signatures WHERE record_id IN (130, 140, 350); INSERT INTO letters VALUES (600, 'later'), (605, 'later')",
    )
    .await
    .unwrap();
    let found = verify::completeness(&stage.ledger, &job, 2).await.unwrap();
    let kinds: Vec<_> = found.iter().map(|violation| (violation.kind, violation.count)).collect();
    assert_eq!(kinds, [(ViolationKind::BatchContents, 2), (ViolationKind::Missing, 3)], "{found:?}");
    assert!(found[0].examples[0].contains("8 signatures and 0 rejects instead of 10 and 0"), "{found:?}");
    assert_eq!(found[1].records, [130, 140], "two are named");
    assert_eq!(verify::newer_rows(&stage.ledger, &job).await.unwrap(), Some(2));
    let unsigned = verify::unsigned_rows(&stage.ledger, &job, 10).await.unwrap().unwrap();
    assert_eq!((unsigned.count, unsigned.first), (5, vec![130, 140, 350, 600, 605]));
    // Without the table the batches still tell.
    sql.batch_execute("DROP TABLE letters").await.unwrap();
    let found = verify::completeness(&stage.ledger, &job, 2).await.unwrap();
    assert_eq!(found.iter().map(|violation| violation.kind).collect::<Vec<_>>(), [ViolationKind::BatchContents]);
}

/// 12,000 rejects take more than one statement. Their texts are none that a worker writes.
#[tokio::test]
async fn the_root_over_rejects_is_over_all_of_a_range_however_many() {
    let stage = Stage::new().await;
    let job = signed(&stage, 95).await;
    stage
        .sql()
        .await
        .batch_execute(&format!(
            "INSERT INTO vaultstream.rejects SELECT {0}, n, 'reason ' || n % 7, '', 0 FROM generate_series(1001, 13000) n;
             INSERT INTO vaultstream.rejects VALUES ({0}, {1}, 'first', '', 0), ({0}, {2}, 'last', '', 0)",
            job.id.0,
            i64::MIN,
            i64::MAX
        ))
        .await
        .unwrap();
    let leaf = |id: i64| merkle::reject_leaf(id, &format!("reason {}", id % 7));
    let root = async |first, last| {
        let mut seen = Vec::new();
        let root = verify::rejects_root(&stage.ledger, &job, first..=last, |leaf| seen.push(*leaf)).await.unwrap();
        assert_eq!(root, (!seen.is_empty()).then(|| merkle::root(&seen)), "{first} to {last}");
        seen
    };
    let all: Vec<_> = (1001..=13_000).map(leaf).collect();
    assert_eq!(root(1, 20_000).await, all);
    assert_eq!(root(1001, 6000).await, all[..5000], "a whole page");
    assert_eq!(root(1002, 6002).await, all[1..5002]);
    assert_eq!(root(14_000, 20_000).await, [[0; 32]; 0]);
    let ends = [merkle::reject_leaf(i64::MIN, "first"), merkle::reject_leaf(i64::MAX, "last")];
    assert_eq!(root(i64::MIN, i64::MAX).await, [&ends[..1], &all[..], &ends[1..]].concat());

    let batch = verify::batch_roots(&stage.ledger, job.id, 0, 1).await.unwrap().remove(0);
    let with = |rejected| SignedBatch { first: 1001, last: 1002, rejected, ..batch.clone() };
    let of_batch = async |batch| verify::batch_rejects_root(&stage.ledger, &job, &batch, |_| {}).await.unwrap();
    assert_eq!(of_batch(with(2)).await, merkle::root(&all[..2]));
    assert_eq!(of_batch(with(0)).await, merkle::empty_root());
    assert_eq!(of_batch(with(-1)).await, merkle::empty_root());
}

#[tokio::test]
async fn a_reason_that_is_too_long_for_a_worker_s_is_not_read_and_makes_another_root() {
    let stage = Stage::new().await;
    let job = signed(&stage, 95).await;
    let root = async |reason: &str| {
        let sql = stage.sql().await;
        let insert = "INSERT INTO vaultstream.rejects VALUES ($1, 1000, $2, '', 0) ON CONFLICT (job_id, record_id) DO UPDATE SET reason = $2";
        sql.execute(insert, &[&job.id.0, &reason]).await.unwrap();
        verify::rejects_root(&stage.ledger, &job, 1000..=1000, |_| {}).await.unwrap().unwrap()
    };
    let of = |reason: &str| merkle::root(&[merkle::reject_leaf(1000, reason)]);
    let longest = "x".repeat(200);
    assert_eq!(root(&longest).await, of(&longest));
    let longer = "PayloadMissing".repeat(1_000_000);
    let read = root(&longer).await;
    assert!(read != of(&longer) && read != of("PayloadMissing"));
}
