//! Tenants: what the login of one namespace can do to the jobs of another, by everything that the catalog has and a worker knows.

use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vaultstream_ledger::commit::Reject;
use vaultstream_ledger::leases::{self, LeaseOutcome};
use vaultstream_ledger::steps::{self, Finish, Step};
use vaultstream_ledger::tenants::{self, TenantError};
use vaultstream_ledger::{Job, Lease, Ledger};

use crate::stage::{MINUTE, Stage, generated, options, segment, segment_of, url_as};

const CLUSTER: &str = "test";

/// A namespace's login. The tests' server asks for no password.
pub(crate) struct Login {
    pub(crate) role: String,
    pub(crate) url: String,
}

impl Login {
    /// Makes the login of a namespace.
    pub(crate) async fn of(stage: &Stage, namespace: &str) -> Self {
        let role = format!("vs_{:x}", Uuid::new_v4().as_u128());
        tenants::add(&stage.ledger, CLUSTER, namespace, &role, "secret").await.unwrap();
        Self { url: url_as(&stage.url, &role), role }
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        Ledger::connect(&options(&self.url)).await.unwrap()
    }

    async fn sql(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// A job of the namespace `default` in the middle of its life, with something in every table.
async fn victim(stage: &Stage) -> (Job, Lease) {
    let job = stage.signing(generated(40, 10, 2)).await;
    let lease = stage.first_lease(&job).await;
    let ranges = stage.ranges(&job).await;
    let ids: Vec<i64> = (2..=10).collect();
    let mut first = segment_of(&ranges[0], lease.key, &ids);
    (first.rows, first.rejected) = (10, 1);
    first.rejects = vec![Reject { id: 1, reason: "Null".into(), detail: "a payload's secret".into(), attempts: 0 }];
    stage.commit(&job, &lease, &[first]).await;
    (job, lease)
}

/// What the ledger holds, but for the tables that say nothing of jobs.
async fn contents(sql: &Client) -> Vec<(String, Option<String>)> {
    let tables = "SELECT c.oid::regclass::text FROM pg_class c WHERE relnamespace = 'vaultstream'::regnamespace AND relkind = 'r' \
          ORDER BY 1";
    let mut all = Vec::new();
    for row in sql.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let hash = format!("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t");
        all.push((table, sql.query_one(&hash, &[]).await.unwrap().get(0)));
    }
    all
}

/// The rights of every tenant's login in the schema, directly or by its group. Anything else is one too many.
const RELATIONS: [&str; 7] = [
    "meta SELECT",
    "schema_history SELECT",
    "tenant_batches SELECT",
    "tenant_jobs SELECT",
    "tenant_keys SELECT",
    "tenant_progress SELECT",
    "tenant_rejects SELECT",
];

/// Calls of every function that a tenant may call, with all that is secret of another tenant's job: the lease, too.
fn attacks(job: &Job, lease: &Lease) -> Vec<(&'static str, Vec<String>)> {
    let (n, key, epoch, id) = (job.id, lease.key, lease.epoch, lease.id);
    let of_lease = format!("{key}, {epoch}, '{id}'");
    let (ones, roots) = ("'{10}'::bigint[]", format!("ARRAY['\\x{}'::bytea]", "00".repeat(32)));
    let no_rejects = "'{}'::bigint[], '{}'::text[], '{}'::text[], '{}'::int[]";
    let finish = format!(
        "SELECT vaultstream.finish_unit({n}, '{{1}}', {ones}, {ones}, '{{0}}', {roots}, {no_rejects}, {key}, '{id}', true)"
    );
    let other = Uuid::new_v4();
    vec![
        (
            "take_lease",
            vec![
                format!("SELECT * FROM vaultstream.take_lease({n}, {key}, '{other}', '1 h') WHERE outcome <> 'gone'"),
                format!(
                    "SELECT t.* FROM generate_series(1, 20) g, vaultstream.take_lease({n}, g, '{other}', '1 h') t \
                      WHERE t.outcome <> 'gone'"
                ),
            ],
        ),
        (
            "lease_key",
            vec![format!(
                "SELECT t.* FROM generate_series(1, 20) g, vaultstream.lease_key({n}, g, '{other}', '1 h') t \
                  WHERE t.outcome <> 'gone'"
            )],
        ),
        ("data_key_of", vec![format!("SELECT FROM vaultstream.data_key_of({n}) WHERE state <> 'none'")]),
        (
            "store_data_key",
            vec![format!("SELECT FROM vaultstream.store_data_key({n}, 'w', 'kek', 9) WHERE outcome <> 'over'")],
        ),
        ("store_key", vec![format!("SELECT WHERE vaultstream.store_key({of_lease}, 'p', 'w') <> 'lost'")]),
        ("release_lease", vec![format!("SELECT WHERE vaultstream.release_lease({of_lease})")]),
        ("retire_key", vec![format!("SELECT WHERE vaultstream.retire_key({of_lease})")]),
        (
            "store_material",
            vec![format!("SELECT WHERE vaultstream.store_material({of_lease}, 'p', 'w', 'kek', 9) <> 'lost'")],
        ),
        ("set_key_aside", vec![format!("SELECT WHERE vaultstream.set_key_aside({of_lease}, 'why')")]),
        ("end_expired", vec![format!("SELECT WHERE vaultstream.end_expired({n}) > 0")]),
        (
            "fence_unit",
            vec![format!(
                "SELECT vaultstream.fence_unit({n}, '{{1}}', '{{11}}', '{{20}}', {key}, {epoch}, '{id}', 10)"
            )],
        ),
        ("finish_unit", vec![finish]),
        ("split_batch", vec![format!("SELECT vaultstream.split_batch({n}, 2, 25, 4)")]),
        ("count_attempt", vec![format!("SELECT * FROM vaultstream.count_attempt({n}, '{{1,2}}', 'why')")]),
        (
            "store_receipt",
            vec![format!(
                "SELECT WHERE vaultstream.store_receipt({n}, {of_lease}, 'receipt', '\\x{}'::bytea, 'native')",
                "00".repeat(32)
            )],
        ),
        // The outer condition hides the row that a call without a result has; the call itself is made.
        (
            "signs_with",
            vec![format!(
                "SELECT FROM (SELECT vaultstream.signs_with({n}, 'reference') OFFSET 0) s WHERE random() < 0"
            )],
        ),
        ("report_fault", vec![format!("SELECT WHERE vaultstream.report_fault({of_lease}, 'WrongSignature', 'why')")]),
        ("report_withdrawal", vec![format!("SELECT WHERE vaultstream.report_withdrawal({of_lease}, 'native', 'why')")]),
        ("register_kek", vec!["SELECT WHERE vaultstream.register_kek('kek', 'mine') = 'mine'".to_owned()]),
        ("kek_canary", vec!["SELECT WHERE vaultstream.kek_canary('of another') IS NOT NULL".to_owned()]),
        ("tenant_of_login", vec!["SELECT * FROM vaultstream.tenant_of_login() WHERE namespace <> 'other'".to_owned()]),
        ("sees_all", vec!["SELECT WHERE vaultstream.sees_all()".to_owned()]),
        ("works_on_all", vec!["SELECT WHERE vaultstream.works_on_all()".to_owned()]),
    ]
}

async fn rows(sql: &Client, view: &str) -> i64 {
    sql.query_one(&format!("SELECT count(*) FROM vaultstream.{view}"), &[]).await.unwrap().get(0)
}

/// Everything that the login can do to the job or learn of it.
async fn findings(stage: &Stage, login: &Login, job: &Job, lease: &Lease) -> Vec<String> {
    let (owner, sql) = (stage.sql().await, login.sql().await);
    let mut found = Vec::new();

    let relations = "SELECT c.relname || ' ' || p.privilege FROM pg_class c, \
         unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS p (privilege) \
         WHERE c.relnamespace = 'vaultstream'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') \
           AND (has_table_privilege($1, c.oid, p.privilege) \
                OR p.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege($1, c.oid, p.privilege)) \
         UNION ALL SELECT c.relname || ' of sequences' FROM pg_class c \
          WHERE c.relnamespace = 'vaultstream'::regnamespace \
            AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($1, c.oid, 'USAGE, SELECT, UPDATE') ELSE false END \
         UNION ALL SELECT 'CREATE in the schema' WHERE has_schema_privilege($1, 'vaultstream', 'CREATE') \
         UNION ALL SELECT 'member of ' || r.rolname FROM pg_roles r WHERE pg_has_role($1, r.oid, 'MEMBER') \
            AND r.rolname NOT IN ($1::text, 'vaultstream_tenant', 'vaultstream_source')";
    for row in owner.query(relations, &[&login.role]).await.unwrap() {
        let right: String = row.get(0);
        if !RELATIONS.contains(&right.as_str()) {
            found.push(right);
        }
    }
    let views = RELATIONS.iter().filter_map(|right| right.strip_suffix(" SELECT"));
    for view in views.filter(|name| name.starts_with("tenant_")) {
        assert!(rows(&owner, view).await > 0, "there is nothing to be seen in {view}");
        if rows(&sql, view).await > 0 {
            found.push(format!("sees rows of {view}"));
        }
    }

    let attacks = attacks(job, lease);
    let callable = "SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'vaultstream'::regnamespace \
         AND has_function_privilege($1, oid, 'EXECUTE')";
    for row in owner.query(callable, &[&login.role]).await.unwrap() {
        let name: String = row.get(0);
        if !attacks.iter().any(|(function, _)| *function == name) {
            found.push(format!("may call {name}, which this test does not try"));
        }
    }
    let before = contents(&owner).await;
    let statements = attacks.iter().flat_map(|(_, calls)| calls.iter().cloned());
    let partitions = [
        format!("SELECT FROM vaultstream.records_{}", job.id),
        format!("SELECT FROM vaultstream.signatures_{}", job.id),
        format!("INSERT INTO vaultstream.signatures_{} VALUES ({}, 11, {}, 's')", job.id, job.id, lease.key),
        format!("DELETE FROM vaultstream.records_{}", job.id),
        "SELECT FROM vaultstream.job_locks FOR UPDATE".to_owned(),
        "SET SESSION AUTHORIZATION vaultstream".to_owned(),
    ];
    for statement in statements.chain(partitions) {
        // An error is a refusal.
        if let Ok(rows) = sql.query(&statement, &[]).await
            && !rows.is_empty()
        {
            found.push(format!("{} rows: {statement}", rows.len()));
        }
        if contents(&owner).await != before {
            found.push(format!("changed the ledger: {statement}"));
            break;
        }
    }
    found
}

#[tokio::test]
async fn a_tenant_can_do_nothing_to_another_one_and_learns_nothing_of_it() {
    let stage = Stage::new().await;
    Login::of(&stage, "default").await;
    let (job, lease) = victim(&stage).await;
    let hostile = Login::of(&stage, "other").await;
    let found = findings(&stage, &hostile, &job, &lease).await;
    assert!(found.is_empty(), "{found:#?}");
}

/// Each of these is one protection less, which the test above has to find.
#[tokio::test]
async fn a_protection_less_is_found() {
    for planted in [
        "GRANT SELECT (receipt) ON vaultstream.jobs TO vaultstream_tenant",
        "GRANT UPDATE (attempts) ON vaultstream.batches TO vaultstream_tenant",
        "GRANT EXECUTE ON FUNCTION vaultstream.retry_rejects TO vaultstream_tenant",
        "GRANT USAGE ON SEQUENCE vaultstream.key_use TO vaultstream_tenant",
        "GRANT CREATE ON SCHEMA vaultstream TO vaultstream_tenant",
        // A view without its condition.
        "CREATE OR REPLACE VIEW vaultstream.tenant_rejects AS SELECT * FROM vaultstream.rejects",
        // Functions without their check, one after the other.
        "CREATE OR REPLACE FUNCTION vaultstream.count_attempt(p_job bigint, p_batches bigint[], p_why text) \
         RETURNS TABLE (batch bigint, attempts integer) LANGUAGE sql SECURITY DEFINER AS $$ \
             UPDATE vaultstream.batches b SET attempts = b.attempts + 1 WHERE b.job_id = p_job AND b.batch = ANY (p_batches) \
             RETURNING b.batch, b.attempts $$",
        "CREATE OR REPLACE FUNCTION vaultstream.release_lease(p_key bigint, p_epoch bigint, p_lease uuid) RETURNS boolean \
         LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
             UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL WHERE id = p_key AND epoch = p_epoch AND holder = p_lease; \
             RETURN FOUND; END $$",
        // All of them at once.
        "CREATE OR REPLACE FUNCTION vaultstream.works_on(p_job bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    ] {
        let stage = Stage::new().await;
        let (job, lease) = victim(&stage).await;
        let hostile = Login::of(&stage, "other").await;
        stage.sql().await.batch_execute(planted).await.unwrap();
        assert_ne!(findings(&stage, &hostile, &job, &lease).await, Vec::<String>::new(), "{planted}");
    }
}

#[tokio::test]
async fn signatures_are_inserted_only_while_the_job_signs() {
    let stage = Stage::new().await;
    let login = Login::of(&stage, "default").await;
    let (job, lease) = victim(&stage).await;
    let sql = login.sql().await;
    let insert =
        format!("INSERT INTO vaultstream.signatures_{} (record_id, key_id, signature) VALUES (99, 1, 's')", job.id);
    let records = format!("SELECT FROM vaultstream.records_{}", job.id);
    sql.query(&records, &[]).await.unwrap();
    sql.batch_execute(&format!("BEGIN; {insert}; ROLLBACK")).await.unwrap();
    let ranges = stage.ranges(&job).await;
    let rest: Vec<_> = ranges.iter().map(|range| segment(range, lease.key)).collect();
    stage.commit(&job, &lease, &rest).await;
    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(Finish::Ready));
    for statement in [&insert, &records] {
        let error = sql.query(statement, &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{statement}: {error}");
    }
}

/// A login that is added later gets the jobs that are there.
#[tokio::test]
async fn a_tenant_works_on_jobs_that_were_there_before_it() {
    let stage = Stage::new().await;
    let (job, _) = victim(&stage).await;
    let login = Login::of(&stage, "default").await;
    let ledger = login.ledger().await;
    let other = stage.keys(&job).await.into_iter().next().unwrap();
    assert!(!matches!(leases::take(&ledger, job.id, other, MINUTE).await.unwrap(), LeaseOutcome::Retired));
    login.sql().await.query(&format!("SELECT FROM vaultstream.records_{}", job.id), &[]).await.unwrap();
}

#[tokio::test]
async fn tenants_are_listed_and_removed_and_nothing_is_half_made() {
    let stage = Stage::new().await;
    let login = Login::of(&stage, "default").await;
    let again = tenants::add(&stage.ledger, CLUSTER, "default", "vs_default_again", "secret").await.unwrap_err();
    assert!(matches!(again, TenantError::Exists { .. }), "{again}");
    let taken = tenants::add(&stage.ledger, CLUSTER, "third", &login.role, "secret").await.unwrap_err();
    assert!(matches!(taken, TenantError::RoleTaken { .. }), "{taken}");
    // A tenant makes no tenants.
    let denied = tenants::add(&login.ledger().await, CLUSTER, "third", "vs_third", "secret").await.unwrap_err();
    assert!(denied.to_string().contains("permission") || matches!(denied, TenantError::NotAllowed { .. }), "{denied}");

    let job = stage.signing(generated(40, 10, 2)).await;
    let listed = tenants::list(&stage.ledger).await.unwrap();
    assert_eq!((listed.len(), listed[0].role.as_str(), listed[0].live_jobs), (1, login.role.as_str(), 1));
    let open = login.sql().await;
    let live = tenants::remove(&stage.ledger, CLUSTER, "default", false).await.unwrap_err();
    assert!(matches!(live, TenantError::LiveJobs { jobs: 1, .. }), "{live}");
    assert_eq!(tenants::remove(&stage.ledger, CLUSTER, "default", true).await.unwrap(), login.role);
    assert!(open.query("SELECT 1", &[]).await.is_err(), "its session is ended");
    assert!(tokio_postgres::connect(&login.url, NoTls).await.is_err());
    assert_eq!(tenants::list(&stage.ledger).await.unwrap(), []);
    let unknown = tenants::remove(&stage.ledger, CLUSTER, "default", true).await.unwrap_err();
    assert!(matches!(unknown, TenantError::Unknown { .. }), "{unknown}");
    assert_eq!(stage.job(job.id).await.id, job.id, "its jobs stay");
}

/// What any login of the database can do: hold the number of a job's advisory lock.
#[tokio::test]
async fn a_stranger_s_advisory_lock_stops_no_job() {
    let stage = Stage::new().await;
    let role = format!("stranger_{:x}", Uuid::new_v4().as_u128());
    stage.sql().await.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let (stranger, connection) = tokio_postgres::connect(&url_as(&stage.url, &role), NoTls).await.unwrap();
    tokio::spawn(connection);
    let hold = "SELECT pg_advisory_lock((22099::bigint << 48) | n) FROM generate_series(0, 50) n";
    stranger.query(hold, &[]).await.unwrap();
    let job = stage.signing(generated(40, 10, 2)).await;
    assert_eq!(steps::provision(&stage.ledger, job.id).await.unwrap(), Step::Done(()));
    drop(stranger);

    // One that may drive jobs holds it as programs before V14 do.
    let driver = stage.sql().await;
    driver.query(hold, &[]).await.unwrap();
    assert_eq!(steps::provision(&stage.ledger, job.id).await.unwrap(), Step::Busy);
}

#[tokio::test]
async fn a_stranger_s_advisory_lock_stops_no_migration() {
    let stage = Stage::empty().await;
    let role = format!("stranger_{:x}", Uuid::new_v4().as_u128());
    stage.sql().await.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let (stranger, connection) = tokio_postgres::connect(&url_as(&stage.url, &role), NoTls).await.unwrap();
    tokio::spawn(connection);
    let hold = format!("SELECT pg_advisory_lock({})", 0x5653_4d49_4752_4154_i64);
    stranger.query(&hold, &[]).await.unwrap();
    tokio::time::timeout(MINUTE, stage.ledger.migrate()).await.expect("it waits for a stranger").unwrap();

    // One that could migrate is waited for.
    let stage = Stage::empty().await;
    let other = stage.sql().await;
    other.query(&hold, &[]).await.unwrap();
    let migration = stage.ledger.migrate();
    tokio::pin!(migration);
    tokio::time::timeout(std::time::Duration::from_secs(1), &mut migration).await.expect_err("it did not wait");
    drop(other);
    migration.await.unwrap();
}

#[tokio::test]
async fn an_auditor_reads_everything_but_wrapped_keys_and_changes_nothing() {
    let stage = Stage::new().await;
    let (job, lease) = victim(&stage).await;
    let role = format!("auditor_{:x}", Uuid::new_v4().as_u128());
    // A repeat gives it another password; a role that is more than an auditor is refused.
    for _ in 0..2 {
        tenants::add_auditor(&stage.ledger, &role, "secret").await.unwrap();
    }
    let tenant = Login::of(&stage, "default").await;
    let taken = tenants::add_auditor(&stage.ledger, &tenant.role, "secret").await.unwrap_err();
    assert!(matches!(taken, TenantError::RoleTaken { .. }), "{taken}");

    let sql = Login { url: url_as(&stage.url, &role), role: role.clone() }.sql().await;
    let n = job.id;
    for readable in
        [format!("records_{n}"), format!("signatures_{n}"), "rejects".into(), "jobs".into(), "tenant_keys".into()]
    {
        assert!(rows(&sql, &readable).await > 0, "{readable}");
    }
    let secrets = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'vaultstream' \
         AND column_name IN ('wrapped_key', 'canary', 'holder') \
         AND has_column_privilege($1, 'vaultstream.' || quote_ident(table_name), column_name, 'SELECT')";
    let readable = stage.sql().await.query(secrets, &[&role]).await.unwrap();
    assert!(readable.is_empty(), "{:?}", readable.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>());
    let before = contents(&stage.sql().await).await;
    for (_, calls) in attacks(&job, &lease) {
        for call in calls {
            let refused = sql.query(&call, &[]).await;
            assert!(refused.is_err() || call.contains("_all()"), "{call}");
        }
    }
    assert_eq!(contents(&stage.sql().await).await, before);
}

/// Somebody may grant both, and mean well.
#[tokio::test]
async fn an_auditor_with_a_worker_s_rights_works_on_nothing() {
    let stage = Stage::new().await;
    let (job, _) = victim(&stage).await;
    let role = format!("auditor_{:x}", Uuid::new_v4().as_u128());
    let sql = format!("CREATE ROLE {role} LOGIN; GRANT vaultstream_auditor, vaultstream_tenant TO {role}");
    stage.sql().await.batch_execute(&sql).await.unwrap();
    let ledger = Ledger::connect(&options(&url_as(&stage.url, &role))).await.unwrap();
    let key = stage.keys(&job).await[1];
    assert!(matches!(leases::take(&ledger, job.id, key, MINUTE).await.unwrap(), LeaseOutcome::Retired));
    assert_eq!(tenants::reach(&ledger).await.unwrap(), None);
}

/// What workers of the versions before do by statements of their own, under the role that they share.
#[tokio::test]
async fn workers_of_before_there_were_tenants_continue_until_their_login_loses_the_shared_role() {
    let stage = Stage::new().await;
    let login = format!("shared_{:x}", Uuid::new_v4().as_u128());
    let sql = stage.sql().await;
    sql.batch_execute(
        "DO $$ BEGIN CREATE ROLE vaultstream_worker NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    )
    .await
    .unwrap();
    sql.batch_execute(&format!("CREATE ROLE {login} LOGIN; GRANT vaultstream_worker TO {login}")).await.unwrap();
    sql.batch_execute("UPDATE vaultstream.meta SET shared_role = true").await.unwrap();
    sql.batch_execute(include_str!("../../../../migrations/grants.sql")).await.unwrap();
    let (job, lease) = victim(&stage).await;
    let (worker, connection) = tokio_postgres::connect(&url_as(&stage.url, &login), NoTls).await.unwrap();
    tokio::spawn(connection);
    let (n, key, id) = (job.id, lease.key, lease.id);
    for statement in [
        "INSERT INTO vaultstream.keks (kek_id, canary) VALUES ('old', 'c') ON CONFLICT DO NOTHING".to_owned(),
        "SELECT canary FROM vaultstream.keks WHERE kek_id = 'old'".to_owned(),
        format!("SELECT * FROM vaultstream.jobs WHERE id = {n}"),
        format!("SELECT * FROM vaultstream.job_progress WHERE job_id = {n}"),
        format!("SELECT FROM vaultstream.records_{n}"),
        format!(
            "UPDATE vaultstream.batches SET attempts = attempts + 1, last_error = 'why' WHERE job_id = {n} AND batch = 1"
        ),
        format!("SELECT vaultstream.fence_unit({n}, '{{1}}', '{{11}}', '{{20}}', {key}, {}, '{id}', 10)", lease.epoch),
        format!("INSERT INTO vaultstream.signatures_{n} (record_id, key_id, signature) VALUES (11, {key}, 's')"),
        format!("UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL WHERE id = {key} AND holder = '{id}'"),
        format!("UPDATE vaultstream.keys SET state = 'retired', holder = NULL, lease_until = NULL WHERE id = {key}"),
    ] {
        worker.query(&statement, &[]).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    assert!(tenants::shared_logins(&stage.ledger).await.unwrap().contains(&login));

    sql.batch_execute(&format!("REVOKE vaultstream_worker FROM {login}")).await.unwrap();
    while !tenants::shared_logins(&stage.ledger).await.unwrap().is_empty() {
        // Tests beside this one have such logins, too, for a while.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let error = worker.query("SELECT FROM vaultstream.jobs", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42501", "{error}");
    sql.batch_execute(&format!("DROP ROLE {login}")).await.unwrap();
}

/// The owner that docs/operations.md recommends: no superuser, who may make roles.
#[tokio::test]
async fn an_owner_without_superuser_makes_tenants_and_ends_their_sessions() {
    let stage = Stage::empty().await;
    let owner = format!("owner_{:x}", Uuid::new_v4().as_u128());
    let database = stage.url.rsplit('/').next().unwrap();
    let sql = format!(
        "DO $$ BEGIN CREATE ROLE vaultstream_tenant NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
         CREATE ROLE {owner} LOGIN CREATEROLE; GRANT CREATE ON DATABASE {database} TO {owner}; \
         REVOKE CONNECT ON DATABASE {database} FROM PUBLIC; GRANT CONNECT ON DATABASE {database} TO {owner} WITH GRANT OPTION; \
         GRANT vaultstream_tenant TO {owner} WITH ADMIN OPTION"
    );
    stage.sql().await.batch_execute(&sql).await.unwrap();
    let url = url_as(&stage.url, &owner);
    let owners = Stage { ledger: Ledger::connect(&options(&url)).await.unwrap(), url };
    owners.ledger.migrate().await.unwrap();
    let login = Login::of(&owners, "default").await;
    let (job, lease) = victim(&owners).await;
    let frozen = login.sql().await;
    frozen.batch_execute(&format!("SET application_name = 'vs:{}'; BEGIN; SELECT 1", lease.id)).await.unwrap();
    let expire = format!(
        "UPDATE vaultstream.keys SET lease_until = clock_timestamp() - interval '1 s' WHERE id = {}",
        lease.key
    );
    owners.sql().await.batch_execute(&expire).await.unwrap();
    // A worker of the same namespace does it, when it is blocked.
    assert_eq!(leases::end_expired(&login.ledger().await, job.id).await.unwrap(), 1);
    assert!(frozen.query("SELECT 1", &[]).await.is_err());
    assert_eq!(tenants::remove(&owners.ledger, CLUSTER, "default", true).await.unwrap(), login.role);
}

/// A worker that is frozen in a commit, seen by the owner and by another login of its namespace.
#[tokio::test]
async fn the_owner_ends_sessions_of_tenants_whose_leases_have_expired() {
    let stage = Stage::new().await;
    let login = Login::of(&stage, "default").await;
    let (job, lease) = victim(&stage).await;
    let frozen = login.sql().await;
    frozen.batch_execute(&format!("SET application_name = 'vs:{}'; BEGIN; SELECT 1", lease.id)).await.unwrap();
    assert_eq!(leases::end_expired(&stage.ledger, job.id).await.unwrap(), 0, "its lease holds");
    let expire = format!(
        "UPDATE vaultstream.keys SET lease_until = clock_timestamp() - interval '1 s' WHERE id = {}",
        lease.key
    );
    stage.sql().await.batch_execute(&expire).await.unwrap();
    assert_eq!(leases::end_expired(&stage.ledger, job.id).await.unwrap(), 1);
    assert!(frozen.query("SELECT 1", &[]).await.is_err());
}
