//! Seeding on a server that is slower than its timeout allows.

use std::time::Duration;

use vaultstream_ledger::jobs;
use vaultstream_lifecycle::Settings;

use crate::harness::{Site, generated, quick};

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_takes_too_long_is_followed_by_smaller_ones() {
    let site = Site::new().await;
    let ledger = site.ledger().await.with_seeding_timeout(Duration::from_millis(400));
    ledger.migrate().await.unwrap();
    // Two milliseconds a record.
    site.execute(
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_sleep((NEW.seeded - OLD.seeded) * 0.002); RETURN NULL; END $$;
         CREATE TRIGGER slow AFTER UPDATE OF seeded ON vaultstream.jobs FOR EACH ROW EXECUTE FUNCTION public.slow()",
    )
    .await;
    let settings = Settings { seed_chunk: 400, ..quick() };
    let job = generated("job", 400, "batchSize: 20");
    let seeding = site.seed_with(&job, ledger.clone(), settings);
    let seeded =
        tokio::time::timeout(Duration::from_secs(60), seeding).await.expect("the chunk was as large each time");
    let job = jobs::by_uid(&ledger, seeded.uid).await.unwrap().unwrap();
    assert_eq!((job.total, job.batches), (Some(400), Some(20)));
}
