//! What a login of Postgres could try beside the ledger: to be another one, to read the server's files, to stop others' sessions.

use tokio_postgres::{Config, NoTls};

use crate::database::{Database, Forbidden};
use crate::report::Report;

/// Tries all of it against the login `role` and its job.
pub(crate) async fn statements(database: &Database, report: &mut Report, role: &str, job: i64) {
    let own = database.rows("SELECT session_user, pg_backend_pid()").await.concat();
    let [me, pid] = own.as_slice() else { unreachable!() };
    for sql in identity(role, me).into_iter().chain(files()).chain(schema()) {
        database.attempt(report, &sql, Forbidden::Success).await;
    }
    for sql in others(me, pid, job) {
        database.attempt(report, &sql, Forbidden::Rows).await;
    }
    let others = format!("SELECT pid FROM pg_stat_activity WHERE pid <> {pid} AND usename IS NOT NULL");
    for session in database.rows(&others).await.concat() {
        for sql in [format!("SELECT pg_terminate_backend({session})"), format!("SELECT pg_cancel_backend({session})")] {
            if is_mine(database, me, &session).await {
                report.own(sql);
            } else {
                // It may have ended meanwhile: then a warning, and false.
                database
                    .attempt(report, &format!("SELECT FROM (SELECT ({sql}) AS done) s WHERE done"), Forbidden::Rows)
                    .await;
            }
        }
    }
}

async fn is_mine(database: &Database, me: &str, session: &str) -> bool {
    let sql = format!("SELECT FROM pg_stat_activity WHERE pid = {session} AND usename IS DISTINCT FROM '{me}'");
    database.rows(&sql).await.is_empty()
}

/// To become another login.
fn identity(role: &str, me: &str) -> Vec<String> {
    let mut all = Vec::new();
    for other in [
        role,
        "vaultstream",
        "vaultstream_operator",
        "vaultstream_auditor",
        "vaultstream_source",
        "vaultstream_worker",
        "pg_read_all_data",
        "pg_signal_backend",
    ] {
        all.push(format!("SET ROLE \"{other}\""));
        all.push(format!("SET SESSION AUTHORIZATION \"{other}\""));
        all.push(format!("GRANT \"{other}\" TO \"{me}\""));
    }
    all.push(format!("ALTER ROLE \"{role}\" PASSWORD 'hostile'"));
    all.push(format!("ALTER ROLE \"{role}\" SET search_path = hostile"));
    all.push(format!("ALTER ROLE \"{me}\" SUPERUSER"));
    all.push(format!("ALTER ROLE \"{me}\" CREATEROLE"));
    all.push(format!("DROP ROLE \"{role}\""));
    all.push(format!("REASSIGN OWNED BY \"{role}\" TO \"{me}\""));
    all.push(format!("DROP OWNED BY \"{role}\""));
    all.push("CREATE ROLE hostile LOGIN".to_owned());
    all.push("SELECT rolpassword FROM pg_authid".to_owned());
    all.push("SET session_replication_role = replica".to_owned());
    all
}

/// The machine's files and programs, and the server's own data.
fn files() -> Vec<String> {
    [
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('/etc/passwd')",
        "SELECT pg_stat_file('/etc/passwd')",
        "SELECT pg_ls_dir('.')",
        "SELECT pg_ls_waldir()",
        "SELECT pg_ls_logdir()",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/hostile')",
        "SELECT data FROM pg_largeobject",
        "CREATE TEMP TABLE hostile (t text); COPY hostile FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/hostile'",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE TEMP TABLE hostile (t text); COPY hostile FROM PROGRAM 'true'",
        "SELECT pg_create_logical_replication_slot('hostile', 'pgoutput')",
        "SELECT pg_create_physical_replication_slot('hostile')",
        "SELECT pg_switch_wal()",
        "SELECT pg_reload_conf()",
        "SELECT pg_rotate_logfile()",
        "SELECT pg_backup_start('hostile')",
        "SELECT pg_stat_reset()",
        "ALTER SYSTEM SET vaultstream.hostile = 'x'",
        "SET log_statement = 'all'",
        "LOAD '/tmp/hostile.so'",
        "SELECT subconninfo FROM pg_subscription",
        "SELECT umoptions FROM pg_user_mapping",
    ]
    .map(str::to_owned)
    .into()
}

/// Objects beside or above the ledger's.
fn schema() -> Vec<String> {
    [
        "DROP SCHEMA vaultstream CASCADE",
        "ALTER SCHEMA vaultstream RENAME TO hostile",
        "CREATE TABLE vaultstream.hostile (x int)",
        "CREATE TABLE public.hostile (x int)",
        "CREATE SCHEMA hostile",
        "CREATE FUNCTION vaultstream.hostile() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION pg_temp.hostile() RETURNS int LANGUAGE c AS '/tmp/hostile', 'hostile'",
        "CREATE OR REPLACE FUNCTION vaultstream.works_on(p_job bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "ALTER FUNCTION vaultstream.works_on OWNER TO CURRENT_USER",
        "CREATE EXTENSION plperlu",
        "CREATE PUBLICATION hostile FOR ALL TABLES",
        "CREATE SUBSCRIPTION hostile CONNECTION 'host=127.0.0.1' PUBLICATION hostile WITH (connect = false)",
        "CREATE EVENT TRIGGER hostile ON ddl_command_start EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE STATISTICS hostile ON id, uid FROM vaultstream.jobs",
    ]
    .map(str::to_owned)
    .into()
}

/// What everybody may ask, and what must say nothing of others.
fn others(me: &str, pid: &str, job: i64) -> Vec<String> {
    vec![
        // The text of a statement has its values in it.
        format!(
            "SELECT query FROM pg_stat_activity WHERE usename <> '{me}' AND query NOT IN ('', '<insufficient privilege>')"
        ),
        format!("SELECT client_addr FROM pg_stat_activity WHERE usename <> '{me}' AND client_addr IS NOT NULL"),
        format!(
            "SELECT pg_stat_get_backend_activity(s.id) FROM pg_stat_get_backend_idset() AS s (id) \
                  WHERE pg_stat_get_backend_pid(s.id) <> {pid} AND pg_stat_get_backend_userid(s.id) <> (SELECT oid FROM pg_roles WHERE rolname = '{me}') \
                    AND pg_stat_get_backend_activity(s.id) NOT IN ('', '<insufficient privilege>')"
        ),
        // Statistics hold values of columns.
        format!(
            "SELECT most_common_vals FROM pg_stats WHERE schemaname = 'vaultstream' \
                AND tablename NOT IN ('meta', 'schema_history') AND (tablename !~ '_[0-9]+$' OR tablename ~ '_{job}$')"
        ),
        "SELECT FROM pg_prepared_xacts WHERE owner <> session_user".to_owned(),
        "SELECT lo_get(oid) FROM pg_largeobject_metadata".to_owned(),
    ]
}

/// What everybody may do: listen on a channel, and hold the numbers of advisory locks that could stop a job or a migration. The session
/// does both until the program ends.
pub(crate) async fn hold(database: &Database, report: &mut Report, job: i64) {
    for sql in [
        "LISTEN vaultstream".to_owned(),
        format!("SELECT pg_try_advisory_lock({job})"),
        format!("SELECT pg_try_advisory_lock((22099::bigint << 48) | {job})"),
        "SELECT pg_try_advisory_lock(x'56534d4947524154'::bigint)".to_owned(),
    ] {
        database.hold(&sql).await;
        report.nothing(sql);
    }
}

/// Logs in as the other tenant with the own password, where the server asks for one.
pub(crate) async fn login_as(config: &Config, report: &mut Report, role: &str) {
    let mut wrong = config.clone();
    wrong.password("wrong");
    let mut other = config.clone();
    other.user(role);
    let what = format!("log in as {role} with the own password");
    if wrong.connect(NoTls).await.is_ok() {
        report.skipped(what, "the server asks for no password");
    } else if other.connect(NoTls).await.is_ok() {
        report.found(what, "it succeeded");
    } else {
        report.refused(what, "the password");
    }
}
