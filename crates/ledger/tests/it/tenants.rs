//! Tenants: their logins are made and removed, work on their jobs, and replace the role that all workers shared.

use tokio_postgres::{Client, NoTls};
use uuid::Uuid;
use vaultstream_api::Reason;
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

    pub(crate) async fn sql(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// A job of the namespace `default` in the middle of its life, with something in every table.
pub(crate) async fn victim(stage: &Stage) -> (Job, Lease) {
    let job = stage.signing(generated(40, 10, 2)).await;
    let lease = stage.first_lease(&job).await;
    let ranges = stage.ranges(&job).await;
    let ids: Vec<i64> = (2..=10).collect();
    let mut first = segment_of(&ranges[0], lease.key, &ids);
    (first.rows, first.rejected) = (10, 1);
    first.rejects = vec![Reject { id: 1, reason: "Null".into(), detail: "a payload's secret".into(), attempts: 0 }];
    stage.commit(&job, &lease, &[first]).await;
    let anchor =
        "INSERT INTO vaultstream.anchors (job_id, tsa, last_error) VALUES ($1, 'http://tsa.example/', 'a secret')";
    stage.sql().await.execute(anchor, &[&job.id.0]).await.unwrap();
    let request = "INSERT INTO vaultstream.receipt_certificates (job_id, challenge, key_id, signature, tag) \
         VALUES ($1, decode(repeat('01', 8), 'hex'), $2, decode(repeat('02', 64), 'hex'), decode(repeat('03', 32), 'hex'))";
    stage.sql().await.execute(request, &[&job.id.0, &lease.key.0]).await.unwrap();
    let checkpoint = "INSERT INTO vaultstream.checkpoints (job_id, number, digest, checkpoint, batches, records, merkle_root, state) \
         VALUES ($1, 1, sha256('c'), 'c', 1, 10, sha256('r'), 'sums')";
    stage.sql().await.execute(checkpoint, &[&job.id.0]).await.unwrap();
    let verdict = "INSERT INTO vaultstream.verdicts (job_id, given_by, verified, mode, signatures, problems, version) \
         VALUES ($1, 'somebody', false, 'full', 9, 'a secret', '1')";
    stage.sql().await.execute(verdict, &[&job.id.0]).await.unwrap();
    (job, lease)
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
    let error = sql.query(&insert, &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "42501", "{error}");
    // What is its own it reads for ever.
    for own in ["records", "signatures"] {
        assert!(!sql.query(&format!("SELECT FROM vaultstream.{own}_{}", job.id), &[]).await.unwrap().is_empty());
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

/// One that is added when a job is over may read it, and changes nothing of it.
#[tokio::test]
async fn a_tenant_reads_jobs_that_were_over_before_it() {
    let stage = Stage::new().await;
    let (job, _) = victim(&stage).await;
    steps::fail(&stage.ledger, job.id, Reason::TooManyRejects, "why").await.unwrap();
    let sql = Login::of(&stage, "default").await.sql().await;
    for own in ["records", "signatures"] {
        assert!(!sql.query(&format!("SELECT FROM vaultstream.{own}_{}", job.id), &[]).await.unwrap().is_empty());
    }
    let insert =
        format!("INSERT INTO vaultstream.signatures_{} (record_id, key_id, signature) VALUES (99, 1, 's')", job.id);
    assert_eq!(sql.batch_execute(&insert).await.unwrap_err().code().unwrap().code(), "42501");
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

#[tokio::test]
async fn a_login_that_is_none_of_the_ledger_s_cannot_connect() {
    let stage = Stage::new().await;
    let tenant = Login::of(&stage, "default").await;
    let operator = Login::operator(&stage).await;
    let auditor = Login { role: format!("auditor_{:x}", Uuid::new_v4().as_u128()), url: String::new() };
    tenants::add_auditor(&stage.ledger, &auditor.role, "secret").await.unwrap();
    let stranger = format!("stranger_{:x}", Uuid::new_v4().as_u128());
    stage.sql().await.batch_execute(&format!("CREATE ROLE {stranger} LOGIN")).await.unwrap();
    let connects = async |role: &str| tokio_postgres::connect(&url_as(&stage.url, role), NoTls).await.is_ok();
    assert!(connects(&stranger).await, "this test shows nothing");
    let statement = tenants::open_to_public(&stage.ledger).await.unwrap().unwrap();
    assert!(statement.starts_with("REVOKE CONNECT ON DATABASE "), "{statement}");
    // One that an earlier version made has the right by PUBLIC alone.
    let database = stage.url.rsplit('/').next().unwrap();
    let earlier = format!("REVOKE CONNECT ON DATABASE {database} FROM {}", tenant.role);
    stage.sql().await.batch_execute(&earlier).await.unwrap();

    let denied = tenants::close_to_public(&operator.ledger().await).await.unwrap_err();
    assert!(matches!(denied, TenantError::NotAllowed { .. }), "{denied}");
    tenants::close_to_public(&stage.ledger).await.unwrap();
    assert_eq!(tenants::open_to_public(&stage.ledger).await.unwrap(), None);
    assert!(!connects(&stranger).await);
    for role in [&tenant.role, &operator.role, &auditor.role] {
        assert!(connects(role).await, "{role}");
    }
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
