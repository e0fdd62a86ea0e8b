//! What a worker's login role can do, and what it cannot.

use vaultstream_api::Reason;
use vaultstream_ledger::commit::{self, Committed, Reject};
use vaultstream_ledger::data_keys::{self, JobDataKey};
use vaultstream_ledger::leases::{self, LeaseOutcome, Stored};
use vaultstream_ledger::payloads::{self, Payload};
use vaultstream_ledger::planning::TableError;
use vaultstream_ledger::steps::{self, Finish, Lack, ReceiptStored, SourceError, Step, StepError};
use vaultstream_ledger::{Class, Ledger, batches, damaged_keys, faults, progress, verify};
use vaultstream_signing::Backend;

use crate::stage::{
    MINUTE, Stage, Unseeded, all_signed, generated, material, of_table, options, seed_chunk_as, segment, segment_of,
};
use crate::tenants::Login;

/// The login of the jobs' namespace.
async fn worker(stage: &Stage) -> (String, Ledger) {
    let url = Login::of(stage, "default").await.url;
    let ledger = Ledger::connect(&options(&url)).await.unwrap();
    (url, ledger)
}

#[tokio::test]
async fn a_worker_s_role_is_enough_for_its_whole_work() {
    let stage = Stage::new().await;
    let (_, ledger) = worker(&stage).await;
    let job = stage.signing(generated(40, 10, 2)).await;
    ledger.check_version().await.unwrap();
    assert_eq!(ledger.migrate().await.unwrap().applied, 0);
    let job = vaultstream_ledger::jobs::by_uid(&ledger, job.uid).await.unwrap().unwrap();
    ledger.insert_kek_canary("kek", b"canary").await.unwrap();

    let key = stage.keys(&job).await[0];
    let key_of_records = key;
    let LeaseOutcome::Granted(lease) = leases::take(&ledger, job.id, key, MINUTE).await.unwrap() else { panic!() };
    data_keys::store(&ledger, job.id, b"wrapped data key", "kek").await.unwrap();
    assert!(matches!(data_keys::of_job(&ledger, job.id).await.unwrap(), JobDataKey::Made(_)));
    assert_eq!(ledger.keks_of_job(job.id).await.unwrap(), ["kek"]);
    assert_eq!(leases::store_material(&ledger, &lease, &material("public"), None).await.unwrap(), Stored::Stored);
    let ranges = stage.ranges(&job).await;
    let mut rows = 0;
    payloads::read(&ledger, &job, &ranges, |_, _, payload| {
        assert!(matches!(payload, Payload::Bytes(_)));
        rows += 1;
    })
    .await
    .unwrap();
    assert_eq!(rows, 40);
    batches::count_attempt(&ledger, job.id, &[ranges[1].batch], "a reason").await.unwrap();
    assert!(faults::report_withdrawal(&ledger, &lease, Backend::Native, "a reason").await.unwrap());
    batches::split(&ledger, job.id, ranges[1].batch, 15, 4).await.unwrap();
    let ranges = stage.ranges(&job).await;
    let mut unit: Vec<_> = ranges.iter().map(|range| segment(range, key)).collect();
    let ids: Vec<i64> = (2..=10).collect();
    unit[0] = segment_of(&ranges[0], key, &ids);
    (unit[0].rows, unit[0].rejected) = (10, 1);
    unit[0].rejects = vec![Reject { id: 1, reason: "Null".into(), detail: String::new(), attempts: 0 }];
    assert_eq!(commit::unit(&ledger, job.id, &lease, &unit, true).await.unwrap(), Committed::Done);
    leases::end_expired(&ledger, job.id).await.unwrap();
    assert!(all_signed(&progress(&ledger, job.id).await.unwrap().unwrap()));

    assert_eq!(steps::begin_finish(&stage.ledger, job.id).await.unwrap(), Step::Done(Finish::Ready));
    let key = steps::receipt_key(&ledger, job.id).await.unwrap().unwrap();
    let LeaseOutcome::Granted(lease) = leases::take(&ledger, job.id, key, MINUTE).await.unwrap() else { panic!() };
    leases::store_material(&ledger, &lease, &material("receipt key"), None).await.unwrap();
    assert_eq!(verify::batch_roots(&ledger, job.id, 0, 100).await.unwrap().len(), 5);
    let stored = steps::store_receipt(&ledger, &lease, "receipt", &[1; 32], "native").await.unwrap();
    assert_eq!(stored, ReceiptStored::Stored);
    let other = stage.keys(&job).await.into_iter().find(|other| ![key, key_of_records].contains(other)).unwrap();
    let LeaseOutcome::Granted(lease) = leases::take(&ledger, job.id, other, MINUTE).await.unwrap() else { panic!() };
    assert!(faults::report(&ledger, &lease, Reason::WrongSignature, "a reason").await.unwrap());
    assert!(leases::retire(&ledger, &lease).await.unwrap());
    let LeaseOutcome::Granted(lease) = leases::take(&ledger, job.id, key_of_records, MINUTE).await.unwrap() else {
        panic!()
    };
    assert!(damaged_keys::set_aside(&ledger, &lease, "a reason").await.unwrap());
    assert!(!damaged_keys::set_aside(&ledger, &lease, "a reason").await.unwrap(), "the lease is over");
    assert!(matches!(leases::take(&ledger, job.id, key_of_records, MINUTE).await.unwrap(), LeaseOutcome::Retired));
    let found = damaged_keys::list(&ledger, job.id).await.unwrap();
    assert_eq!((found.len(), found[0].id, found[0].why.as_str()), (1, key_of_records, "a reason"));
}

#[tokio::test]
async fn a_worker_s_role_can_do_nothing_else() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(40, 10, 2)).await;
    let lease = stage.first_lease(&job).await;
    stage.commit(&job, &lease, &[segment(&stage.ranges(&job).await[0], lease.key)]).await;
    stage.sql().await.batch_execute("CREATE TABLE secrets (id bigint PRIMARY KEY, body text)").await.unwrap();
    let (url, ledger) = worker(&stage).await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let n = job.id;
    let forbidden = [
        "UPDATE vaultstream.keys SET public_key = 'x'".to_owned(),
        "UPDATE vaultstream.keys SET wrapped_key = 'x'".to_owned(),
        "UPDATE vaultstream.keys SET ordinal = 9".to_owned(),
        "UPDATE vaultstream.keys SET state = 'damaged'".to_owned(),
        "UPDATE vaultstream.keys SET damage = 'x'".to_owned(),
        "UPDATE vaultstream.keys SET state = 'revoked'".to_owned(),
        "UPDATE vaultstream.keys SET state = 'erased'".to_owned(),
        "UPDATE vaultstream.keys SET erased_at = now()".to_owned(),
        "SELECT * FROM vaultstream.data_keys".to_owned(),
        "UPDATE vaultstream.data_keys SET wrapped_key = 'x'".to_owned(),
        "DELETE FROM vaultstream.data_keys".to_owned(),
        "SELECT vaultstream.erase_keys(1)".to_owned(),
        "SELECT vaultstream.revoke_key(1, 'x', false)".to_owned(),
        "INSERT INTO vaultstream.keys (job_id, ordinal) VALUES (1, 99)".to_owned(),
        "DELETE FROM vaultstream.keys".to_owned(),
        "UPDATE vaultstream.jobs SET state = 'Complete'".to_owned(),
        "UPDATE vaultstream.jobs SET receipt = 'x'".to_owned(),
        "UPDATE vaultstream.jobs SET fault = 'x', fault_reason = 'x'".to_owned(),
        "UPDATE vaultstream.jobs SET withdrawn = '{}'".to_owned(),
        "DELETE FROM vaultstream.jobs".to_owned(),
        "INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned) VALUES (1, 99, 1, 2, 1)"
            .to_owned(),
        "UPDATE vaultstream.batches SET first_id = 0".to_owned(),
        "UPDATE vaultstream.batches SET last_id = 0".to_owned(),
        "DELETE FROM vaultstream.batches".to_owned(),
        "DELETE FROM vaultstream.rejects".to_owned(),
        "UPDATE vaultstream.rejects SET reason = 'x'".to_owned(),
        "UPDATE vaultstream.keks SET wraps = 0".to_owned(),
        "UPDATE vaultstream.keks SET canary = 'x'".to_owned(),
        "UPDATE vaultstream.meta SET least_program = 0".to_owned(),
        format!("UPDATE vaultstream.records_{n} SET payload = 'x'"),
        format!("DELETE FROM vaultstream.records_{n}"),
        format!("UPDATE vaultstream.signatures_{n} SET signature = 'x'"),
        format!("DELETE FROM vaultstream.signatures_{n}"),
        format!("DROP TABLE vaultstream.signatures_{n}"),
        "SELECT * FROM vaultstream.signatures".to_owned(),
        "CREATE TABLE vaultstream.mine (id int)".to_owned(),
        "SELECT * FROM public.secrets".to_owned(),
    ];
    for sql in &forbidden {
        let error = client.batch_execute(sql).await.expect_err(sql);
        assert_eq!(error.code().unwrap().code(), "42501", "{sql}: {error}");
    }
    // And the library says so in one sentence.
    let error = steps::provision(&ledger, stage.pending(generated(1, 1, 1)).await.id).await.unwrap_err();
    let StepError::Query(error) = error else { panic!("{error}") };
    assert_eq!(error.class(), Class::NoPermission);
    assert!(error.to_string().starts_with("no permission to provision the job: "), "{error}");
}

#[tokio::test]
async fn a_grant_to_the_login_of_the_workers_is_the_permission_to_sign_a_table() {
    let stage = Stage::new().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE ours (id bigint PRIMARY KEY, body text); INSERT INTO ours SELECT g, 'x' FROM generate_series(1, 20) g; \
         CREATE TABLE theirs (id bigint PRIMARY KEY, body text)",
    )
    .await
    .unwrap();
    let login = Login::of(&stage, "default").await;
    let (role, mut options) = (login.role.as_str(), options(&login.url));
    options.source.for_others = true;
    let worker = Ledger::connect(&options).await.unwrap();
    let owner = &stage.ledger;
    let job = stage.pending(of_table("ours", 10)).await;
    steps::provision(owner, job.id).await.unwrap();

    // Not granted and missing read the same, though the ledger's owner may do everything.
    let denied = seed_chunk_as(owner, &worker, job.id, 100).await.unwrap_err().to_string();
    assert_eq!(
        denied,
        format!(
            "spec.source.table: table public.ours does not exist or {role} may not read it: create it, or \
             GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT ON public.ours TO {role}"
        )
    );
    let absent = stage.pending(of_table("absent", 10)).await;
    steps::provision(owner, absent.id).await.unwrap();
    let missing = seed_chunk_as(owner, &worker, absent.id, 100).await.unwrap_err();
    let Unseeded::Table(TableError::Source(SourceError::NoTable(lacking))) = &missing else { panic!("{missing:?}") };
    assert_eq!(lacking.lack, Lack::AbsentOrDenied);
    assert_eq!(missing.to_string().replace("absent", "ours"), denied);
    // A name that is nearly right is only hinted at when the table may be read.
    let nearly = stage.pending(of_table("ourz", 10)).await;
    steps::provision(owner, nearly.id).await.unwrap();
    let hidden = seed_chunk_as(owner, &worker, nearly.id, 100).await.unwrap_err().to_string();
    assert_eq!(hidden.replace("ourz", "ours"), denied);

    // A grant on one of the two columns is not enough either; one on both is.
    sql.batch_execute(&format!("GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT (id) ON ours TO {role}"))
        .await
        .unwrap();
    let error = seed_chunk_as(owner, &worker, job.id, 100).await.unwrap_err();
    let Unseeded::Table(TableError::Source(SourceError::NoColumn { member: "payload", .. })) = error else {
        panic!("{error:?}")
    };
    sql.batch_execute(&format!("GRANT SELECT (body) ON ours TO {role}")).await.unwrap();
    assert!(matches!(seed_chunk_as(owner, &worker, job.id, 100).await.unwrap(), Step::Done(_)));
    let job = stage.job(job.id).await;
    let ranges = stage.ranges(&job).await;
    let mut rows = 0;
    payloads::read(&worker, &job, &ranges, |_, _, _| rows += 1).await.unwrap();
    assert_eq!(rows, 20);
    sql.batch_execute(&format!("REVOKE SELECT (id, body) ON ours FROM {role}")).await.unwrap();
    let error = payloads::read(&worker, &job, &ranges, |_, _, _| {}).await.unwrap_err();
    assert!(error.to_string().contains("the right to read it is gone"), "{error}");
}
