use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::{BatchNo, batches, failures};

use crate::stage::{Stage, generated, segment};

#[tokio::test]
async fn failures_are_counted_for_unsigned_batches_with_their_reason() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    assert_eq!(stage.commit(&job, &lease, &[segment(&ranges[0], lease.key)]).await, Committed::Done);
    let all: Vec<_> = ranges.iter().map(|range| range.batch).collect();
    batches::count_attempt(&stage.ledger, job.id, &all[1..2], "no reason").await.unwrap();
    let mut attempts = batches::count_attempt(&stage.ledger, job.id, &all, "record 13 does not verify").await.unwrap();
    attempts.sort_unstable();
    assert_eq!(attempts, [(BatchNo(1), 2), (BatchNo(2), 1)]);
    let failing = failures(&stage.ledger, job.id).await.unwrap();
    assert_eq!((failing.len(), failing[0].batch, failing[0].attempts), (2, BatchNo(1), 2));
    assert_eq!(failing[0].why.as_deref(), Some("record 13 does not verify"));
}
