use vaultstream_api::{GenerateSource, Source};
use vaultstream_ledger::payloads::{self, Payload, ReadError};
use vaultstream_ledger::{BatchNo, BatchRange, Job};

use crate::stage::{Stage, generated};

async fn ids(stage: &Stage, job: &Job, ranges: &[BatchRange]) -> Vec<(usize, i64)> {
    let mut seen = Vec::new();
    let reads = payloads::read(&stage.ledger, job, ranges, |place, name, payload| {
        assert!(matches!(payload, Payload::Bytes(bytes) if bytes.len() == 32));
        seen.push((place, name.id));
    })
    .await
    .unwrap();
    for (place, read) in reads.iter().enumerate() {
        assert_eq!(read.rows, seen.iter().filter(|(range, _)| *range == place).count() as i64);
        assert_eq!(read.outgrown_at, None);
    }
    seen
}

#[tokio::test]
async fn every_row_of_the_ranges_is_shown_once_in_order_with_its_range() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(1000, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    assert_eq!(ids(&stage, &job, &[]).await, []);
    let all: Vec<_> = (1..=1000).map(|id| (usize::try_from((id - 1) / 10).unwrap(), id)).collect();
    assert_eq!(ids(&stage, &job, &ranges).await, all);
    // Neighbours and strangers, in any order: range by range, ids ascending.
    let some = [ranges[70], ranges[3], ranges[4], ranges[99]];
    let expected: Vec<_> = [(1, 31..=40), (2, 41..=50), (0, 701..=710), (3, 991..=1000)]
        .into_iter()
        .flat_map(|(place, ids)| ids.map(move |id| (place, id)))
        .collect();
    assert_eq!(ids(&stage, &job, &some).await, expected);
    let beyond = BatchRange { batch: BatchNo(0), first: 995, last: i64::MAX, rows: 6 };
    assert_eq!(ids(&stage, &job, &[beyond]).await.len(), 6);
}

#[tokio::test]
async fn the_payload_is_what_is_stored_and_the_primary_key_finds_it() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(20_000, 100, 1)).await;
    let range = stage.ranges(&job).await[7];
    let mut read = Vec::new();
    payloads::read(&stage.ledger, &job, &[range], |_, name, payload| {
        let Payload::Bytes(bytes) = payload else { panic!("{payload:?}") };
        read.push((name.id, bytes.to_vec()));
    })
    .await
    .unwrap();
    let table = format!("vaultstream.records_{}", job.id);
    let sql = format!("SELECT id, payload FROM {table} WHERE id BETWEEN 701 AND 800 ORDER BY id");
    let stored: Vec<(i64, Vec<u8>)> =
        stage.sql().await.query(&sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(read, stored);
    let mut scans = (0, 0);
    for _ in 0..50 {
        scans = (
            stage.number(&format!("SELECT seq_scan FROM pg_stat_user_tables WHERE relid = '{table}'::regclass")).await,
            stage.number(&format!("SELECT idx_scan FROM pg_stat_user_tables WHERE relid = '{table}'::regclass")).await,
        );
        if scans.1 > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(scans.1 >= 1, "{scans:?}");
}

#[tokio::test]
async fn payloads_that_are_too_large_do_not_travel() {
    let stage = Stage::new().await;
    let mut spec = generated(1, 10, 1);
    spec.source = Source::Generate(GenerateSource { records: 30, payload_bytes: 200 });
    spec.max_payload_bytes = 199;
    let job = stage.signing(spec).await;
    let mut sizes = Vec::new();
    payloads::read(&stage.ledger, &job, &stage.ranges(&job).await, |_, _, payload| {
        sizes.push(match payload {
            Payload::TooLarge(bytes) => bytes,
            other => panic!("{other:?}"),
        })
    })
    .await
    .unwrap();
    assert_eq!(sizes, [200; 30]);
}

#[tokio::test]
async fn records_that_are_gone_are_told_from_a_failure() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(10, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    stage.sql().await.batch_execute(&format!("DROP TABLE vaultstream.records_{}", job.id)).await.unwrap();
    let error = payloads::read(&stage.ledger, &job, &ranges, |_, _, _| {}).await.unwrap_err();
    assert!(matches!(error, ReadError::Gone(_)), "{error:?}");
    stage.ledger.ping().await.unwrap();
}
