use std::ops::ControlFlow;

use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::verify::{self, Rows, ViolationKind};
use vaultstream_ledger::{BatchNo, Job};

use crate::stage::{Stage, generated, segment};

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
    assert_eq!(verify::completeness(&stage.ledger, &job).await.unwrap(), []);
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
    let damages: [(&str, &[ViolationKind]); 10] = [
        (
            "DELETE FROM vaultstream.signatures WHERE record_id = 13",
            &[ViolationKind::BatchContents, ViolationKind::Stray, ViolationKind::WrongKey, ViolationKind::Missing],
        ),
        (
            "INSERT INTO vaultstream.signatures SELECT job_id, 1000, key_id, signature FROM vaultstream.signatures WHERE record_id = 1",
            &[ViolationKind::Stray],
        ),
        ("UPDATE vaultstream.signatures SET key_id = key_id + 1 WHERE record_id = 13", &[ViolationKind::WrongKey]),
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
            &[ViolationKind::Ranges, ViolationKind::BatchCount, ViolationKind::Stray, ViolationKind::Counters],
        ),
        (
            "UPDATE vaultstream.batches SET last_id = 44 WHERE batch = 3",
            &[ViolationKind::Ranges, ViolationKind::BatchContents, ViolationKind::WrongKey],
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
        let found = verify::completeness(&stage.ledger, &job).await.unwrap();
        let kinds: Vec<_> = found.iter().map(|violation| violation.kind).collect();
        assert_eq!(kinds, expected, "{damage}: {found:?}");
        assert!(found.iter().all(|violation| violation.count > 0 && !violation.example.is_empty()), "{found:?}");
    }
}

#[tokio::test]
async fn signatures_come_with_what_they_sign() {
    let stage = Stage::new().await;
    let job = signed(&stage, 2000).await;
    let mut ids = Vec::new();
    verify::signed_rows(&stage.ledger, &job, Rows::All, |row| {
        assert_eq!((row.signature.len(), row.payload.map(<[u8]>::len)), (64, Some(32)));
        ids.push(row.id);
        ControlFlow::Continue(())
    })
    .await
    .unwrap();
    assert_eq!(ids, (1..=2000).collect::<Vec<_>>());
    let collect = async |rows: Rows, most: usize| {
        let mut ids = Vec::new();
        verify::signed_rows(&stage.ledger, &job, rows, |row| {
            ids.push(row.id);
            if ids.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await
        .unwrap();
        ids
    };
    assert_eq!(collect(Rows::Range { first: 1995, last: i64::MAX }, 100).await, (1995..=2000).collect::<Vec<_>>());
    assert_eq!(collect(Rows::All, 7).await, (1..=7).collect::<Vec<_>>());
    let sample = collect(Rows::Sample { rows: 200, seed: 1 }, 10_000).await;
    assert!((120..280).contains(&sample.len()), "{}", sample.len());
    assert_eq!(collect(Rows::Sample { rows: 200, seed: 1 }, 10_000).await, sample);
    assert_ne!(collect(Rows::Sample { rows: 200, seed: 2 }, 10_000).await, sample);
    assert_eq!(collect(Rows::Sample { rows: 5000, seed: 2 }, 10_000).await.len(), 2000);
}
