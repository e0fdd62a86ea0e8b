//! The users of the development NATS, as the chart's hook writes them, on a real server.

use uuid::Uuid;
use vaultstream_operator::DevNatsUsers;
use vaultstream_streams::{JobStreams, Tenant};

use crate::harness::hostile::{Hostile, against};
use crate::harness::plain::Plain;
use crate::harness::{Site, assert_signed_exactly_once, blocking, generated, quick};
use crate::streams::begin_as_earlier_versions;

/// The server with the hook's configuration, but for its port and its folder.
async fn server_of(users: &DevNatsUsers) -> Plain {
    let configuration = users.configuration("local");
    let (port, folder) = ("port: 4222\n", "/data/jetstream");
    assert!(configuration.contains(port) && configuration.contains(folder), "{configuration}");
    let configuration = configuration.replace(port, "").replace(folder, "STORE");
    blocking(move || Plain::start(&configuration)).await
}

/// The operator and the workers log in with their own users.
fn log_in(site: &mut Site, nats: &Plain, users: &DevNatsUsers) {
    let url = |login: &str| format!("nats://{login}@127.0.0.1:{}", nats.port);
    site.nats_url = url(&users.operator_login());
    std::fs::write(site.dir.path().join("NATS_URL"), url(&users.worker_login("default").unwrap())).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_namespace_s_user_of_the_development_server_signs_its_jobs_and_can_do_nothing_else() {
    let mut site = Site::new().await;
    let users = DevNatsUsers::of(None, "", &["default", "other"]);
    let nats = server_of(&users).await;
    log_in(&mut site, &nats, &users);
    let job = site.drive(&generated("job", 200, "batchSize: 20\nkeys: {count: 2}"), quick()).await;
    job.until_published().await;

    let other = JobStreams::new(Tenant::new("local", "other"), Uuid::new_v4(), 1);
    let login = users.worker_login("other").unwrap();
    let mut hostile = Hostile::connect_with(&nats.url_of(""), login.split_once(':').unwrap(), &other).await;
    assert_eq!(hostile.not_refused(&against(&job.topology().await, &other)).await, []);

    let _worker = site.worker(job.uid).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 200).await;
}

/// Its streams have names without a tenant, from which no other user may pull.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_began_before_there_were_users_is_completed_under_one_that_is_left_unconfined() {
    let mut site = Site::new().await;
    let mut users = DevNatsUsers::of(None, "", &["default"]);
    users.leave_unconfined("default");
    let nats = server_of(&users).await;
    log_in(&mut site, &nats, &users);
    let seeded = site.seed(&generated("job", 200, "batchSize: 20\nkeys: {count: 2}")).await;
    begin_as_earlier_versions(&site, seeded.uid).await;
    let job = seeded.drive(quick());
    let _worker = site.worker(job.uid).await.start();
    job.complete().await;
    assert_signed_exactly_once(&site, "job", 200).await;
    assert_eq!(site.number("SELECT generation FROM vaultstream.jobs").await, 1, "it was given other streams");
}
