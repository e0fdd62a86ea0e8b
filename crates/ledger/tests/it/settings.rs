//! Settings of a role, as administrators make them, and what a job makes of them.

use std::collections::BTreeMap;

use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::{Ledger, jobs};

use crate::stage::{MINUTE, Stage, generated, options, segment, url_as};

/// Each is wrong for us in its own way.
pub(crate) const HOSTILE: [(&str, &str); 31] = [
    ("statement_timeout", "'300ms'"),
    ("lock_timeout", "'1ms'"),
    ("idle_in_transaction_session_timeout", "'50ms'"),
    ("idle_session_timeout", "'500ms'"),
    ("transaction_timeout", "'300ms'"),
    ("search_path", "public"),
    ("standard_conforming_strings", "off"),
    ("transform_null_equals", "on"),
    ("quote_all_identifiers", "on"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_deferrable", "on"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "-15"),
    ("DateStyle", "'German, DMY'"),
    ("IntervalStyle", "sql_standard"),
    ("TimeZone", "'Asia/Kathmandu'"),
    ("xmlbinary", "hex"),
    ("client_min_messages", "error"),
    ("row_security", "on"),
    ("session_replication_role", "replica"),
    ("synchronous_commit", "off"),
    ("work_mem", "'64kB'"),
    ("jit", "on"),
    ("max_parallel_workers_per_gather", "8"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_partition_pruning", "off"),
    ("enable_indexscan", "off"),
    ("enable_seqscan", "off"),
    ("constraint_exclusion", "off"),
    ("exit_on_error", "on"),
];

/// Writes down what a session of the ledger has set, from within it.
const WITNESS: &str = "CREATE TABLE public.seen (login text, name text, setting text); \
     CREATE FUNCTION public.witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
       INSERT INTO public.seen SELECT session_user, name, setting FROM pg_catalog.pg_settings; RETURN NULL; END $$; \
     CREATE TRIGGER witness AFTER INSERT ON vaultstream.jobs EXECUTE FUNCTION public.witness(); \
     ALTER TABLE vaultstream.jobs ENABLE ALWAYS TRIGGER witness; \
     CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END $$; \
     CREATE TRIGGER slow AFTER INSERT ON vaultstream.batches EXECUTE FUNCTION public.slow(); \
     ALTER TABLE vaultstream.batches ENABLE ALWAYS TRIGGER slow";

async fn role(stage: &Stage, kind: &str) -> String {
    let name = format!("{kind}_{:x}", uuid::Uuid::new_v4().as_u128());
    stage.sql().await.batch_execute(&format!("CREATE ROLE {name} LOGIN SUPERUSER")).await.unwrap();
    name
}

async fn seen(stage: &Stage, login: &str) -> BTreeMap<String, String> {
    let rows = stage.sql().await.query("SELECT name, setting FROM public.seen WHERE login = $1", &[&login]).await;
    rows.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn no_setting_of_the_role_changes_a_session_or_ends_a_job_that_could_go_on() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(WITNESS).await.unwrap();
    let (plain, hostile) = (role(&stage, "plain").await, role(&stage, "hostile").await);
    let known = sql.query("SELECT name FROM pg_settings", &[]).await.unwrap();
    let known: Vec<String> = known.iter().map(|row| row.get(0)).collect();
    for (name, value) in HOSTILE.iter().filter(|(name, _)| known.iter().any(|known| known == name)) {
        sql.batch_execute(&format!("ALTER ROLE {hostile} SET {name} = {value}")).await.unwrap();
    }
    for login in [&plain, &hostile] {
        let ledger = Ledger::connect(&options(&url_as(&stage.url, login))).await.unwrap();
        let stage = Stage { url: stage.url.clone(), ledger };
        // Planning and seeding wait in the middle of a statement.
        let job = stage.signing(generated(40, 10, 1)).await;
        let lease = stage.lease(&job, stage.keys(&job).await[0], MINUTE).await;
        let unit: Vec<_> = stage.ranges(&job).await.iter().map(|range| segment(range, lease.key)).collect();
        assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done, "{login}");
        assert_eq!(stage.stored(&job).await, 40);
    }
    let (expected, found) = (seen(&stage, &plain).await, seen(&stage, &hostile).await);
    assert!(expected.len() > 200, "{}", expected.len());
    // How much memory is the administrator's to say, as long as it is enough.
    for (name, _) in HOSTILE.iter().filter(|(name, _)| *name != "work_mem") {
        assert_eq!(expected.get(*name), found.get(*name), "{name}");
    }
    assert_eq!(found["work_mem"], "4096");
    assert_eq!(found["synchronous_commit"], "on");
    assert_eq!(found["search_path"], "pg_catalog, pg_temp");
}

#[tokio::test]
async fn a_role_that_waits_for_standbys_to_apply_its_commits_still_does() {
    let stage = Stage::new().await;
    stage.sql().await.batch_execute(WITNESS).await.unwrap();
    for (asked, expected) in [("remote_apply", "remote_apply"), ("local", "on"), ("remote_write", "on"), ("on", "on")] {
        let login = role(&stage, asked).await;
        let alter = format!("ALTER ROLE {login} SET synchronous_commit = {asked}");
        stage.sql().await.batch_execute(&alter).await.unwrap();
        let ledger = Ledger::connect(&options(&url_as(&stage.url, &login))).await.unwrap();
        let own = Stage { url: stage.url.clone(), ledger };
        let job = own.pending(generated(1, 1, 1)).await;
        assert!(jobs::by_id(&own.ledger, job.id).await.unwrap().is_some());
        assert_eq!(seen(&stage, &login).await["synchronous_commit"], expected, "{asked}");
    }
}
