use vaultstream_ledger::{Ledger, MigrateError, schema_version};

use crate::stage::{Stage, options, url_as};

#[tokio::test]
async fn migrating_twice_does_nothing_the_second_time() {
    let stage = Stage::empty().await;
    assert!(matches!(stage.ledger.check_version().await, Err(MigrateError::NotMigrated { found: 0, .. })));
    let first = stage.ledger.migrate().await.unwrap();
    assert_eq!((first.version, first.applied), (schema_version(), schema_version() as usize));
    let second = stage.ledger.migrate().await.unwrap();
    assert_eq!((second.version, second.applied), (schema_version(), 0));
    assert_eq!(stage.ledger.check_version().await.unwrap(), schema_version());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_programs_may_migrate_one_database_at_once() {
    let stage = Stage::empty().await;
    let mut applied = 0;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let url = stage.url.clone();
        tasks.push(tokio::spawn(async move {
            Ledger::connect(&options(&url)).await.unwrap().migrate().await.unwrap().applied
        }));
    }
    for task in tasks {
        applied += task.await.unwrap();
    }
    assert_eq!(applied, schema_version() as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_of_one_server_may_be_migrated_at_once() {
    let mut tasks = Vec::new();
    for _ in 0..8 {
        tasks.push(tokio::spawn(async {
            let stage = Stage::empty().await;
            stage.ledger.migrate().await.unwrap();
            stage.number("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'vaultstream\\_%'").await
        }));
    }
    for task in tasks {
        assert!(task.await.unwrap() >= 2);
    }
}

#[tokio::test]
async fn a_ledger_that_needs_a_newer_program_is_refused() {
    let stage = Stage::new().await;
    stage.sql().await.batch_execute("UPDATE vaultstream.meta SET least_program = 1000").await.unwrap();
    for outcome in [stage.ledger.check_version().await.map(drop), stage.ledger.migrate().await.map(drop)] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, MigrateError::LedgerNewer { needs: 1000, .. }), "{error}");
        assert!(error.to_string().contains("use a newer vaultstream"));
    }
}

#[tokio::test]
async fn a_newer_ledger_that_only_expands_is_used() {
    let stage = Stage::new().await;
    stage
        .sql()
        .await
        .batch_execute("INSERT INTO vaultstream.schema_history VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')")
        .await
        .unwrap();
    assert_eq!(stage.ledger.migrate().await.unwrap().applied, 0);
}

#[tokio::test]
async fn a_role_that_may_not_create_is_told_so_in_one_sentence() {
    let stage = Stage::empty().await;
    let role = format!("nobody_{:x}", uuid::Uuid::new_v4().as_u128());
    stage.sql().await.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let ledger = Ledger::connect(&options(&url_as(&stage.url, &role))).await.unwrap();
    let error = ledger.migrate().await.unwrap_err();
    assert!(matches!(error, MigrateError::NoPermission(_)), "{error:?}");
    assert!(error.to_string().starts_with("no permission to migrate the ledger: "));
    assert!(!error.to_string().contains('\n'));
}

#[tokio::test]
async fn an_owner_without_createrole_migrates_all_the_same() {
    let stage = Stage::empty().await;
    let role = format!("owner_{:x}", uuid::Uuid::new_v4().as_u128());
    let database = stage.url.rsplit('/').next().unwrap().to_owned();
    stage
        .sql()
        .await
        .batch_execute(&format!("CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database} TO {role}"))
        .await
        .unwrap();
    let ledger = Ledger::connect(&options(&url_as(&stage.url, &role))).await.unwrap();
    assert_eq!(ledger.migrate().await.unwrap().version, schema_version());
}
