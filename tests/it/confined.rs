//! Each program logs in to NATS with the least that it needs, and the server refuses the rest.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use uuid::Uuid;
use vaultstream_streams::{JobStreams, Limits, NatsPermissions, NatsUser, Tenant};

use crate::harness::hostile::{Hostile, against};
use crate::harness::plain::Plain;
use crate::harness::{Site, assert_signed_exactly_once, blocking, generated, quick, tenant, until};

/// A nats-server that knows these users, whose passwords are `pass`.
async fn server_of(users: &[(&str, NatsUser)]) -> Plain {
    let blocks: Vec<_> = users.iter().map(|(name, user)| NatsPermissions::of(user).user_block(name, "pass")).collect();
    let configuration = format!(
        "jetstream {{ store_dir: STORE }}\naccounts {{ VAULTSTREAM {{ jetstream: enabled, users: [ {} ] }} }}",
        blocks.join(", ")
    );
    blocking(move || Plain::start(&configuration)).await
}

/// A site whose operator and worker have users of their own, and the streams of another tenant, which has one, too.
async fn two_tenants() -> (Site, Plain, JobStreams) {
    let mut site = Site::new().await;
    let other = JobStreams::new(Tenant::new("local", "other"), Uuid::new_v4(), 1);
    let nats = server_of(&[
        ("operator", NatsUser::Operator),
        ("worker", NatsUser::Worker(tenant())),
        ("other", NatsUser::Worker(other.tenant.clone())),
    ])
    .await;
    site.nats_url = nats.url_of("operator");
    std::fs::write(site.dir.path().join("NATS_URL"), nats.url_of("worker")).unwrap();
    (site, nats, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_that_are_documented_are_enough_for_a_run() {
    let site = Site::new().await;
    let nats = server_of(&[("both", NatsUser::Both)]).await;
    let manifest = generated("job", 100, "batchSize: 20\nkeys: {count: 2}");
    site.run(&manifest).env("VAULTSTREAM_NATS_URL", nats.url_of("both")).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_signed_with_the_least_rights_while_another_tenant_tries_all_that_is_refused() {
    let (site, nats, other) = two_tenants().await;
    // Keys are replaced, too, and the job lasts for a second or two.
    let spec = "batchSize: 20\nkeys: {count: 4, maxSignatures: 200, lease: {records: 100, duration: 5s}}\n\
                workers: {maxRecordsPerSecond: 600}";
    let job = site.drive(&generated("job", 1_200, spec), quick()).await;
    job.until_published().await;
    let topology = job.topology().await;
    let worker = site.worker(job.uid).await.start();
    let (stop, mut rounds) = (AtomicBool::new(false), 0);
    let mut hostile = Hostile::connect(&nats.url_of(""), "other", &other).await;
    let attempts = against(&topology, &other);
    let trying = async {
        while !stop.load(Ordering::SeqCst) {
            assert_eq!(hostile.not_refused(&attempts).await, []);
            rounds += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let signing = async {
        job.complete().await;
        stop.store(true, Ordering::SeqCst);
    };
    tokio::join!(trying, signing);
    assert!(rounds > 1, "the job was over after {rounds} rounds");
    assert_signed_exactly_once(&site, "job", 1_200).await;
    assert_eq!(site.number("SELECT generation FROM vaultstream.jobs").await, topology.generation, "streams were lost");
    for metric in ["unusable_messages_total", "unknown_batches_total"] {
        assert_eq!(worker.metric(metric).await, 0.0, "{metric}");
    }
    assert!(!worker.stderr().to_lowercase().contains("violation"), "{}", worker.stderr());
}

/// The one thing that permissions do not prevent: the server sends what a pull request yields to any subject that the request names. It takes the name of
/// a stream, which holds the uid of the other tenant's job.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_another_tenant_has_the_server_delete_costs_time() {
    let (site, nats, other) = two_tenants().await;
    let spec =
        "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\nworkers: {maxRecordsPerSecond: 600}";
    let job = site.drive(&generated("job", 1_200, spec), quick()).await;
    job.until_published().await;
    let streams = site.streams().await;
    streams.create(&other, &Limits::default()).await.unwrap();
    let topology = job.topology().await;
    let _worker = site.worker(job.uid).await.start();
    site.until_signed(100).await;
    let hostile = Hostile::connect(&nats.url_of(""), "other", &other).await;
    hostile.relay_expiry(&other, &format!("$JS.API.STREAM.DELETE.{}", topology.batch_stream())).await;
    until("the streams are made again", || async { job.topology().await.generation > topology.generation }).await;
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 1_200).await;
}

/// An account for the operator with the streams, and one for each tenant that imports what its user may publish: docs/operations.md.
async fn server_with_accounts(tenants: &[(&str, Tenant)]) -> Plain {
    let operator = NatsPermissions::of(&NatsUser::Operator).user_block("operator", "pass");
    let (mut exports, mut accounts) = (Vec::new(), Vec::new());
    for (name, tenant) in tenants {
        let mut permissions = NatsPermissions::of(&NatsUser::Worker(tenant.clone()));
        let info = format!("$JS.API.CONSUMER.INFO.*.{}", tenant.token());
        let imports = permissions.publish.iter().map(|subject| {
            exports.push(format!("{{service: \"{subject}\", response_type: stream, accounts: [{name}]}}"));
            // JetStream of its own account would respond, too.
            let to = if *subject == info { ", to: \"info.*\"" } else { "" };
            format!("{{service: {{account: VAULTSTREAM, subject: \"{subject}\"}}{to}}}")
        });
        let imports = imports.collect::<Vec<_>>().join(", ");
        // Permissions concern what a mapping makes of a subject.
        permissions.publish.push("info.*".to_owned());
        let user = permissions.user_block(name, "pass");
        let mapping = format!("mappings: {{ \"{info}\": \"info.$1\" }}");
        accounts.push(format!("{name} {{ users: [ {user} ], {mapping}, imports: [ {imports} ] }}"));
    }
    let configuration = format!(
        "jetstream {{ store_dir: STORE }}\naccounts {{\nVAULTSTREAM {{ jetstream: enabled, users: [ {operator} ], exports: [ {} ] }}\n{}\n}}",
        exports.join(", "),
        accounts.join("\n")
    );
    blocking(move || Plain::start(&configuration)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_with_an_account_of_its_own_has_the_server_delete_no_other_s_stream() {
    let mut site = Site::new().await;
    let other = JobStreams::new(Tenant::new("local", "other"), Uuid::new_v4(), 1);
    let nats = server_with_accounts(&[("worker", tenant()), ("other", other.tenant.clone())]).await;
    site.nats_url = nats.url_of("operator");
    std::fs::write(site.dir.path().join("NATS_URL"), nats.url_of("worker")).unwrap();
    let spec =
        "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}\nworkers: {maxRecordsPerSecond: 300}";
    let job = site.drive(&generated("job", 1_200, spec), quick()).await;
    job.until_published().await;
    let streams = site.streams().await;
    streams.create(&other, &Limits::default()).await.unwrap();
    let topology = job.topology().await;
    let worker = site.worker(job.uid).await.start();
    site.until_signed(100).await;
    let mut hostile = Hostile::connect(&nats.url_of(""), "other", &other).await;
    assert_eq!(hostile.not_refused(&against(&topology, &other)).await, []);
    for stream in [topology.batch_stream(), topology.key_stream()] {
        hostile.relay_expiry(&other, &format!("$JS.API.STREAM.DELETE.{stream}")).await;
    }
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 1_200).await;
    assert_eq!(
        site.number("SELECT generation FROM vaultstream.jobs").await,
        topology.generation,
        "a stream was deleted"
    );
    assert_eq!(worker.metric("unusable_messages_total").await, 0.0);
}

/// It has the ledger's rights and the key-encryption key, but another tenant's user of NATS.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_another_tenant_s_user_is_refused_with_what_to_grant() {
    let mut site = Site::new().await;
    let other = NatsUser::Worker(Tenant::new("local", "other"));
    let nats = server_of(&[("operator", NatsUser::Operator), ("other", other)]).await;
    site.nats_url = nats.url_of("operator");
    std::fs::write(site.dir.path().join("NATS_URL"), nats.url_of("other")).unwrap();
    let seeded = site.seed(&generated("job", 100, "batchSize: 20\nkeys: {count: 2}")).await;
    let ended = site.worker(seeded.uid).await.end().await;
    ended.assert_code(2);
    assert!(ended.stderr.contains("grant the user") && ended.stderr.contains("local_default"), "{}", ended.stderr);
}
