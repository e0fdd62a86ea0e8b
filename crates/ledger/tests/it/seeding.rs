use std::time::Duration;

use vaultstream_ledger::steps::{self, Seeding, Step};
use vaultstream_ledger::{JobState, Ledger};

use crate::stage::{Stage, generated, options};

#[tokio::test]
async fn seeding_makes_every_record_once_and_batches_that_tile_them() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10_001, 250, 3)).await;
    assert_eq!((job.state, job.total, job.batches, job.seeded), (JobState::Signing, Some(10_001), Some(41), 10_001));
    let sql = format!("SELECT count(*) * 1000000 + count(DISTINCT payload) FROM vaultstream.records_{}", job.id);
    assert_eq!(stage.number(&sql).await, 10_001 * 1_000_000 + 10_001);
    let ranges = stage.ranges(&job).await;
    assert_eq!(ranges.len(), 41);
    let mut next = 1;
    for range in &ranges {
        assert_eq!((range.first, range.rows), (next, range.last - range.first + 1));
        next = range.last + 1;
    }
    assert_eq!(next, 10_002);
    assert_eq!(stage.keys(&job).await.len(), 3);
}

#[tokio::test]
async fn payloads_are_of_the_size_that_was_asked_for_and_always_the_same() {
    let stage = Stage::new().await;
    for bytes in [0_u32, 1, 20, 31, 32, 33, 64, 100, 128, 129, 200, 5000] {
        let mut spec = generated(3, 2, 1);
        spec.source =
            vaultstream_api::Source::Generate(vaultstream_api::GenerateSource { records: 3, payload_bytes: bytes });
        let job = stage.signing(spec).await;
        let sql = format!(
            "SELECT min(octet_length(payload))::bigint * 10000 + max(octet_length(payload)) FROM vaultstream.records_{}",
            job.id
        );
        assert_eq!(stage.number(&sql).await, i64::from(bytes) * 10_001, "{bytes}");
    }
    let job = stage.signing(generated(5, 5, 1)).await;
    let sql = format!(
        "SELECT count(*) FROM vaultstream.records_{} WHERE payload = sha256(decode('{}', 'hex') || int8send(id))",
        job.id,
        job.uid.simple()
    );
    assert_eq!(stage.number(&sql).await, 5);
}

/// However many records were asked for at once: 1,000 of these are a gigabyte.
#[tokio::test]
async fn one_step_of_seeding_makes_at_most_32_mib() {
    let stage = Stage::new().await;
    let mut spec = generated(1_000, 100, 1);
    spec.source =
        vaultstream_api::Source::Generate(vaultstream_api::GenerateSource { records: 1_000, payload_bytes: 1 << 20 });
    let job = stage.pending(spec).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let seeded = steps::seed_chunk(&stage.ledger, job.id, u64::MAX).await.unwrap();
    assert!(matches!(seeded, Step::Done(Seeding::More { seeded: 31, total: 1_000 })), "{seeded:?}");
    assert_eq!(stage.number(&format!("SELECT count(*) FROM vaultstream.records_{}", job.id)).await, 31);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seeding_that_was_interrupted_resumes_and_makes_exactly_what_was_asked_for() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(60_000, 100, 1)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let sql = stage.sql().await;
    for cut in 0..6 {
        let ledger = Ledger::connect(&options(&stage.url)).await.unwrap();
        let id = job.id;
        let chunk = tokio::spawn(async move { steps::seed_chunk(&ledger, id, 9_000).await });
        // Ends it somewhere in the middle of its statement, or just after it.
        tokio::time::sleep(Duration::from_millis(3 + 4 * cut)).await;
        sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
             AND query LIKE 'INSERT INTO vaultstream.records_%'",
            &[],
        )
        .await
        .unwrap();
        drop(chunk.await.unwrap());
    }
    let ledger = Ledger::connect(&options(&stage.url)).await.unwrap();
    loop {
        match steps::seed_chunk(&ledger, job.id, 9_000).await.unwrap() {
            Step::Done(Seeding::Done { total, batches }) => {
                assert_eq!((total, batches), (60_000, 600));
                break;
            }
            Step::Done(Seeding::More { seeded, total }) => assert!(seeded % 9_000 == 0 && total == 60_000),
            // The last backend that was ended is still rolling back.
            Step::Busy => tokio::time::sleep(Duration::from_millis(10)).await,
            other => panic!("{other:?}"),
        }
    }
    let sql = format!("SELECT count(*) FROM vaultstream.records_{} WHERE id BETWEEN 1 AND 60000", job.id);
    assert_eq!(stage.number(&sql).await, 60_000);
    let again = steps::seed_chunk(&ledger, job.id, 9_000).await.unwrap();
    assert_eq!(again, Step::Done(Seeding::Done { total: 60_000, batches: 600 }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_programs_that_seed_one_job_one_is_busy() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(40_000, 100, 1)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let both = (0..2).map(|_| {
        let (ledger, id) = (stage.ledger.clone(), job.id);
        tokio::spawn(async move {
            let mut busy = 0;
            loop {
                match steps::seed_chunk(&ledger, id, 2_000).await.unwrap() {
                    Step::Done(Seeding::Done { .. }) => return busy,
                    Step::Done(Seeding::More { .. }) => {}
                    Step::Busy => {
                        busy += 1;
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    other => panic!("{other:?}"),
                }
            }
        })
    });
    let mut busy = 0;
    for task in both.collect::<Vec<_>>() {
        busy += task.await.unwrap();
    }
    assert!(busy > 0, "the two never met");
    assert_eq!(stage.number(&format!("SELECT count(*) FROM vaultstream.records_{}", job.id)).await, 40_000);
}

#[tokio::test]
async fn steps_out_of_turn_change_nothing() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(10, 5, 1)).await;
    let elsewhere = steps::seed_chunk(&stage.ledger, job.id, 5).await.unwrap();
    assert_eq!(elsewhere, Step::WrongState(JobState::Pending));
    assert_eq!(steps::complete(&stage.ledger, job.id).await.unwrap(), Step::WrongState(JobState::Pending));
    assert_eq!(steps::provision(&stage.ledger, vaultstream_ledger::JobId(999)).await.unwrap(), Step::Gone);
    assert_eq!(steps::provision(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
    assert_eq!(steps::provision(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
}
