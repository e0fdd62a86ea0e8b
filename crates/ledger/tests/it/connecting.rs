use std::time::{Duration, Instant};

use vaultstream_embedded::{Options, Servers};
use vaultstream_ledger::{Class, ConnectError, Ledger, TlsError};

use crate::stage::{Stage, generated, options, segment, url_as};

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for_and_then_named() {
    let mut options = options("postgresql://me:secret@127.0.0.1:1/ledger");
    options.patience = Duration::from_secs(1);
    let began = Instant::now();
    let error = Ledger::connect(&options).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    assert!(began.elapsed() >= Duration::from_millis(500) && began.elapsed() < Duration::from_secs(5));
    assert_eq!(error.to_string(), "database ledger on 127.0.0.1:1 cannot be reached (tried for 1 s)");
    assert!(!format!("{error:?}").contains("secret") && !format!("{options:?}").contains("secret"));
}

#[tokio::test]
async fn a_refusal_comes_at_once_with_the_server_s_sentence() {
    let stage = Stage::empty().await;
    let began = Instant::now();
    let missing = Ledger::connect(&options(&format!("{}_not", stage.url))).await.unwrap_err();
    assert!(matches!(&missing, ConnectError::Refused { why, .. } if why.contains("does not exist")), "{missing}");
    let unknown = Ledger::connect(&options(&url_as(&stage.url, "nobody_at_all"))).await.unwrap_err();
    assert!(matches!(&unknown, ConnectError::Refused { why, .. } if why.contains("nobody_at_all")), "{unknown}");
    let bad = Ledger::connect(&options("not a url")).await.unwrap_err();
    assert!(matches!(bad, ConnectError::BadUrl(_)), "{bad}");
    let mut half = options(&stage.url);
    half.tls.cert = Some("/nowhere.crt".into());
    let half = Ledger::connect(&half).await.unwrap_err();
    assert!(matches!(half, ConnectError::Tls(TlsError::HalfAPair)), "{half}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn no_more_connections_are_opened_than_allowed() {
    let stage = Stage::new().await;
    let mut few = options(&stage.url);
    few.max_connections = 2;
    few.application_name = "counted".to_owned();
    let ledger = Ledger::connect(&few).await.unwrap();
    let probes = (0..50).map(|_| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.ping().await })
    });
    for probe in probes.collect::<Vec<_>>() {
        probe.await.unwrap().unwrap();
    }
    let open = stage.number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counted'").await;
    assert!((1..=2).contains(&open), "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_in_mid_job_only_costs_time() {
    let servers = tokio::task::spawn_blocking(|| Servers::start(&Options::temporary().postgres_only()).unwrap());
    let servers = std::sync::Arc::new(servers.await.unwrap());
    let url = servers.database_url().to_owned();
    let mut patient = options(&url);
    patient.patience = Duration::from_secs(30);
    let ledger = Ledger::connect(&patient).await.unwrap();
    let stage = Stage { url, ledger };
    stage.ledger.migrate().await.unwrap();
    let job = stage.signing(generated(20_000, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.lease(&job, stage.keys(&job).await[0], Duration::from_secs(300)).await;
    let restarting = {
        let servers = servers.clone();
        tokio::task::spawn_blocking(move || {
            for crash in [false, true] {
                std::thread::sleep(Duration::from_millis(400));
                if crash {
                    servers.kill_postgres();
                    servers.start_postgres().unwrap();
                } else {
                    servers.restart_postgres().unwrap();
                }
            }
        })
    };
    let began = Instant::now();
    for part in ranges.chunks(20) {
        let unit: Vec<_> = part.iter().map(|range| segment(range, lease.key)).collect();
        assert_eq!(stage.commit(&job, &lease, &unit).await, vaultstream_ledger::commit::Committed::Done);
        if !restarting.is_finished() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    restarting.await.unwrap();
    assert!(began.elapsed() > Duration::from_millis(500), "it was over before the server was stopped");
    assert_eq!(stage.stored(&job).await, 20_000);

    let servers_gone = servers.clone();
    tokio::task::spawn_blocking(move || servers_gone.stop_postgres()).await.unwrap();
    let error = stage.ledger.ping().await.unwrap_err();
    assert_eq!(error.class(), Class::Unreachable, "{error:?}");
    tokio::task::spawn_blocking(move || drop(servers)).await.unwrap();
}
