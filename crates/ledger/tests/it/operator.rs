//! The operator's own login: it is enough for the whole life of a job, it reads no payload and no wrapped key, and it signs nothing.

use tokio_postgres::Client;
use uuid::Uuid;
use vaultstream_api::{DeletionPolicy, Reason, Retention, SigningJobSpec};
use vaultstream_ledger::commit::{self, Committed, Reject};
use vaultstream_ledger::leases::{self, LeaseOutcome, Stored};
use vaultstream_ledger::limits::{Allowance, LedgerLimits};
use vaultstream_ledger::logins::{self, LoginError, Ownership, ProgramKind};
use vaultstream_ledger::steps::{self, Deleted, Finish, ReceiptStored, Seeding, Step};
use vaultstream_ledger::tenants::{self, TenantError};
use vaultstream_ledger::{
    BatchRange, Job, JobState, Lease, Ledger, NewJob, active_jobs, data_keys, jobs, payloads, progress, rejects, verify,
};

use crate::contents::contents;
use crate::isolation::attacks;
use crate::stage::{MINUTE, Stage, generated, material, of_table, options, seed_chunk_as, segment, segment_of, url_as};
use crate::tenants::{Login, victim};

const DELETE: DeletionPolicy = DeletionPolicy { signatures: Retention::Delete, records: Retention::Delete };

impl Login {
    /// Makes a login for an operator.
    pub(crate) async fn operator(stage: &Stage) -> Self {
        let role = format!("operator_{:x}", Uuid::new_v4().as_u128());
        tenants::add_operator(&stage.ledger, &role, "secret").await.unwrap();
        Self { url: url_as(&stage.url, &role), role }
    }
}

/// A job that signs, made by this login; a table is planned by a worker's.
async fn signing(operator: &Ledger, worker: &Ledger, spec: SigningJobSpec) -> Job {
    let uid = Uuid::new_v4();
    let (cluster, namespace, name) = ("test".to_owned(), "default".to_owned(), format!("job-{uid}"));
    let new = NewJob { uid, cluster, namespace, name, spec, generation: 1 };
    let job = jobs::ensure(operator, &new).await.unwrap().job;
    let changed = NewJob { generation: 2, ..new };
    assert_eq!(jobs::ensure(operator, &changed).await.unwrap().job.spec_generation, 2);
    // The limits are counted under a lock of the whole table.
    let limited = operator.with_limits(LedgerLimits {
        tenant: Allowance { jobs: Some(9), ..Allowance::default() },
        ..LedgerLimits::default()
    });
    for _ in 0..2 {
        assert_eq!(steps::provision(&limited, job.id).await.unwrap(), Step::Done(()));
    }
    while let Step::Done(Seeding::More { .. }) = seed_chunk_as(&limited, worker, job.id, 15).await.unwrap() {}
    jobs::by_id(operator, job.id).await.unwrap().unwrap()
}

/// What a worker with this login does: one batch is rejected whole, the others are signed.
async fn sign_but_for_the_first_batch(worker: &Ledger, operator: &Ledger, job: &Job) -> Lease {
    worker.insert_kek_canary("kek", b"canary").await.unwrap();
    data_keys::store(worker, job.id, b"wrapped data key", "kek").await.unwrap();
    let key = leases::active_keys(operator, job.id).await.unwrap()[0].id;
    let LeaseOutcome::Granted(lease) = leases::take(worker, job.id, key, MINUTE).await.unwrap() else { panic!() };
    assert_eq!(leases::store_material(worker, &lease, &material("public"), None).await.unwrap(), Stored::Stored);
    let ranges = steps::next_to_publish(operator, job.id, 0, 100).await.unwrap();
    let mut rows = 0;
    payloads::read(worker, job, &ranges, |_, _, _| rows += 1).await.unwrap();
    assert_eq!(rows, 40);
    // The first range of a table begins at the least of all numbers.
    let ids = |range: &BatchRange| (range.first.max(1)..=range.last).collect::<Vec<_>>();
    let mut unit: Vec<_> = ranges.iter().map(|range| segment_of(range, key, &ids(range))).collect();
    unit[0] = segment_of(&ranges[0], key, &[]);
    (unit[0].rows, unit[0].rejected) = (10, 10);
    let reject = |id| Reject { id, reason: "Null".into(), detail: String::new(), attempts: 0 };
    unit[0].rejects = (1..=10).map(reject).collect();
    assert_eq!(commit::unit(worker, job.id, &lease, &unit, false).await.unwrap(), Committed::Done);
    lease
}

#[tokio::test]
async fn a_job_lives_from_beginning_to_end_by_the_logins_of_operator_tenant_and_auditor() {
    let stage = Stage::new().await;
    let operator = Login::operator(&stage).await.ledger().await;
    let worker = Login::of(&stage, "default").await.ledger().await;
    logins::check_driver(&operator).await.unwrap();
    let job = signing(&operator, &worker, generated(40, 10, 2)).await;
    assert_eq!(steps::raise_generation(&operator, job.id).await.unwrap(), Step::Done(1));
    let lease = sign_but_for_the_first_batch(&worker, &operator, &job).await;
    assert_eq!(steps::mark_published(&operator, job.id, 1, 4).await.unwrap(), 4);
    assert_eq!(active_jobs(&operator, "test").await.unwrap().len(), 1);
    assert_eq!(rejects(&operator, &job, None, 100).await.unwrap().len(), 10);

    assert_eq!(steps::retry_rejects(&operator, job.id).await.unwrap(), Step::Done(10));
    let open = steps::unsigned_published(&operator, job.id).await.unwrap();
    let unit = [segment(&open[0], lease.key)];
    assert_eq!(commit::unit(&worker, job.id, &lease, &unit, true).await.unwrap(), Committed::Done);
    assert_eq!(steps::insert_missing_key_versions(&operator, job.id).await.unwrap(), Step::Done(Vec::new()));
    assert_eq!(steps::begin_finish(&operator, job.id).await.unwrap(), Step::Done(Finish::Ready));
    let key = steps::receipt_key(&worker, job.id).await.unwrap().unwrap();
    let LeaseOutcome::Granted(lease) = leases::take(&worker, job.id, key, MINUTE).await.unwrap() else { panic!() };
    leases::store_material(&worker, &lease, &material("receipt key"), None).await.unwrap();
    let stored = steps::store_receipt(&worker, &lease, "receipt", &[1; 32], "native").await.unwrap();
    assert_eq!(stored, ReceiptStored::Stored);
    assert_eq!(steps::complete(&operator, job.id).await.unwrap(), Step::Done(()));
    let wrapped = "SELECT count(*) FROM vaultstream.keys WHERE wrapped_key IS NOT NULL";
    assert_eq!(stage.number(wrapped).await, 0, "the end erases them, whichever login it comes from");
    assert_eq!(progress(&operator, job.id).await.unwrap().unwrap().signed, 40);

    let role = format!("auditor_{:x}", Uuid::new_v4().as_u128());
    tenants::add_auditor(&stage.ledger, &role, "secret").await.unwrap();
    let auditor = Ledger::connect(&options(&url_as(&stage.url, &role))).await.unwrap();
    for reader in [&auditor, &worker] {
        let job = jobs::by_id(reader, job.id).await.unwrap().unwrap();
        assert_eq!(verify::completeness(reader, &job, 10).await.unwrap(), []);
    }
    while steps::delete(&operator, job.id, &DELETE).await.unwrap() != Step::Done(Deleted::Done) {}
    assert!(jobs::by_id(&operator, job.id).await.unwrap().is_none());
    let left = "SELECT count(*) FROM pg_class WHERE relname ~ '^(records|signatures)_[0-9]+$'";
    assert_eq!(stage.number(left).await, 0);
}

/// The operator sees how far the plan is, and reads nothing of the table.
#[tokio::test]
async fn a_table_that_the_operator_may_not_read_is_planned_by_its_tenant_and_the_job_goes_on() {
    let stage = Stage::new().await;
    let operator = Login::operator(&stage).await.ledger().await;
    let tenant = Login::of(&stage, "default").await;
    let table = format!(
        "CREATE TABLE letters (id bigint PRIMARY KEY, body text); INSERT INTO letters SELECT g, 'x' FROM generate_series(1, 40) g; \
         GRANT SELECT ON letters TO {}",
        tenant.role
    );
    stage.sql().await.batch_execute(&table).await.unwrap();
    let worker = tenant.ledger().await;
    let job = signing(&operator, &worker, of_table("letters", 10)).await;
    assert_eq!((job.state, job.total, job.batches), (JobState::Signing, Some(40), Some(4)));
    sign_but_for_the_first_batch(&worker, &operator, &job).await;
    assert_eq!(steps::retry_rejects(&operator, job.id).await.unwrap(), Step::Done(10));
    while steps::delete(&operator, job.id, &DELETE).await.unwrap() != Step::Done(Deleted::Done) {}
}

#[tokio::test]
async fn the_operator_ends_jobs_and_frozen_sessions_of_tenants() {
    let stage = Stage::new().await;
    let operator = Login::operator(&stage).await.ledger().await;
    let tenant = Login::of(&stage, "default").await;
    let (job, lease) = victim(&stage).await;
    let frozen = tenant.sql().await;
    frozen.batch_execute(&format!("SET application_name = 'vs:{}'; BEGIN; SELECT 1", lease.id)).await.unwrap();
    assert_eq!(leases::end_expired(&operator, job.id).await.unwrap(), 0, "its lease holds");
    let expire = format!(
        "UPDATE vaultstream.keys SET lease_until = clock_timestamp() - interval '1 s' WHERE id = {}",
        lease.key
    );
    stage.sql().await.batch_execute(&expire).await.unwrap();
    assert_eq!(leases::end_expired(&operator, job.id).await.unwrap(), 1);
    assert!(frozen.query("SELECT 1", &[]).await.is_err());
    assert_eq!(steps::fail(&operator, job.id, Reason::TooManyRejects, "why").await.unwrap(), Step::Done(()));
}

/// The functions that the operator may call. Anything else is one too many.
const FUNCTIONS: [&str; 11] = [
    "close_partitions",
    "complete_records",
    "complete_signatures",
    "driver_holds",
    "drives_jobs",
    "drop_partition",
    "end_expired",
    "lock_keys",
    "provision",
    "retry_rejects",
    "sees_all",
];

/// What the login may do that no operator may.
const EXCESSES: &str = "
    WITH columns AS (
        SELECT c.oid, c.relname::text AS name, a.attnum, a.attname::text AS part
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped AND a.attnum > 0
         WHERE c.relnamespace = 'vaultstream'::regnamespace AND c.relkind IN ('r', 'p', 'v'))
    SELECT 'SELECT of ' || name || '.' || part FROM columns
     WHERE (name ~ '^(records|signatures|keks|data_keys)' OR part IN ('wrapped_key', 'canary', 'holder'))
       AND has_column_privilege($1, oid, attnum, 'SELECT')
    UNION ALL
    SELECT 'writes ' || name || '.' || part FROM columns
     WHERE (name ~ '^(signatures|keks|data_keys|tenants|meta|schema_history)'
            OR part IN ('public_key', 'wrapped_key', 'kek_id', 'holder', 'epoch', 'lease_until', 'receipt', 'merkle_root', 'backend',
                        'backends', 'signed', 'rejected', 'key_id', 'lease', 'fault', 'fault_reason', 'withdrawn'))
       AND has_column_privilege($1, oid, attnum, 'INSERT, UPDATE')
    UNION ALL
    SELECT privilege || ' of ' || relname FROM pg_class, unnest('{DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS privilege
     WHERE relnamespace = 'vaultstream'::regnamespace AND relkind IN ('r', 'p', 'v') AND has_table_privilege($1, oid, privilege)
       AND NOT (privilege = 'DELETE' AND relname IN ('jobs', 'keys', 'batches', 'rejects'))
    UNION ALL
    SELECT 'sequence ' || relname FROM pg_class WHERE relnamespace = 'vaultstream'::regnamespace
       AND CASE WHEN relkind = 'S' THEN has_sequence_privilege($1, oid, 'USAGE, SELECT, UPDATE') ELSE false END
    UNION ALL
    SELECT 'CREATE in the schema' WHERE has_schema_privilege($1, 'vaultstream', 'CREATE')
    UNION ALL
    SELECT 'may replace ' || proname FROM pg_proc
     WHERE pronamespace = 'vaultstream'::regnamespace AND pg_has_role($1, proowner, 'MEMBER')
    UNION ALL
    SELECT 'owns ' || relname FROM pg_class
     WHERE relnamespace = 'vaultstream'::regnamespace AND pg_has_role($1, relowner, 'MEMBER')
    UNION ALL
    SELECT 'member of ' || rolname FROM pg_roles WHERE pg_has_role($1, oid, 'MEMBER')
       AND rolname NOT IN ($1::text, 'vaultstream_operator')";

/// Everything that the operator's login can do beyond its work.
async fn findings(stage: &Stage, operator: &Login, job: &Job, lease: &Lease) -> Vec<String> {
    let (owner, sql) = (stage.sql().await, operator.sql().await);
    let texts = async |query: &str| -> Vec<String> {
        owner.query(query, &[&operator.role]).await.unwrap().iter().map(|row| row.get(0)).collect()
    };
    let mut found = texts(EXCESSES).await;
    let callable = "SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'vaultstream'::regnamespace \
         AND has_function_privilege($1, oid, 'EXECUTE')";
    let callable = texts(callable).await.into_iter().filter(|name| !FUNCTIONS.contains(&name.as_str()));
    found.extend(callable.map(|name| format!("may call {name}")));
    let n = job.id;
    let mut statements = vec![
        format!("SELECT payload FROM vaultstream.records_{n}"),
        "SELECT payload FROM vaultstream.records".to_owned(),
        format!("UPDATE vaultstream.records_{n} SET payload = 'x'"),
        format!("INSERT INTO vaultstream.records_{n} (id, payload) VALUES (4711, 'x')"),
        format!("SELECT signature FROM vaultstream.signatures_{n}"),
        format!(
            "INSERT INTO vaultstream.signatures_{n} (record_id, key_id, signature) VALUES (11, {}, 's')",
            lease.key
        ),
        "SELECT wrapped_key FROM vaultstream.keys".to_owned(),
        "SELECT wrapped_key FROM vaultstream.data_keys".to_owned(),
        "CREATE FUNCTION vaultstream.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'".to_owned(),
        "CREATE OR REPLACE FUNCTION vaultstream.drives_jobs() RETURNS boolean LANGUAGE sql AS 'SELECT true'".to_owned(),
        format!("UPDATE vaultstream.jobs SET receipt = 'x' WHERE id = {n}"),
        "SELECT vaultstream.erase_keys(1)".to_owned(),
        "SELECT vaultstream.revoke_key(1, 'x', false)".to_owned(),
        "SET SESSION AUTHORIZATION vaultstream".to_owned(),
    ];
    let calls = attacks(job, lease).into_iter().filter(|(name, _)| !FUNCTIONS.contains(name));
    statements.extend(calls.flat_map(|(_, calls)| calls));
    let before = contents(&owner).await;
    for statement in statements {
        match sql.query(&statement, &[]).await {
            Ok(rows) if !rows.is_empty() => found.push(format!("{} rows: {statement}", rows.len())),
            _ => {}
        }
        if contents(&owner).await != before {
            found.push(format!("changed the ledger: {statement}"));
            break;
        }
    }
    found
}

#[tokio::test]
async fn the_operator_reads_no_payload_and_no_wrapped_key_and_signs_nothing() {
    let stage = Stage::new().await;
    let (job, lease) = victim(&stage).await;
    let operator = Login::operator(&stage).await;
    let found = findings(&stage, &operator, &job, &lease).await;
    assert!(found.is_empty(), "{found:#?}");
    // While it seeds it inserts payloads, and reads none of them all the same.
    let seeding = stage.pending(generated(40, 10, 1)).await;
    assert_eq!(steps::provision(&operator.ledger().await, seeding.id).await.unwrap(), Step::Done(()));
    let found = findings(&stage, &operator, &job, &lease).await;
    assert!(found.is_empty(), "{found:#?}");
    // The others may not do its work.
    for login in [Login::of(&stage, "default").await, auditor(&stage).await] {
        refused_all(&login.sql().await, &job).await;
    }
}

async fn auditor(stage: &Stage) -> Login {
    let role = format!("auditor_{:x}", Uuid::new_v4().as_u128());
    tenants::add_auditor(&stage.ledger, &role, "secret").await.unwrap();
    Login { url: url_as(&stage.url, &role), role }
}

/// What only logins that drive jobs may do.
async fn refused_all(sql: &Client, job: &Job) {
    let n = job.id;
    for call in [
        format!("provision({n}, 1, true)"),
        format!("complete_records({n})"),
        format!("complete_signatures({n})"),
        format!("close_partitions({n})"),
        format!("drop_partition({n}, true)"),
        format!("lock_keys({n})"),
        format!("retry_rejects({n})"),
        format!("grant_partition('vaultstream.records_{n}', true)"),
    ] {
        let error = sql.query(&format!("SELECT vaultstream.{call}"), &[]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{call}: {error}");
    }
}

/// Each of these is one protection less, which the test above has to find.
#[tokio::test]
async fn a_right_too_many_of_the_operator_is_found() {
    for planted in [
        "GRANT SELECT ON vaultstream.records_1 TO vaultstream_operator",
        "GRANT SELECT (wrapped_key) ON vaultstream.keys TO vaultstream_operator",
        "GRANT INSERT ON vaultstream.signatures_1 TO vaultstream_operator",
        "GRANT UPDATE (receipt) ON vaultstream.jobs TO vaultstream_operator",
        "GRANT EXECUTE ON FUNCTION vaultstream.lease_key TO vaultstream_operator",
        "GRANT CREATE ON SCHEMA vaultstream TO vaultstream_operator",
        "ALTER FUNCTION vaultstream.drives_jobs OWNER TO vaultstream_operator",
    ] {
        let stage = Stage::new().await;
        let (job, lease) = victim(&stage).await;
        let operator = Login::operator(&stage).await;
        stage.sql().await.batch_execute(planted).await.unwrap();
        assert_ne!(findings(&stage, &operator, &job, &lease).await, Vec::<String>::new(), "{planted}");
    }
}

/// A right to call a function by mistake is none: each checks who calls it.
#[tokio::test]
async fn functions_that_drive_jobs_check_the_login_even_if_it_may_call_them() {
    let stage = Stage::new().await;
    let (job, _) = victim(&stage).await;
    let tenant = Login::of(&stage, "default").await;
    let all = "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA vaultstream TO vaultstream_tenant";
    stage.sql().await.batch_execute(all).await.unwrap();
    let sql = tenant.sql().await;
    refused_all(&sql, &job).await;
}

#[tokio::test]
async fn logins_that_may_too_much_or_too_little_are_refused_with_what_mends_it() {
    let stage = Stage::new().await;
    let unique = Uuid::new_v4().as_u128();
    let (member, stranger) = (format!("member_{unique:x}"), format!("stranger_{unique:x}"));
    let sql = stage.sql().await;
    sql.batch_execute(&format!(
        "CREATE ROLE owner_{unique:x}; CREATE ROLE {member} LOGIN; CREATE ROLE {stranger} LOGIN; \
         GRANT owner_{unique:x} TO {member}; ALTER SCHEMA vaultstream OWNER TO owner_{unique:x}"
    ))
    .await
    .unwrap();
    let connect = async |role: &str| Ledger::connect(&options(&url_as(&stage.url, role))).await.unwrap();
    for (ledger, power) in [(stage.ledger.clone(), "is a superuser"), (connect(&member).await, "owns the ledger")] {
        for (program, remedy) in [
            (ProgramKind::Operator, "`vaultstream tenant operator NAMESPACE`"),
            (ProgramKind::Worker, "`vaultstream tenant add NAMESPACE`"),
        ] {
            let refused = logins::check_ownership(&ledger, program, false).await.unwrap_err();
            assert!(matches!(refused, LoginError::Owner { .. }), "{refused}");
            let told = refused.to_string();
            assert!(told.contains(power) && told.contains(remedy) && told.contains("--allow-owner"), "{told}");
        }
        let allowed = logins::check_ownership(&ledger, ProgramKind::Operator, true).await.unwrap();
        assert_eq!(allowed, Ownership::Owner);
    }
    let ledger = connect(&stranger).await;
    assert_eq!(logins::check_ownership(&ledger, ProgramKind::Operator, false).await.unwrap(), Ownership::None);
    let told = logins::check_driver(&ledger).await.unwrap_err().to_string();
    let grant = format!("GRANT vaultstream_operator TO {stranger};");
    assert!(told.ends_with(&grant), "{told}");
    // Doing as told helps.
    sql.batch_execute(&grant).await.unwrap();
    logins::check_driver(&ledger).await.unwrap();
    ledger.check_version().await.unwrap();
}

#[tokio::test]
async fn the_operator_s_login_is_made_once_and_is_nothing_else() {
    let stage = Stage::new().await;
    let operator = Login::operator(&stage).await;
    // A repeat gives it another password.
    tenants::add_operator(&stage.ledger, &operator.role, "another").await.unwrap();
    for role in ["vaultstream", Login::of(&stage, "default").await.role.as_str(), auditor(&stage).await.role.as_str()] {
        let taken = tenants::add_operator(&stage.ledger, role, "secret").await.unwrap_err();
        assert!(matches!(taken, TenantError::RoleTaken { .. }), "{role}: {taken}");
    }
    // It makes no logins and migrates nothing.
    let denied = tenants::add_operator(&operator.ledger().await, "vs_another", "secret").await.unwrap_err();
    assert!(matches!(denied, TenantError::NotAllowed { .. }), "{denied}");
}

/// What a program before V16 leaves when it is stopped in the middle of DETACH … CONCURRENTLY.
#[tokio::test]
async fn a_detachment_that_an_earlier_version_began_stops_no_deletion() {
    let stage = Stage::new().await;
    let operator = Login::operator(&stage).await.ledger().await;
    let (first, second) = (stage.signing(generated(10, 10, 1)).await, stage.signing(generated(10, 10, 1)).await);
    let reader = stage.sql().await;
    let read =
        format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM vaultstream.signatures_{}", first.id);
    reader.batch_execute(&read).await.unwrap();
    let earlier = stage.sql().await;
    earlier.batch_execute("SET statement_timeout = '300ms'").await.unwrap();
    let detach =
        format!("ALTER TABLE vaultstream.signatures DETACH PARTITION vaultstream.signatures_{} CONCURRENTLY", first.id);
    earlier.batch_execute(&detach).await.unwrap_err();
    let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
    assert_eq!(stage.number(pending).await, 1, "this test shows nothing");
    reader.batch_execute("COMMIT").await.unwrap();
    for job in [second, first] {
        while steps::delete(&operator, job.id, &DELETE).await.unwrap() != Step::Done(Deleted::Done) {}
    }
    assert_eq!(stage.number("SELECT count(*) FROM pg_class WHERE relname ~ '^signatures_[0-9]+$'").await, 0);
}
