//! Behind a real pgbouncer: session pooling serves, and behind any other pooling nothing is done and nothing is left.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use vaultstream_ledger::commit::Committed;
use vaultstream_ledger::{ConnectError, ErrorKind, Ledger};

use crate::stage::{MINUTE, Stage, generated, options, segment, skipped, socket_of};

struct Pooler {
    process: Child,
    url: String,
    _dir: TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn program() -> Option<&'static str> {
    let found = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
        .into_iter()
        .find(|path| fs::metadata(path).is_ok());
    if found.is_none() {
        skipped("a test of poolers: pgbouncer is not installed");
    }
    found
}

/// A pgbouncer before the stage's server, with more lines of configuration.
async fn pooler(program: &str, stage: &Stage, mode: &str, more: &str) -> Pooler {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let socket = socket_of(&stage.url);
    let owner = fs::metadata(&socket).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (user, database) = (user_of(&stage.url), stage.url.rsplit('/').next().unwrap());
    let folder = socket.rsplit_once('/').unwrap().0;
    let config = format!(
        "[databases]\n* = host={folder} port=5432 user={user}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = any\npool_mode = {mode}\n{more}\n"
    );
    let file = dir.path().join("pgbouncer.ini");
    fs::write(&file, config).unwrap();
    let mut command = Command::new(program);
    command.arg("-q").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
    // It refuses to run as root.
    if owner.uid() != rustix::process::geteuid().as_raw() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let process = command.spawn().unwrap();
    let pooler = Pooler { process, url: format!("postgresql://{user}@127.0.0.1:{port}/{database}"), _dir: dir };
    for _ in 0..200 {
        if tokio_postgres::connect(&pooler.url, NoTls).await.is_ok() {
            return pooler;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("pgbouncer does not answer");
}

fn user_of(url: &str) -> &str {
    url.split_once("://").unwrap().1.split_once('@').unwrap().0
}

async fn client_of(pooler: &Pooler) -> Client {
    let (client, connection) = tokio_postgres::connect(&pooler.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// What was set in the session that another client of the pooler gets, and locks and statements in it.
async fn left_behind(client: &Client) -> Vec<String> {
    let answer = client
        .simple_query(
            "SELECT name || '=' || setting FROM pg_settings WHERE source = 'session' \
             AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'standard_conforming_strings') \
             UNION ALL SELECT 'statement ' || statement FROM pg_prepared_statements \
             UNION ALL SELECT 'lock ' || objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
        )
        .await
        .unwrap();
    let rows = answer.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_shares_sessions_is_refused_before_anything_is_changed() {
    let Some(program) = program() else { return };
    let stage = Stage::empty().await;
    for (mode, more, busy) in [
        ("transaction", "", 0),
        ("transaction", "ignore_startup_parameters = options,extra_float_digits", 0),
        ("transaction", "server_round_robin = 1", 3),
        ("transaction", "", 3),
        ("statement", "", 0),
    ] {
        let pooler = pooler(program, &stage, mode, more).await;
        let app = client_of(&pooler).await;
        let mut others = Vec::new();
        for _ in 0..busy {
            let other = client_of(&pooler).await;
            others
                .push(tokio::spawn(async move { while other.simple_query("SELECT pg_sleep(0.002)").await.is_ok() {} }));
        }
        let error = Ledger::connect(&options(&pooler.url)).await.expect_err(mode);
        assert!(matches!(error, ConnectError::SharedSessions { .. }), "{mode} {more}: {error:?}");
        assert_eq!(error.kind(), ErrorKind::Refused);
        let told = error.to_string();
        assert!(told.contains("use session pooling, or the direct URL"), "{told}");
        for _ in 0..5 {
            assert_eq!(left_behind(&app).await, Vec::<String>::new(), "{mode} {more}");
        }
        others.iter().for_each(tokio::task::JoinHandle::abort);
    }
    assert_eq!(stage.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'vaultstream'").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn session_pooling_serves_and_hands_clean_sessions_on() {
    let Some(program) = program() else { return };
    let empty = Stage::empty().await;
    let pooler = pooler(program, &empty, "session", "default_pool_size = 8").await;
    let stage = Stage { url: empty.url.clone(), ledger: Ledger::connect(&options(&pooler.url)).await.unwrap() };
    stage.ledger.migrate().await.unwrap();
    let job = stage.signing(generated(40, 10, 1)).await;
    let lease = stage.lease(&job, stage.keys(&job).await[0], MINUTE).await;
    let unit: Vec<_> = stage.ranges(&job).await.iter().map(|range| segment(range, lease.key)).collect();
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    assert_eq!(stage.stored(&job).await, 40);
    drop(stage);
    drop(empty);
    for _ in 0..8 {
        let app = client_of(&pooler).await;
        assert_eq!(left_behind(&app).await, Vec::<String>::new());
    }
}
