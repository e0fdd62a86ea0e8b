//! Connections that break around the COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use vaultstream_ledger::commit::{self, CommitError, Committed};
use vaultstream_ledger::{ConnectOptions, Ledger, progress};

use crate::stage::{Stage, generated, options, segment, socket_of};

/// What the wire does with the first COMMIT that it sees.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    /// The server never gets it.
    Before,
    /// The server gets it, and its answer is lost.
    After,
}

/// A wire to the server that breaks once, at a COMMIT; when `for_good`, nothing passes afterwards.
struct Wire {
    port: u16,
    commits: Arc<AtomicUsize>,
}

impl Wire {
    async fn new(url: &str, cut: Cut, for_good: bool) -> Self {
        let socket = socket_of(url);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (commits, dead) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let seen = commits.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if dead.load(Ordering::SeqCst) && for_good {
                    continue;
                }
                let server = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(carry(client, server, cut, seen.clone(), dead.clone()));
            }
        });
        Self { port, commits }
    }

    fn options(&self, url: &str) -> ConnectOptions {
        let database = url.rsplit('/').next().unwrap();
        let user = url.split_once("://").unwrap().1.split_once('@').unwrap().0;
        options(&format!("postgresql://{user}@127.0.0.1:{}/{database}?sslmode=disable", self.port))
    }
}

async fn carry(client: TcpStream, server: UnixStream, cut: Cut, seen: Arc<AtomicUsize>, dead: Arc<AtomicBool>) {
    const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let lost = Arc::new(AtomicBool::new(false));
    let answers = {
        let lost = lost.clone();
        tokio::spawn(async move {
            let mut buffer = vec![0; 65536];
            while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                if !lost.load(Ordering::SeqCst) && to_client.write_all(&buffer[..length]).await.is_err() {
                    break;
                }
            }
        })
    };
    let mut buffer = vec![0; 1 << 20];
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let bytes = &buffer[..length];
        let commit = bytes.windows(COMMIT.len()).position(|window| window == COMMIT);
        // The COMMIT of a unit follows its COPY; that of a read follows nothing that matters here.
        if let Some(at) = commit
            && seen.fetch_add(1, Ordering::SeqCst) == 0
        {
            lost.store(true, Ordering::SeqCst);
            dead.store(true, Ordering::SeqCst);
            let passed = if cut == Cut::After { length } else { at };
            to_server.write_all(&bytes[..passed]).await.unwrap();
            // Long enough for the server to be done with it.
            tokio::time::sleep(Duration::from_millis(200)).await;
            answers.abort();
            return;
        }
        if to_server.write_all(bytes).await.is_err() {
            break;
        }
    }
    answers.abort();
}

async fn unit_over_a_wire_that_breaks(cut: Cut) {
    let stage = Stage::new().await;
    let job = stage.signing(generated(200, 10, 2)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.first_lease(&job).await;
    let wire = Wire::new(&stage.url, cut, false).await;
    let ledger = Ledger::connect(&wire.options(&stage.url)).await.unwrap();
    let unit: Vec<_> = ranges[..10].iter().map(|range| segment(range, lease.key)).collect();
    let outcome = commit::unit(&ledger, job.id, &lease, &unit, true).await.unwrap();
    assert_eq!(outcome, Committed::Done);
    assert!(wire.commits.load(Ordering::SeqCst) >= 1, "the wire saw no COMMIT: this test shows nothing");
    assert_eq!(stage.stored(&job).await, 100);
    let now = progress(&stage.ledger, job.id).await.unwrap().unwrap();
    assert_eq!((now.signed, now.batches_signed, now.keys_leased), (100, 10, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_is_found_to_be_done() {
    unit_over_a_wire_that_breaks(Cut::After).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_arrived_is_made_again() {
    unit_over_a_wire_that_breaks(Cut::Before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_cannot_be_found_out_is_said_to_be_unknown() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(20, 10, 1)).await;
    let ranges = stage.ranges(&job).await;
    let lease = stage.lease(&job, stage.keys(&job).await[0], Duration::from_secs(3)).await;
    let wire = Wire::new(&stage.url, Cut::After, true).await;
    let mut impatient = wire.options(&stage.url);
    impatient.patience = Duration::from_secs(1);
    let ledger = Ledger::connect(&impatient).await.unwrap();
    let unit = [segment(&ranges[0], lease.key)];
    let error = commit::unit(&ledger, job.id, &lease, &unit, true).await.unwrap_err();
    assert!(matches!(error, CommitError::Unknown(_)), "{error:?}");
    // It was committed; a later delivery finds that, under whatever lease.
    assert_eq!(stage.commit(&job, &lease, &unit).await, Committed::Done);
    assert_eq!(stage.stored(&job).await, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_ended_at_any_moment_lose_and_double_nothing() {
    let stage = Stage::new().await;
    let job = stage.signing(generated(160_000, 100, 4)).await;
    let ranges = stage.ranges(&job).await;
    let keys = stage.keys(&job).await;
    let killer = stage.sql().await;
    let stop = Arc::new(AtomicBool::new(false));
    let units = Arc::new(AtomicU64::new(0));
    let killing = {
        let (stop, units) = (stop.clone(), units.clone());
        tokio::spawn(async move {
            let (mut killed, mut rounds) = (0, 0);
            while !stop.load(Ordering::SeqCst) {
                // By the units that are committed, not by the clock: every machine gets on between two rounds, and has as many.
                if units.load(Ordering::SeqCst) < rounds * 8 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                }
                tokio::time::sleep(Duration::from_millis(rounds * 7 % 23)).await;
                let row = killer
                    .query_one(
                        "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity \
                         WHERE datname = current_database() AND application_name LIKE 'vs:%'",
                        &[],
                    )
                    .await
                    .unwrap();
                let ended: i64 = row.get(0);
                killed += ended;
                rounds += u64::from(ended > 0);
            }
            killed
        })
    };
    let mut lanes = Vec::new();
    for (lane, key) in keys.iter().enumerate() {
        let lease = stage.lease(&job, *key, Duration::from_secs(120)).await;
        let (ledger, id, units) = (stage.ledger.clone(), job.id, units.clone());
        let mine: Vec<_> = ranges.iter().skip(lane).step_by(4).copied().collect();
        lanes.push(tokio::spawn(async move {
            for part in mine.chunks(10) {
                let unit: Vec<_> = part.iter().map(|range| segment(range, lease.key)).collect();
                let outcome = commit::unit(&ledger, id, &lease, &unit, false).await.unwrap();
                assert_eq!(outcome, Committed::Done);
                units.fetch_add(1, Ordering::SeqCst);
            }
        }));
    }
    for lane in lanes {
        lane.await.unwrap();
    }
    stop.store(true, Ordering::SeqCst);
    let killed = killing.await.unwrap();
    assert!(killed > 3, "only {killed} sessions were ended");
    assert_eq!(stage.stored(&job).await, 160_000);
    let now = progress(&stage.ledger, job.id).await.unwrap().unwrap();
    assert_eq!((now.signed, now.batches_signed, now.backlog), (160_000, 1_600, 0));
}
