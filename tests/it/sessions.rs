//! What a worker's sessions live through: servers that blink before one begins, commits whose outcome is not known, leases that are
//! too short, batches that are held for long.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use vaultstream_lifecycle::Settings;

use crate::harness::{LeaseLog, Running, Site, assert_signed_exactly_once, generated, quick, until};

/// Both servers go away in the moment between finding a job and binding to its streams.
async fn blink(site: &Site, running: &Running) {
    running.until_stopped().await;
    site.servers(|servers| {
        servers.kill_postgres();
        servers.kill_nats();
    })
    .await;
    running.signal(Signal::CONT);
    // Longer than a request waits for a connection.
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert!(running.status("State").starts_with('S'), "it gave up: {}", running.stderr());
    site.servers(|servers| {
        servers.start_postgres().unwrap();
        servers.start_nats().unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_blink_before_a_session_begins_cost_a_run_only_time() {
    let site = Site::breakable().await;
    let running = site.run(&generated("job", 200, "batchSize: 20\nkeys: {count: 4}")).fault("job-found=stop").start();
    blink(&site, &running).await;
    running.end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_blink_before_a_session_begins_cost_a_worker_only_time() {
    let site = Site::breakable().await;
    let job = site.drive(&generated("job", 200, "batchSize: 20\nkeys: {count: 4}"), quick()).await;
    let worker = site.worker(job.uid).await.args(&["--connect-timeout", "1s"]).fault("job-found=stop").start();
    blink(&site, &worker).await;
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 200).await;
    worker.signal(Signal::TERM);
    worker.end().await.assert_code(0);
}

/// Told to stop while it waits for a server, a worker does not wait for it first. No other worker runs while NATS is there: it would
/// sign the job, and one that finds its job over waits for no server.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_waits_for_a_server_stops_when_it_is_told_to() {
    let site = Site::breakable().await;
    let seeded = site.seed(&generated("job", 200, "batchSize: 20\nkeys: {count: 4}")).await;
    let working = site.worker(seeded.uid).await.fault("job-found=stop").start();
    let job = seeded.drive(Settings::default());
    working.until_stopped().await;
    site.servers(|servers| servers.stop_nats()).await;
    // At start, where a worker waits for a minute at most, and later, where it waits without end.
    let starting = site.worker(job.uid).await.start();
    working.signal(Signal::CONT);
    until("it has noticed", || async { working.stderr().contains("dependency failed") }).await;
    until("the other one handles signals", || async { handles_sigterm(&starting) }).await;
    for worker in [starting, working] {
        worker.signal(Signal::TERM);
        worker.end_within(Duration::from_secs(30)).await.assert_code(0);
    }
}

fn handles_sigterm(worker: &Running) -> bool {
    let caught = u64::from_str_radix(&worker.status("SigCgt"), 16).unwrap();
    caught & (1 << (Signal::TERM.as_raw() - 1)) != 0
}

/// Held while Postgres takes no commit, three times as long as a batch may be held without a sign of life.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_in_hand_is_kept_however_short_the_ack_wait_is() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 200, "batchSize: 20\nkeys: {count: 4}"), quick()).await;
    job.until_published().await;
    let mut client = site.sql().await;
    let lock = client.transaction().await.unwrap();
    lock.execute("SELECT 1 FROM vaultstream.batches FOR UPDATE", &[]).await.unwrap();
    let worker = site.worker(job.uid).await.start();
    let other = site.worker(job.uid).await.start();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    until("it waits for a lock", || async { site.number(waiting).await > 0 }).await;
    tokio::time::sleep(quick().batch_ack_wait * 3).await;
    let info = site.consumer(&job.topology().await.batch_stream()).await.cached_info().clone();
    assert_eq!(info.num_redelivered, 0, "delivered again while it was at work");
    lock.rollback().await.unwrap();
    job.complete().await;
    for worker in [&worker, &other] {
        assert_eq!(worker.metric("redelivered_batches_total").await, 0.0);
    }
    assert_signed_exactly_once(&site, "job", 200).await;
}

/// A machine that needs longer than a lease for one batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_takes_longer_than_a_lease_is_cut_until_it_fits() {
    let site = Site::new().await;
    // By the backend with short slices, so that the deadline is seen to pass between two of them.
    let spec = "batchSize: 5120\nkeys: {count: 2, lease: {records: 5120, duration: 5s}}\nconcurrency: {signers: 1}\n\
                signing: {verify: None}";
    let run = site.run(&generated("job", 5120, spec)).args(&["--backend", "native"]);
    let ended = run.fault("slice-signed=slow").end().await;
    ended.assert_code(0);
    assert!(ended.stderr.contains("it is cut in two"), "{}", ended.stderr);
    let batches = site.number("SELECT batches FROM vaultstream.jobs").await;
    assert!((2..=8).contains(&batches), "cut into {batches}");
    assert_signed_exactly_once(&site, "job", 5120).await;
}

/// A way to Postgres that loses the answer to the first COMMIT of a unit, and then is down for longer than its outcome is looked for.
struct Wire {
    port: u16,
    cut: Arc<AtomicBool>,
}

const DOWN_FOR: Duration = Duration::from_secs(8);

impl Wire {
    async fn to(server: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, cut, down) =
            (listener.local_addr().unwrap().port(), Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let seen = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !down.load(Ordering::SeqCst) {
                    tokio::spawn(carry(client, server.clone(), Arc::clone(&seen), Arc::clone(&down)));
                }
            }
        });
        Self { port, cut }
    }
}

async fn carry(client: TcpStream, server: PathBuf, cut: Arc<AtomicBool>, down: Arc<AtomicBool>) {
    let server = UnixStream::connect(server).await.unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn({
        let down = Arc::clone(&down);
        async move {
            let mut buffer = vec![0; 65536];
            while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                if down.load(Ordering::SeqCst) || to_client.write_all(&buffer[..length]).await.is_err() {
                    break;
                }
            }
        }
    });
    let mut buffer = vec![0; 1 << 20];
    let mut unit = false;
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let bytes = &buffer[..length];
        let has = |wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
        unit |= has(b"fence_unit");
        if unit && has(b"COMMIT") && !cut.swap(true, Ordering::SeqCst) {
            down.store(true, Ordering::SeqCst);
            to_server.write_all(bytes).await.unwrap();
            tokio::time::sleep(DOWN_FOR).await;
            down.store(false, Ordering::SeqCst);
            break;
        }
        if down.load(Ordering::SeqCst) || to_server.write_all(bytes).await.is_err() {
            break;
        }
    }
    answers.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_given_back_when_the_outcome_of_its_commit_was_unknown_for_long() {
    let site = Site::new().await;
    let spec = "batchSize: 20\nkeys: {count: 1, lease: {records: 400, duration: 5s}}\nconcurrency: {records: 2, signers: 1}\n\
                workers: {maxRecordsPerSecond: 100}";
    let job = site.drive(&generated("job", 400, spec), Settings::default()).await;
    let log = LeaseLog::begin(&site).await;
    let (user, database, socket) = {
        let row = "SELECT current_user::text, current_database()::text, current_setting('unix_socket_directories')";
        let row = site.sql().await.query_one(row, &[]).await.unwrap();
        (row.get::<_, String>(0), row.get::<_, String>(1), row.get::<_, String>(2))
    };
    let wire = Wire::to(Path::new(socket.trim_matches('"')).join(".s.PGSQL.5432")).await;
    let url = format!("postgresql://{user}@127.0.0.1:{}/{database}?sslmode=disable", wire.port);
    std::fs::write(site.dir.path().join("DATABASE_URL"), url).unwrap();
    let _worker = site.worker(job.uid).await.args(&["--connect-timeout", "1s"]).start();
    job.complete().await;
    assert!(wire.cut.load(Ordering::SeqCst), "the wire saw no COMMIT of a unit: this test shows nothing");
    assert_eq!(log.taken_over().await, 0, "a lease was left to expire");
    assert_signed_exactly_once(&site, "job", 400).await;
}
