use std::time::{Duration, Instant};

use vaultstream_ledger::steps::{self, Seeding, Step};
use vaultstream_ledger::{Class, Job, JobState, Ledger, class};

use crate::stage::{Stage, generated, of_table, options, seed_chunk};

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
    let seeded = seed_chunk(&stage.ledger, job.id, u64::MAX).await.unwrap();
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
        let chunk = tokio::spawn(async move { seed_chunk(&ledger, id, 9_000).await });
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
        match seed_chunk(&ledger, job.id, 9_000).await.unwrap() {
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
    let again = seed_chunk(&ledger, job.id, 9_000).await.unwrap();
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
                match seed_chunk(&ledger, id, 2_000).await.unwrap() {
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
    let elsewhere = seed_chunk(&stage.ledger, job.id, 5).await.unwrap();
    assert_eq!(elsewhere, Step::WrongState(JobState::Pending));
    assert_eq!(steps::complete(&stage.ledger, job.id).await.unwrap(), Step::WrongState(JobState::Pending));
    assert_eq!(steps::provision(&stage.ledger, vaultstream_ledger::JobId(999)).await.unwrap(), Step::Gone);
    assert_eq!(steps::provision(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
    assert_eq!(steps::provision(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
}

/// Has each of the job's records take that long to insert.
async fn slow_down(stage: &Stage, job: &Job, seconds: f64) {
    let records = format!("vaultstream.records_{}", job.id);
    let slow = format!(
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE INSERT ON {records} FOR EACH ROW EXECUTE FUNCTION public.slow()"
    );
    stage.sql().await.batch_execute(&slow).await.unwrap();
}

async fn server_processes(stage: &Stage) -> i64 {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'INSERT INTO vaultstream.records_%'";
    stage.number(sql).await
}

async fn until_processes(stage: &Stage, wanted: i64) -> Duration {
    let begun = Instant::now();
    while server_processes(stage).await != wanted {
        assert!(begun.elapsed() < Duration::from_secs(60), "there never were {wanted}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    begun.elapsed()
}

/// As the operator stops it, when its job is suspended or deleted, and a run that is interrupted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_seeds_is_gone_from_the_server_within_a_second_of_being_stopped() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(1_000, 100, 1)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    slow_down(&stage, &job, 600.0).await;
    let mut took = Vec::new();
    // The quickest of three: other programs may keep the machine busy.
    for _ in 0..3 {
        let (ledger, id) = (stage.ledger.clone(), job.id);
        let seeding = tokio::spawn(async move { seed_chunk(&ledger, id, 1_000).await });
        until_processes(&stage, 1).await;
        seeding.abort();
        took.push(until_processes(&stage, 0).await);
    }
    assert!(took.iter().min().unwrap() < &Duration::from_millis(1_200), "{took:?}");
    let sql = stage.sql().await;
    sql.batch_execute(&format!("DROP TRIGGER slow ON vaultstream.records_{}", job.id)).await.unwrap();
    let seeded = seed_chunk(&stage.ledger, job.id, 1_000).await.unwrap();
    assert_eq!(seeded, Step::Done(Seeding::Done { total: 1_000, batches: 10 }), "the job's lock is free");
}

#[tokio::test]
async fn a_statement_that_seeds_or_plans_ends_at_its_timeout_and_building_the_index_has_none() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(20, 10, 1)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    slow_down(&stage, &job, 0.1).await;
    let impatient = stage.ledger.with_seeding_timeout(Duration::from_millis(500));
    let error = seed_chunk(&impatient, job.id, 20).await.unwrap_err();
    assert_eq!(class(&error), Some(Class::CutOff), "{error:?}");
    assert_eq!(stage.job(job.id).await.seeded, 0);
    // A smaller chunk fits.
    assert!(matches!(seed_chunk(&impatient, job.id, 1).await.unwrap(), Step::Done(Seeding::More { .. })));
    let sql = stage.sql().await;
    // An index over an expression that takes longer than the timeout is built all the same.
    sql.batch_execute(&format!(
        "DROP TRIGGER slow ON vaultstream.records_{id};
         CREATE FUNCTION public.late() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); END $$;
         CREATE EVENT TRIGGER late ON ddl_command_end WHEN TAG IN ('ALTER TABLE') EXECUTE FUNCTION public.late()",
        id = job.id
    ))
    .await
    .unwrap();
    let seeded = seed_chunk(&impatient, job.id, 100).await;
    sql.batch_execute("DROP EVENT TRIGGER late").await.unwrap();
    assert_eq!(seeded.unwrap(), Step::Done(Seeding::Done { total: 20, batches: 2 }));

    sql.batch_execute(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body text);
         INSERT INTO letters SELECT n, 'letter' FROM generate_series(1, 200000) n",
    )
    .await
    .unwrap();
    let table = stage.pending(of_table("letters", 10)).await;
    steps::provision(&impatient, table.id).await.unwrap();
    let hasty = stage.ledger.with_seeding_timeout(Duration::from_millis(2));
    let error = seed_chunk(&hasty, table.id, 200_000).await.unwrap_err();
    assert_eq!(class(&error), Some(Class::CutOff), "{error:?}");
}

/// COMMIT may wait for a standby: a timeout would end that wait, and the commit would count without it.
#[tokio::test]
async fn the_timeout_of_seeding_does_not_outlast_the_statements_it_is_for() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(20, 10, 1)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE public.seen (statement_timeout text);
         CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO public.seen VALUES (current_setting('statement_timeout')); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER see AFTER UPDATE ON vaultstream.jobs DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION public.see()",
    )
    .await
    .unwrap();
    seed_chunk(&stage.ledger, job.id, 5).await.unwrap();
    let seen: String = sql.query_one("SELECT statement_timeout FROM public.seen", &[]).await.unwrap().get(0);
    assert_eq!(seen, "0", "at COMMIT");
}

/// Batches come with their records: one statement for all of them would be without bounds.
#[tokio::test]
async fn batches_are_made_with_the_records_they_are_of() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(250, 100, 1)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    let batches = || async { stage.number("SELECT count(*) FROM vaultstream.batches").await };
    let mut made = Vec::new();
    for _ in 0..5 {
        seed_chunk(&stage.ledger, job.id, 60).await.unwrap();
        made.push(batches().await);
    }
    assert_eq!(made, [0, 1, 1, 2, 3]);
    let ranges = stage.ranges(&stage.job(job.id).await).await;
    let ranges: Vec<_> = ranges.iter().map(|range| (range.first, range.last, range.rows)).collect();
    assert_eq!(ranges, [(1, 100, 100), (101, 200, 100), (201, 250, 50)]);
}

/// Earlier versions made all batches with the last records.
#[tokio::test]
async fn a_job_that_an_earlier_version_began_to_seed_gets_all_its_batches() {
    let stage = Stage::new().await;
    let job = stage.pending(generated(250, 100, 1)).await;
    steps::provision(&stage.ledger, job.id).await.unwrap();
    seed_chunk(&stage.ledger, job.id, 220).await.unwrap();
    stage.sql().await.batch_execute("DELETE FROM vaultstream.batches").await.unwrap();
    let seeded = seed_chunk(&stage.ledger, job.id, 220).await.unwrap();
    assert_eq!(seeded, Step::Done(Seeding::Done { total: 250, batches: 3 }));
    assert_eq!(stage.number("SELECT count(*) FROM vaultstream.batches").await, 3);
}
