//! A release that uses servers which are there already, and are away when it goes.

use std::time::{Duration, Instant};

use kube::ResourceExt;
use vaultstream_api::{ConditionType, Reason};

use crate::harness::{
    Job, OwnNamespace, Servers, assert_complete_in, condition, generated, is_own_node, kubectl, skipped, until,
};
use crate::release::{NAME, Release};

const SECRET: &str = "postgres-and-nats";
const RECORDS: i64 = 4000;
const SLOW: &str = "batchSize: 20\nkeys: {count: 10, lease: {records: 100, duration: 10s}}\n\
                    workers: {minReplicas: 2, maxReplicas: 2, maxRecordsPerSecond: 50}";

async fn install(release: &Release) -> String {
    let secret = format!("connection.existingSecret={SECRET}");
    // Its Secrets have the login of the servers' superuser.
    let values = ["--set", &secret, "--set", "replicaCount=1", "--set", "operator.allowOwner=true"];
    release.install(&[&values[..], &["--wait", "--timeout", "2m"]].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_while_its_servers_are_away_and_the_next_one_goes_on() {
    if !is_own_node() {
        skipped("what a release does without its servers, which are cut off on a node of the project's own only");
        return;
    }
    let release = Release::prepare().await;
    let servers = Servers::new().await;
    let begun = Instant::now();
    let tell = |what: &str| println!("{:>6.1} s  {what}", begun.elapsed().as_secs_f64());

    let notes = install(&release).await;
    assert!(notes.contains(SECRET) && notes.contains("NOT THERE"), "{notes}");
    let job = Job::create(&release.client, &release.team, &generated("job", RECORDS.unsigned_abs(), SLOW)).await;
    let told = job.until_condition(ConditionType::Ready, "False", Reason::LedgerRefused).await;
    let message = &condition(&told, ConditionType::Ready).unwrap().message;
    assert!(message.contains("DATABASE_URL"), "{message}");
    tell("installed without its Secret: the operator runs, and says what is missing");

    servers.make_connection_secret(&release.client, &release.namespace, SECRET).await;
    servers.make_connection_secret(&release.client, &release.team, "vaultstream-connection").await;
    job.signed_within(Duration::from_secs(240), 100).await;
    tell("signing, once the Secret was there");

    servers.postgres.cut().await;
    servers.nats.cut().await;
    let leaving = Instant::now();
    release.helm("uninstall", &["--timeout", "150s", "--wait"]).await;
    assert!(leaving.elapsed() < Duration::from_secs(100), "it took {:?}", leaving.elapsed());
    let left = job.get().await;
    assert!(left.finalizers().is_empty(), "{:?}", left.finalizers());
    until("no worker is left", || async { job.deployment().await.is_none() }).await;
    tell(&format!("{NAME} was removed while Postgres and NATS were away"));
    let other = OwnNamespace::new(&release.client).await;
    let (content, said) = kubectl(&["delete", "namespace", &other.name, "--timeout=60s"]).await;
    assert!(content, "another namespace cannot be deleted: {said}");

    servers.postgres.restore().await;
    servers.nats.restore().await;
    install(&release).await;
    job.complete_within(Duration::from_secs(300)).await;
    assert_complete_in(&servers.site, &release.team, "job", RECORDS, 0).await;
    tell("installed again: the job was completed, nothing is lost, nothing is doubled");
    job.delete().await;
    job.until_gone(Duration::from_secs(60)).await;
}
