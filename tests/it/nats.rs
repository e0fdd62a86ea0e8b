//! A NATS that is not ours: its permissions, its logins, its limits, and its servers that go away.

use std::path::Path;
use std::time::Duration;

use vaultstream_ledger::jobs;

use crate::harness::plain::{Authority, Plain, Scratch, nats_server};
use crate::harness::three::Three;
use crate::harness::{Program, Site, assert_signed_exactly_once, blocking, generated, job_streams, quick, until};

/// Slow enough that something can happen in the middle.
const SLOW: &str = "batchSize: 20\nkeys: {count: 8, lease: {records: 100, duration: 5s}}\n\
                    concurrency: {records: 2, signers: 2}\nworkers: {maxRecordsPerSecond: 300}";

async fn plain(configuration: &str) -> Plain {
    let configuration = configuration.to_owned();
    blocking(move || Plain::start(&configuration)).await
}

/// A run with another NATS than the site's.
fn run_with(site: &Site, manifest: &str, nats_url: &str, args: &[&str]) -> Program {
    site.run(manifest).env("VAULTSTREAM_NATS_URL", nats_url).args(args)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nats_forbids_ends_a_run_at_once_with_what_to_grant() {
    let site = Site::new().await;
    let nats = plain(
        "jetstream { store_dir: STORE }\nauthorization { users: [
           {user: narrow, password: pass, permissions: {publish: [\"$JS.>\"], subscribe: [\"_INBOX.>\"]}},
           {user: blind, password: pass, permissions: {publish: [\"records.>\"], subscribe: [\"_INBOX.>\"]}} ] }",
    )
    .await;
    let manifest = generated("job", 100, "batchSize: 20\nkeys: {count: 2}");
    let told = run_with(&site, &manifest, &nats.url_of("narrow"), &[]).end().await;
    told.assert_code(1);
    assert!(told.stderr.contains("grant the user publish on \"keys.*.*.*.*\""), "{}", told.stderr);
    let told = run_with(&site, &manifest, &nats.url_of("blind"), &[]).end().await;
    told.assert_code(2);
    assert!(told.stderr.contains("grant the user publish on \"$JS.API.INFO\""), "{}", told.stderr);
    // Granted, the same command completes it.
    run_with(&site, &manifest, &site.nats_url, &[]).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_logs_in_with_what_workers_can_log_in_with() {
    let site = Site::new().await;
    let authority = Authority::new();
    let pem = |name: &str, text: &str| Scratch::new(name, text);
    let (certificate, key) = authority.issue(vec!["127.0.0.1".into()]);
    let (certificate, key) = (pem("server.pem", &certificate), pem("server.key", &key));
    let (own, own_key) = authority.issue(vec!["worker".into()]);
    let (own, own_key, ca) = (pem("own.pem", &own), pem("own.key", &own_key), pem("ca.pem", &authority.pem()));
    let nkey = pem("worker.nk", "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY\n");
    let nats = plain(&format!(
        "jetstream {{ store_dir: STORE }}\n\
         authorization {{ users: [{{nkey: UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4}}] }}\n\
         tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
        certificate.path, key.path, ca.path
    ))
    .await;
    let manifest = generated("job", 100, "batchSize: 20\nkeys: {count: 2}");
    let files = [("--nats-nkey", &nkey), ("--nats-ca", &ca), ("--nats-cert", &own), ("--nats-key", &own_key)];
    let all: Vec<&str> = files.iter().flat_map(|(name, file)| [*name, path(&file.path)]).collect();
    let url = nats.url_of("");
    run_with(&site, &manifest, &url, &all).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 100).await;
    let told = run_with(&site, &manifest, &url, &all[2..]).end().await;
    told.assert_code(2);
    assert!(told.stderr.contains("refused the login") && told.stderr.contains("nkey"), "{}", told.stderr);
    let told = run_with(&site, &manifest, &url, &["--nats-creds", "/nowhere/file"]).end().await;
    told.assert_code(2);
    assert!(told.stderr.contains("/nowhere/file"), "{}", told.stderr);
    // A private server has no such users.
    let told = site.run(&manifest).env("VAULTSTREAM_NATS_URL", "").args(&all[..2]).end().await;
    told.assert_code(2);
    assert!(told.stderr.contains("--nats-nkey needs --nats-url"), "{}", told.stderr);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_limits_reach_the_streams_of_a_job_that_runs() {
    let site = Site::new().await;
    let job = site.drive(&generated("job", 400, SLOW), quick()).await;
    job.until_published().await;
    let topology = job.topology().await;
    let (batches, keys) = (site.consumer(&topology.batch_stream()).await, site.consumer(&topology.key_stream()).await);
    let before = batches.cached_info().config.max_ack_pending;
    assert_eq!(keys.cached_info().config.ack_wait, Duration::from_secs(20));
    let row = jobs::by_id(&job.ledger, job.id).await.unwrap().unwrap();
    let mut spec = row.spec;
    spec.workers.max_replicas = 50;
    spec.keys.lease.duration = "120s".parse().unwrap();
    jobs::update_spec(&job.ledger, job.id, &spec, row.spec_generation + 1).await.unwrap();
    until("the streams' consumers have the new limits", || async {
        let batches = site.consumer(&topology.batch_stream()).await.cached_info().config.max_ack_pending;
        let keys = site.consumer(&topology.key_stream()).await.cached_info().config.ack_wait;
        batches > before && keys == Duration::from_secs(135)
    })
    .await;
    assert_eq!(job.topology().await, topology, "in place, not anew");
}

async fn three() -> Three {
    blocking(|| Three::start(nats_server())).await
}

/// The server that answers for a stream.
async fn leader(three: &Three, stream: &str) -> String {
    let servers: Vec<async_nats::ServerAddr> = three.url().split(',').map(|url| url.parse().unwrap()).collect();
    let context = async_nats::jetstream::new(async_nats::connect(servers).await.unwrap());
    let stream = context.get_stream(stream).await.unwrap();
    stream.cached_info().cluster.as_ref().unwrap().leader.clone().unwrap()
}

/// With copies, which is what a cluster gets unless told otherwise, an election; without, other streams after a while. And a run
/// that is begun meanwhile waits like the one that is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_loses_a_server_costs_time() {
    let (site, three) = (Site::new().await, three().await);
    for (name, args, generations) in [("copies", &[][..], 1), ("alone", &["--nats-replicas", "1"][..], 2)] {
        let manifest = generated(name, 900, SLOW);
        let begun = site.signed().await;
        let first = run_with(&site, &manifest, &three.url(), args).start();
        site.until_signed(begun + 100).await;
        let row = "SELECT uid FROM vaultstream.jobs WHERE name = $1";
        let uid = site.sql().await.query_one(row, &[&name]).await.unwrap().get(0);
        let topology = job_streams(uid, 1);
        let lost = leader(&three, &topology.batch_stream()).await;
        three.kill(&lost);
        let second = run_with(&site, &manifest, &three.url(), args).start();
        first.end().await.assert_code(0);
        second.end().await.assert_code(0);
        assert_signed_exactly_once(&site, name, 900).await;
        let row = "SELECT generation FROM vaultstream.jobs WHERE name = $1";
        let now: i64 = site.sql().await.query_one(row, &[&name]).await.unwrap().get(0);
        assert!(now >= generations && (now == 1 || generations == 2), "{name}: generation {now}");
        three.start_one(&lost);
    }
}
