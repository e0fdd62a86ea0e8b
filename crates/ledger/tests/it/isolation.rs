//! Isolation: what the login of one namespace can do to the jobs of another, and an auditor to any, by everything that the catalog has
//! and a worker knows.

mod checks;

use tokio_postgres::Client;
use uuid::Uuid;
use vaultstream_ledger::leases::{self, LeaseOutcome};
use vaultstream_ledger::tenants::{self, TenantError};
use vaultstream_ledger::{Job, Lease, Ledger};

use crate::calls::{Victim, calls};
use crate::contents::contents;
use crate::stage::{MINUTE, Stage, options, url_as};
use crate::tenants::{Login, victim};

/// The rights of every tenant's login in the schema, directly or by its group. Anything else is one too many.
const RELATIONS: [&str; 11] = [
    "meta SELECT",
    "schema_history SELECT",
    "tenant_anchors SELECT",
    "tenant_batches SELECT",
    "tenant_jobs SELECT",
    "tenant_keys SELECT",
    "tenant_progress SELECT",
    "tenant_receipt_certificates SELECT",
    "tenant_checkpoints SELECT",
    "tenant_rejects SELECT",
    "tenant_verdicts SELECT",
];

/// A job and its lease, as the hostile tenant knows them.
fn known(job: &Job, lease: &Lease) -> Victim {
    let (key, epoch, lease) = (lease.key.0, lease.epoch, lease.id);
    Victim { job: job.id.0, key, epoch, lease, plan: (0, Uuid::new_v4()), kek: "kek".to_owned() }
}

/// Calls of every function that a tenant may call, by the tenant of the namespace `other`.
pub(crate) fn attacks(job: &Job, lease: &Lease) -> Vec<(&'static str, Vec<String>)> {
    calls(&known(job, lease), "other")
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
            AND r.rolname NOT IN ($1::text, 'vaultstream_tenant')";
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
