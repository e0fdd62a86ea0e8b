//! Rights: every ledger has those of migrations/grants.sql and no others, whatever version it came from and whichever role owns it.

use std::path::Path;

use refinery_core::{Migration, Runner, Target};
use vaultstream_ledger::Ledger;

use crate::stage::{Stage, options, url_as};

/// Partitions of a job that signs, and of one that is being seeded, whose records are not attached yet.
const PARTITIONS: &str = "
    CREATE TABLE vaultstream.signatures_1 (LIKE vaultstream.signatures);
    CREATE TABLE vaultstream.records_1 (LIKE vaultstream.records);
    CREATE TABLE vaultstream.records_2 (LIKE vaultstream.records);
    SELECT vaultstream.grant_partition('vaultstream.signatures_1', false);
    SELECT vaultstream.grant_partition('vaultstream.records_1', true);
    SELECT vaultstream.grant_partition('vaultstream.records_2', true);
    ALTER TABLE vaultstream.signatures ATTACH PARTITION vaultstream.signatures_1 FOR VALUES IN (1);
    ALTER TABLE vaultstream.records ATTACH PARTITION vaultstream.records_1 FOR VALUES IN (1)";

/// Everything that anybody may do in the schema; the owner goes by that name.
const RIGHTS: &str = "
    WITH objects (object, owner, acl) AS (
        SELECT 'schema', nspowner, coalesce(nspacl, acldefault('n', nspowner))
          FROM pg_namespace WHERE nspname = 'vaultstream'
        UNION ALL
        SELECT 'relation ' || relname, relowner,
               coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::\"char\" ELSE 'r' END, relowner))
          FROM pg_class WHERE relnamespace = 'vaultstream'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')
        UNION ALL
        SELECT 'column ' || relname || '.' || attname, relowner, attacl
          FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'vaultstream'::regnamespace
        UNION ALL
        SELECT 'function ' || proname, proowner, coalesce(proacl, acldefault('f', proowner))
          FROM pg_proc WHERE pronamespace = 'vaultstream'::regnamespace)
    SELECT object || ' ' || privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END || ' ' ||
           CASE grantee WHEN 0 THEN 'PUBLIC' WHEN owner THEN 'owner' ELSE grantee::regrole::text END
      FROM objects, aclexplode(acl) ORDER BY 1";

async fn rights(stage: &Stage) -> Vec<String> {
    stage.sql().await.query(RIGHTS, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// A new ledger, with partitions.
async fn fresh() -> Stage {
    let stage = Stage::new().await;
    stage.sql().await.batch_execute(PARTITIONS).await.unwrap();
    stage
}

/// A ledger as the program of that version made it, with partitions.
async fn earlier(version: Target) -> Stage {
    let stage = without_rights(version).await;
    let sql = stage.sql().await;
    sql.batch_execute("SELECT vaultstream.make_roles(); SELECT vaultstream.grant_worker()").await.unwrap();
    sql.batch_execute(PARTITIONS).await.unwrap();
    stage
}

/// A ledger of that version whose rights were not granted any more.
async fn without_rights(version: Target) -> Stage {
    let stage = Stage::empty().await;
    let mut migrations = Vec::new();
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../migrations")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if name.starts_with('V') {
            migrations.push(Migration::unapplied(name, &std::fs::read_to_string(&path).unwrap()).unwrap());
        }
    }
    let mut sql = stage.sql().await;
    sql.batch_execute("CREATE SCHEMA vaultstream").await.unwrap();
    let mut runner = Runner::new(&migrations).set_target(version);
    runner.set_migration_table_name("vaultstream.schema_history").run_async(&mut sql).await.unwrap();
    drop(sql);
    stage
}

#[tokio::test]
async fn an_upgraded_ledger_has_the_rights_of_a_fresh_one() {
    let wanted = rights(&fresh().await).await;
    for version in [8, 11] {
        let stage = earlier(Target::Version(version)).await;
        let sql = stage.sql().await;
        // Whose workers log in as a member of the role that reaches all namespaces, until they have logins of their own.
        let login = format!("shared_{:x}", uuid::Uuid::new_v4().as_u128());
        sql.batch_execute(&format!("CREATE ROLE {login} LOGIN; GRANT vaultstream_worker TO {login}")).await.unwrap();
        // What was granted by hand does not stay either.
        let by_hand = "GRANT UPDATE ON vaultstream.jobs TO vaultstream_worker; \
             GRANT SELECT ON vaultstream.signatures_1 TO vaultstream_worker; \
             GRANT SELECT ON vaultstream.keys TO vaultstream_source; \
             GRANT EXECUTE ON FUNCTION vaultstream.retry_rejects TO PUBLIC";
        sql.batch_execute(by_hand).await.unwrap();
        assert!(stage.ledger.migrate().await.unwrap().applied > 0);
        let shared = |right: &String| right.ends_with(" vaultstream_worker");
        let (theirs, ours): (Vec<_>, Vec<_>) = rights(&stage).await.into_iter().partition(shared);
        assert_eq!(ours, wanted, "from version {version}");
        assert!(theirs.contains(&"function fence_unit EXECUTE vaultstream_worker".to_owned()), "{theirs:?}");
        assert!(vaultstream_ledger::tenants::shared_logins(&stage.ledger).await.unwrap().contains(&login));

        sql.batch_execute(&format!("DROP ROLE {login}")).await.unwrap();
        // Tests beside this one have such logins, too, for a while.
        while !vaultstream_ledger::tenants::shared_logins(&stage.ledger).await.unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(rights(&stage).await, wanted, "from version {version}");
    }
}

/// A program may be killed between its last migration and its grants. The version is recorded by then.
#[tokio::test]
async fn rights_that_were_not_granted_are_granted_by_the_next_program() {
    let wanted = rights(&fresh().await).await;
    let stage = without_rights(Target::Latest).await;
    assert_eq!(stage.ledger.migrate().await.unwrap().applied, 0);
    stage.sql().await.batch_execute(PARTITIONS).await.unwrap();
    assert_eq!(rights(&stage).await, wanted);
    // Once they are granted, they are not touched again.
    stage.sql().await.batch_execute("GRANT SELECT ON vaultstream.keys TO vaultstream_auditor").await.unwrap();
    stage.ledger.migrate().await.unwrap();
    assert_ne!(rights(&stage).await, wanted);
}

#[tokio::test]
async fn an_owner_without_createrole_grants_the_same_rights() {
    let wanted = rights(&fresh().await).await;
    let stage = Stage::empty().await;
    let role = format!("owner_{:x}", uuid::Uuid::new_v4().as_u128());
    let database = stage.url.rsplit('/').next().unwrap();
    let sql = format!("CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database} TO {role}");
    stage.sql().await.batch_execute(&sql).await.unwrap();
    let ledger = Ledger::connect(&options(&url_as(&stage.url, &role))).await.unwrap();
    ledger.migrate().await.unwrap();
    stage.sql().await.batch_execute(&format!("SET ROLE {role}; {PARTITIONS}")).await.unwrap();
    assert_eq!(rights(&stage).await, wanted);
}

#[tokio::test]
async fn granting_again_changes_nothing_and_public_has_no_right() {
    let stage = fresh().await;
    let before = rights(&stage).await;
    stage.sql().await.batch_execute(include_str!("../../../../migrations/grants.sql")).await.unwrap();
    assert_eq!(rights(&stage).await, before);
    for right in [
        "function fence_unit EXECUTE vaultstream_tenant",
        "relation tenant_jobs SELECT vaultstream_tenant",
        "relation records_2 SELECT vaultstream_auditor",
        "relation signatures_1 SELECT vaultstream_auditor",
    ] {
        assert!(before.iter().any(|there| there == right), "{right}");
    }
    let known = [" owner", " vaultstream_tenant", " vaultstream_operator", " vaultstream_auditor"];
    let strangers: Vec<_> = before.iter().filter(|right| !known.iter().any(|end| right.ends_with(end))).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
}
