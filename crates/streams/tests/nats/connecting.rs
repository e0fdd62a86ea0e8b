use crate::plain::{Authority, Plain, Scratch};
use crate::server::{LONG, Server, chain};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use vaultstream_streams::{ConnectError, ConnectOptions, Streams};

async fn refused(options: &ConnectOptions) -> ConnectError {
    match Streams::connect(options).await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused_at_once() {
    let server = Server::start();
    let right = server.servers.nats_url();
    let host = right.rsplit('@').next().unwrap();
    for url in [format!("nats://wr0ng@{host}"), format!("nats://{host}"), format!("nats://user:wr0ng@{host}")] {
        let begun = Instant::now();
        let error = refused(&ConnectOptions { url, patience: LONG, ..ConnectOptions::default() }).await;
        assert!(matches!(error, ConnectError::Refused(_)), "{error:?}");
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!(error.to_string().contains("check the token"));
        assert!(!format!("{} {error:?}", chain(&error)).contains("wr0ng"));
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_waited_for_no_longer_than_told() {
    let server = Server::start();
    server.servers.stop_nats();
    for patience in [Duration::ZERO, Duration::from_millis(1_500)] {
        let begun = Instant::now();
        let error = refused(&ConnectOptions { patience, ..server.options() }).await;
        assert!(matches!(error, ConnectError::Unreachable { patience: told, .. } if told == patience), "{error:?}");
        assert!(begun.elapsed() < patience + Duration::from_secs(2), "{:?}", begun.elapsed());
        assert!(chain(&error).contains("refused"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn a_server_that_comes_up_in_time_is_reached() {
    let server = Server::start();
    server.servers.stop_nats();
    let options = ConnectOptions { patience: LONG, ..server.options() };
    let connecting = tokio::spawn(async move { Streams::connect(&options).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!connecting.is_finished());
    server.servers.start_nats().unwrap();
    timeout(Duration::from_secs(10), connecting).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_reconnect_is_signalled_and_the_first_connection_is_not() {
    let server = Server::start();
    let streams = server.streams().await;
    let mut link = streams.connection();
    assert!(link.now().up);
    assert!(timeout(Duration::from_millis(300), link.reconnected()).await.is_err());
    for _ in 0..2 {
        server.servers.kill_nats();
        crate::server::eventually("the loss is noticed", async || !streams.connection().now().up).await;
        server.servers.start_nats().unwrap();
        timeout(LONG, link.reconnected()).await.unwrap();
        assert!(timeout(Duration::from_millis(300), link.reconnected()).await.is_err());
    }
}

#[tokio::test]
async fn bad_urls_and_files_are_named() {
    let error = refused(&ConnectOptions { url: "https://s3cret@host".into(), ..ConnectOptions::default() }).await;
    assert!(matches!(error, ConnectError::BadUrl(_)));
    assert!(!format!("{} {error:?}", chain(&error)).contains("s3cret"));
    let server = Server::start();
    let missing = Some(PathBuf::from("/nowhere/file"));
    for options in [
        ConnectOptions { credentials: missing.clone(), ..server.options() },
        ConnectOptions { nkey: missing.clone(), ..server.options() },
        ConnectOptions { ca: missing.clone(), ..server.options() },
        ConnectOptions { certificate: missing.clone(), key: missing, ..server.options() },
    ] {
        let error = refused(&options).await;
        assert!(error.to_string().contains("/nowhere/file"), "{error}");
    }
    // Not a certificate at all.
    let file = Scratch::new("server.pem", "nonsense");
    let error = refused(&ConnectOptions { ca: Some(file.path.clone()), ..server.options() }).await;
    assert!(matches!(error, ConnectError::Tls(_) | ConnectError::BadFile { .. }), "{error:?}");
    let alone = ConnectOptions { certificate: Some(file.path.clone()), ..server.options() };
    assert!(chain(&refused(&alone).await).contains("needs its key"));
}

#[tokio::test]
async fn users_and_nkeys_can_log_in() {
    let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    let public = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    let server = Plain::start(&format!(
        "jetstream {{ store_dir: STORE }}\nauthorization {{ users: [{{user: worker, password: \"p@ss/word\"}}, {{nkey: {public}}}] }}"
    ));
    let options = ConnectOptions { patience: Duration::from_secs(10), ..ConnectOptions::default() };
    let url = format!("nats://worker:p%40ss%2Fword@127.0.0.1:{}", server.port);
    Streams::connect(&ConnectOptions { url, ..options.clone() }).await.unwrap();
    let url = format!("nats://127.0.0.1:{}", server.port);
    let file = Scratch::new("worker.nk", &format!("{seed}\n"));
    Streams::connect(&ConnectOptions { url: url.clone(), nkey: Some(file.path.clone()), ..options.clone() })
        .await
        .unwrap();
    assert!(matches!(refused(&ConnectOptions { url, ..options }).await, ConnectError::Refused(_)));
}

#[tokio::test]
async fn a_server_without_jetstream_is_named() {
    let server = Plain::start("");
    let url = format!("nats://127.0.0.1:{}", server.port);
    let begun = Instant::now();
    let error = refused(&ConnectOptions { url, patience: LONG, ..ConnectOptions::default() }).await;
    assert!(matches!(error, ConnectError::NoJetStream(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn tls_is_checked_against_the_given_authority() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(vec!["127.0.0.1".into()]);
    let (certificate, key) = (Scratch::new("server.pem", &certificate), Scratch::new("server.key", &key));
    let (client, client_key) = authority.issue(vec!["worker".into()]);
    let (client, client_key) = (Scratch::new("client.pem", &client), Scratch::new("client.key", &client_key));
    let ca = Scratch::new("ca.pem", &authority.pem());
    let server = Plain::start(&format!(
        "jetstream {{ store_dir: STORE }}\ntls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
        certificate.path, key.path, ca.path
    ));
    let good = ConnectOptions {
        url: format!("tls://127.0.0.1:{}", server.port),
        ca: Some(ca.path.clone()),
        certificate: Some(client.path.clone()),
        key: Some(client_key.path.clone()),
        patience: Duration::from_secs(10),
        ..ConnectOptions::default()
    };
    Streams::connect(&good).await.unwrap();
    let stranger = Scratch::new("ca.pem", &Authority::new().pem());
    let begun = Instant::now();
    let error = refused(&ConnectOptions { ca: Some(stranger.path.clone()), patience: LONG, ..good.clone() }).await;
    assert!(matches!(error, ConnectError::Tls(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    let anonymous = ConnectOptions { certificate: None, key: None, patience: Duration::from_secs(1), ..good };
    let error = refused(&anonymous).await;
    assert!(matches!(error, ConnectError::Tls(_) | ConnectError::Unreachable { .. }), "{error:?}");
}
