//! What the server and the way to it answer, and what is to be done about it. Pins what the driver's errors look like.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vaultstream_ledger::{Class, ConnectError, ErrorKind, Ledger, class};

use crate::stage::{Stage, options, url_as};

/// Listens, reads what a client says first, answers this and hangs up; answers its port.
async fn answering(answer: &[u8]) -> u16 {
    let answer = answer.to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut said = [0; 1024];
            let _ = client.read(&mut said).await;
            let _ = client.write_all(&answer).await;
            let _ = client.shutdown().await;
            // Until the client is gone: a reset would take the answer with it.
            while client.read(&mut said).await.is_ok_and(|read| read > 0) {}
        }
    });
    port
}

/// A server's report that ends a connection.
fn report(code: &str, sentence: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{sentence}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
    [b"E".as_slice(), &length, fields.as_bytes()].concat()
}

async fn connecting(url: &str) -> ConnectError {
    let mut options = options(url);
    options.patience = Duration::from_millis(100);
    Ledger::connect(&options).await.unwrap_err()
}

#[tokio::test]
async fn what_stands_in_the_way_to_the_server_passes_or_is_refused() {
    // Without a word, with a word of a server that starts, and with one that has no room for another client.
    let silent = answering(b"").await;
    let starting = answering(&report("57P03", "the database system is starting up")).await;
    let full = answering(&report("53300", "sorry, too many clients already")).await;
    for port in [1, silent, starting, full] {
        let error = connecting(&format!("postgres://me:secret@127.0.0.1:{port}/db?sslmode=disable")).await;
        assert_eq!(error.kind(), ErrorKind::Transient, "{port}: {error:?}");
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    }
    // A password or a kind of login that we do not have; a server without TLS; a pooler that says no.
    let password = answering(b"R\0\0\0\x08\0\0\0\x03").await;
    let gss = answering(b"R\0\0\0\x08\0\0\0\x07").await;
    let sasl = answering(b"R\0\0\0\x0f\0\0\0\x0aOTHER\0\0").await;
    let pooler = answering(&report("08P01", "unsupported startup parameter: options")).await;
    for port in [password, gss, sasl, pooler] {
        let error = connecting(&format!("postgres://me@127.0.0.1:{port}/db?sslmode=disable")).await;
        assert_eq!(error.kind(), ErrorKind::Refused, "{port}: {error:?}");
    }
    let told = connecting(&format!("postgres://me@127.0.0.1:{password}/db?sslmode=disable")).await.to_string();
    assert!(told.ends_with("it asks for a password, and neither the URL nor PGPASSWORD has one"), "{told}");
    let plain = answering(b"N").await;
    let error = connecting(&format!("postgres://me@127.0.0.1:{plain}/db?sslmode=require")).await;
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
}

#[tokio::test]
async fn what_the_server_answers_to_a_request_has_a_class() {
    let stage = Stage::empty().await;
    let sql = stage.sql().await;
    sql.batch_execute(
        "CREATE TABLE t (id int UNIQUE); INSERT INTO t VALUES (1); DO $$ BEGIN CREATE ROLE poor; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$",
    )
    .await
    .unwrap();
    for (expected, statement) in [
        (Class::CutOff, "SET statement_timeout = '10ms'; SELECT pg_sleep(60)"),
        (Class::ReadOnly, "BEGIN READ ONLY; INSERT INTO t VALUES (2)"),
        (Class::Contention, "SET lock_timeout = '10ms'; LOCK t"),
        (Class::NoPermission, "SET ROLE poor; SELECT * FROM t"),
        (Class::Other, "INSERT INTO t VALUES (1)"),
        (Class::Other, "nonsense"),
        (Class::Other, "SELECT '\0'"),
        (Class::Unreachable, "SELECT pg_terminate_backend(pg_backend_pid())"),
    ] {
        let holder = stage.sql().await;
        if expected == Class::Contention {
            holder.batch_execute("BEGIN; LOCK t").await.unwrap();
        }
        let client = stage.sql().await;
        let error = client.batch_execute(statement).await.unwrap_err();
        assert_eq!(class(&error), Some(expected), "{statement}: {error:?}");
    }
    let client = stage.sql().await;
    let mistaken = client.query("SELECT $1::int", &[&"text"]).await.unwrap_err();
    assert_eq!(class(&mistaken), Some(Class::Other), "{mistaken:?}");
    let row = client.query_one("SELECT 1::int", &[]).await.unwrap();
    assert_eq!(class(&row.try_get::<_, String>(0).unwrap_err()), Some(Class::Other));
    // The connection is gone before the request, not with it.
    client.batch_execute("SELECT pg_terminate_backend(pg_backend_pid())").await.unwrap_err();
    let late = client.query("SELECT 1", &[]).await.unwrap_err();
    assert_eq!(class(&late), Some(Class::Unreachable), "{late:?}");

    let database = stage.url.rsplit('/').next().unwrap();
    let missing = connecting(&stage.url.replace(database, "not_there")).await;
    let unknown = connecting(&url_as(&stage.url, "nobody_at_all")).await;
    for error in [missing, unknown] {
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    }
}

/// "tuple concurrently updated" has the number of an internal error; only the place in the source that raised it tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_change_the_same_grants_are_in_each_other_s_way_and_nothing_more() {
    let stage = Stage::empty().await;
    let (first, second) = (stage.sql().await, stage.sql().await);
    first.batch_execute("CREATE TABLE t (id int)").await.unwrap();
    first.batch_execute("BEGIN; GRANT SELECT ON t TO PUBLIC").await.unwrap();
    let second = tokio::spawn(async move { second.batch_execute("GRANT UPDATE ON t TO PUBLIC").await });
    loop {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'GRANT UPDATE%'";
        if stage.number(waiting).await > 0 || second.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.batch_execute("COMMIT").await.unwrap();
    let error = second.await.unwrap().unwrap_err();
    assert_eq!(class(&error), Some(Class::Contention), "{error:?}");
}
