//! What the operator reads of jobs that follow their table.

use std::time::Duration;

use vaultstream_ledger::{active_jobs, last_checkpoint, steps};

use crate::stage::{Stage, generated};

const HOUR: Duration = Duration::from_secs(3600);

fn is_about(age: Duration, expected: Duration) -> bool {
    age >= expected && age < expected + Duration::from_secs(60)
}

#[tokio::test]
async fn the_last_checkpoint_is_the_one_with_the_highest_number() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 1)).await;
    assert_eq!(last_checkpoint(&stage.ledger, job.id).await.unwrap(), None);
    let insert = "INSERT INTO vaultstream.checkpoints (job_id, number, digest, checkpoint, batches, records, merkle_root) \
                  SELECT $1, n, sha256(n::text::bytea), 'checkpoint', n, n * 10, sha256('root') FROM generate_series(1, 11) n";
    stage.sql().await.execute(insert, &[&job.id.0]).await.unwrap();
    let last = last_checkpoint(&stage.ledger, job.id).await.unwrap().unwrap();
    assert_eq!((last.number, last.batches, last.records), (11, 11, 110));
    assert_ne!(last.digest, last.merkle_root);
    assert!(last.made.elapsed().unwrap() < Duration::from_secs(60));
}

#[tokio::test]
async fn the_figures_of_following_are_those_of_jobs_that_follow() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(30, 10, 2)).await;
    steps::raise_generation(&stage.ledger, job.id).await.unwrap();
    let sql = stage.sql().await;
    let figures_now = async || active_jobs(&stage.ledger, "test").await.unwrap().remove(0);
    let other = figures_now().await;
    assert_eq!((other.following, other.source_fault), (None, false));

    let begun = "UPDATE vaultstream.jobs SET follow_state = 'following', follow_found = 4, seeded_at = now() - interval '2 hours' WHERE id = $1";
    sql.execute(begun, &[&job.id.0]).await.unwrap();
    sql.execute("UPDATE vaultstream.keys SET batches = 1 WHERE job_id = $1 AND ordinal > 0", &[&job.id.0])
        .await
        .unwrap();
    let figures = figures_now().await.following.unwrap();
    assert_eq!((figures.found, figures.uncovered_batches), (4, 2));
    assert!(is_about(figures.look_age, 2 * HOUR), "it was planned then: {figures:?}");
    assert!(is_about(figures.checkpoint_age, 2 * HOUR), "before the first one, since it was planned: {figures:?}");

    let later = "UPDATE vaultstream.jobs SET follow_scanned_at = now() - interval '1 hour', \
                 source_fault_reason = 'SourceUnusable', source_fault = 'why', source_fault_passes = false WHERE id = $1";
    sql.execute(later, &[&job.id.0]).await.unwrap();
    let insert = "INSERT INTO vaultstream.checkpoints (job_id, number, digest, checkpoint, batches, records, merkle_root, made_at) \
                  SELECT $1, n, sha256('d'), 'checkpoint', n, 10, sha256('r'), now() - (3 - n) * interval '1 hour' FROM generate_series(1, 2) n";
    sql.execute(insert, &[&job.id.0]).await.unwrap();
    let active = figures_now().await;
    let figures = active.following.unwrap();
    assert!(is_about(figures.look_age, HOUR) && is_about(figures.checkpoint_age, HOUR), "{figures:?}");
    assert_eq!((figures.uncovered_batches, active.source_fault), (0, true));
    assert!(
        is_about(active.progress.lag.unwrap(), 2 * HOUR),
        "arrivals were not read since it was planned: {:?}",
        active.progress.lag
    );
    for (read, behind) in [("1 minute", Duration::from_secs(60)), ("5 seconds", Duration::ZERO)] {
        let reading = format!("UPDATE vaultstream.jobs SET follow_read_at = now() - interval '{read}' WHERE id = $1");
        sql.execute(&reading, &[&job.id.0]).await.unwrap();
        let batches = "UPDATE vaultstream.batches SET oldest_arrival = now() WHERE job_id = $1";
        sql.execute(batches, &[&job.id.0]).await.unwrap();
        let lag = figures_now().await.progress.lag.unwrap();
        assert!(is_about(lag, behind), "read {read} ago: {lag:?}");
    }

    sql.execute("UPDATE vaultstream.jobs SET follow_state = 'ended' WHERE id = $1", &[&job.id.0]).await.unwrap();
    assert_eq!(figures_now().await.following, None);
}
