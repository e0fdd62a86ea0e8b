use vaultstream_ledger::{KekFit, Ledger, MigrateError, Preflight, PreflightError, RegisterError, schema_version};
use vaultstream_signing::Kek;

use crate::stage::{Stage, options, url_as};

#[tokio::test]
async fn migrating_twice_does_nothing_the_second_time() {
    let stage = Stage::empty().await;
    assert!(matches!(stage.ledger.check_version().await, Err(MigrateError::NoLedger { .. })));
    let first = stage.ledger.migrate().await.unwrap();
    assert_eq!((first.version, i64::try_from(first.applied).unwrap()), (schema_version(), all(&stage).await));
    let second = stage.ledger.migrate().await.unwrap();
    assert_eq!((second.version, second.applied), (schema_version(), 0));
    assert_eq!(stage.ledger.check_version().await.unwrap(), schema_version());
}

/// How many migrations there are. Their numbers have gaps.
async fn all(stage: &Stage) -> i64 {
    stage.number("SELECT count(*) FROM vaultstream.schema_history").await
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
    assert_eq!(i64::try_from(applied).unwrap(), all(&stage).await);
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
async fn a_role_that_may_not_migrate_is_told_in_one_sentence_what_helps() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    let unique = uuid::Uuid::new_v4().as_u128();
    let (app, owner) = (format!("App {unique:x}"), format!("owner_{unique:x}"));
    let database = stage.url.rsplit('/').next().unwrap();
    sql.batch_execute(&format!("CREATE ROLE \"{app}\" LOGIN; CREATE ROLE {owner} LOGIN")).await.unwrap();
    let connect =
        async |role: &str| Ledger::connect(&options(&url_as(&stage.url, &role.replace(' ', "%20")))).await.unwrap();
    let ledger = connect(&app).await;
    let kek = Kek::generate("test".parse().unwrap()).unwrap();
    let grant = format!("GRANT CREATE ON DATABASE {database} TO \"{app}\";");
    for told in
        [ledger.migrate().await.unwrap_err().to_string(), ledger.preflight(Some(&kek)).await.unwrap_err().to_string()]
    {
        assert_eq!(told, format!("the role \"{app}\" may not create a ledger in this database: {grant}"));
    }
    assert!(matches!(ledger.migrate().await, Err(MigrateError::MayNotCreate { .. })));
    // Doing as told helps.
    sql.batch_execute(&grant).await.unwrap();
    assert_eq!(ledger.preflight(Some(&kek)).await.unwrap(), Preflight { version: None, kek: Some(KekFit::First) });
    sql.batch_execute(&format!("GRANT CREATE ON DATABASE {database} TO {owner}")).await.unwrap();
    connect(&owner).await.migrate().await.unwrap();
    // Another role owns it, and it is older than this program.
    sql.batch_execute(&format!(
        "DELETE FROM vaultstream.schema_history WHERE version > 1; GRANT USAGE ON SCHEMA vaultstream TO \"{app}\"; \
         GRANT SELECT ON vaultstream.schema_history, vaultstream.meta TO \"{app}\""
    ))
    .await
    .unwrap();
    let told = ledger.migrate().await.unwrap_err().to_string();
    assert!(told.contains(&format!("run `vaultstream migrate` as {owner} once")) && !told.contains("GRANT"), "{told}");
}

#[tokio::test]
async fn a_run_is_told_beforehand_how_its_key_fits() {
    let stage = Stage::empty().await;
    let keks = ["one", "two"].map(|name| Kek::generate(name.parse().unwrap()).unwrap());
    let told = stage.ledger.check_version().await.unwrap_err().to_string();
    assert!(told.starts_with("there is no VaultStream ledger in database ") && told.contains("wrong URL?"), "{told}");
    assert_eq!(
        stage.ledger.preflight(Some(&keks[0])).await.unwrap(),
        Preflight { version: None, kek: Some(KekFit::First) }
    );
    assert_eq!(stage.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'vaultstream'").await, 0);
    stage.ledger.migrate().await.unwrap();
    let version = Some(schema_version());
    assert_eq!(stage.ledger.preflight(Some(&keks[0])).await.unwrap(), Preflight { version, kek: Some(KekFit::First) });
    stage.ledger.register_kek(&keks[0]).await.unwrap();
    assert_eq!(stage.ledger.preflight(Some(&keks[0])).await.unwrap(), Preflight { version, kek: Some(KekFit::Known) });
    let registered = vec!["one".to_owned()];
    assert_eq!(
        stage.ledger.preflight(Some(&keks[1])).await.unwrap(),
        Preflight { version, kek: Some(KekFit::New { registered }) }
    );
    let other = Kek::generate("one".parse().unwrap()).unwrap();
    assert!(matches!(stage.ledger.preflight(Some(&other)).await, Err(PreflightError::Kek(RegisterError::Wrong(_)))));
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
