//! Another tenant's worker, with its complete Secret, tries everything on a job: `tests/hostile`.

use std::path::PathBuf;

use vaultstream_streams::{NatsPermissions, NatsUser, Tenant};

use crate::harness::contents::contents;
use crate::harness::plain::Plain;
use crate::harness::{
    Drive, Ended, Program, Running, Site, assert_signed_exactly_once, blocking, generated, mount, quick, role_for,
    until,
};

/// Some seconds of work for one worker.
const SPEC: &str =
    "batchSize: 20\nkeys: {count: 4, lease: {records: 200, duration: 10s}}\nworkers: {maxRecordsPerSecond: 150}";

/// What the last line of the program begins with.
const NOTHING: &str = "changed nothing of the victim and learned nothing but its own";

/// Two tenants on one ledger and one NATS, each as `tenant add` makes it, and a job of one of them that signs.
struct Scene {
    site: Site,
    _nats: Plain,
    attacker: PathBuf,
    victim: PathBuf,
    job: Drive,
    worker: Running,
}

/// A namespace's Secret, and its user of NATS.
async fn tenant(site: &Site, namespace: &str, nats: &Plain) -> (PathBuf, String) {
    let path = |name: &str| site.dir.path().join(format!("{namespace}-{name}")).to_str().unwrap().to_owned();
    let (url_file, user_file, kek, role) = (path("url"), path("user"), site.kek(), role_for(namespace));
    std::fs::write(&url_file, nats.url_of("")).unwrap();
    let files = ["--nats-url-file", &url_file, "--nats-user-file", &user_file, "--kek-file", kek.to_str().unwrap()];
    let added = site.tenant(&[&["add", namespace, "--cluster", "local", "--role", &role][..], &files].concat()).await;
    added.assert_code(0);
    let folder = site.dir.path().join(namespace);
    mount(&added.stdout, &folder);
    (folder, std::fs::read_to_string(&user_file).unwrap().trim().to_owned())
}

/// The server's configuration with these users.
fn configuration(users: &[String]) -> String {
    format!(
        "jetstream {{ store_dir: STORE }}\naccounts {{ VAULTSTREAM {{ jetstream: enabled, users: [ {} ] }} }}",
        users.join(", ")
    )
}

impl Scene {
    /// With a further right of NATS for the attacker.
    async fn new(loose: Option<&str>) -> Self {
        let mut site = Site::new().await;
        let operator = NatsPermissions::of(&NatsUser::Operator).user_block("operator", "pass");
        let alone = configuration(std::slice::from_ref(&operator));
        let nats = blocking(move || Plain::start(&alone)).await;
        site.nats_url = nats.url_of("operator");
        let migrated = Program::vaultstream(&["migrate"]).env("VAULTSTREAM_DATABASE_URL", &site.database_url);
        migrated.end().await.assert_code(0);
        let (own, mut users) = (tenant(&site, "default", &nats).await, vec![operator]);
        let (attacker, mut user) = tenant(&site, "other", &nats).await;
        if let Some(right) = loose {
            user = user.replacen("publish: { allow: [", &format!("publish: {{ allow: [ \"{right}\","), 1);
        }
        users.extend([own.1, user]);
        nats.reconfigure(&configuration(&users));
        for folder in [&own.0, &attacker] {
            let url = std::fs::read_to_string(folder.join("NATS_URL")).unwrap();
            until("NATS knows the user", || async { logs_in(&url).await }).await;
        }
        // The attacker has a job, too.
        site.seed(&generated("theirs", 100, SPEC).replace("name: theirs", "name: theirs\n  namespace: other")).await;

        let job = site.drive(&generated("job", 2_000, SPEC), quick()).await;
        let worker = site.worker_with(job.uid, &own.0).await.start();
        site.until_signed(50).await;
        let (query, victim) = (include_str!("../hostile/victim.sql"), site.dir.path().join("victim.json"));
        until("a key is leased", || async { site.sql().await.query(query, &[]).await.unwrap().len() == 1 }).await;
        std::fs::write(&victim, site.text(query).await).unwrap();
        Self { site, _nats: nats, attacker, victim, job, worker }
    }

    async fn attack(&self) -> Ended {
        let [attacker, victim] = [&self.attacker, &self.victim].map(|path| path.to_str().unwrap());
        Program::new(env!("CARGO_BIN_EXE_hostile")).args(&[attacker, victim, "--commit"]).end().await
    }

    /// Signatures by record.
    async fn signatures(&self) -> Vec<(i64, Vec<u8>)> {
        let all = "SELECT record_id, signature FROM vaultstream.signatures ORDER BY 1";
        let rows = self.site.sql().await.query(all, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }
}

async fn logs_in(url: &str) -> bool {
    let (login, place) = url.trim().strip_prefix("nats://").unwrap().split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    options.connect(place).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_worker_with_a_complete_secret_changes_nothing_and_learns_nothing_but_its_own() {
    let scene = Scene::new(None).await;
    let (before, topology) = (scene.signatures().await, scene.job.topology().await);
    let ended = scene.attack().await;
    ended.assert_code(0);
    assert!(ended.stdout.lines().last().unwrap().contains(NOTHING), "{}", ended.stdout);
    let job = format!(
        "vaultstream.signatures_{}",
        scene.site.number("SELECT id FROM vaultstream.jobs WHERE name = 'job'").await
    );
    for tried in [&job, "wrapped_key", "vaultstream.revoke_key", "pg_read_file", "MSG.NEXT", &topology.batch_stream()] {
        assert!(ended.stdout.contains(tried), "{tried} was not tried");
    }
    assert!(!scene.job.is_over(), "the job was over before all was tried");

    let Scene { site, job, worker, .. } = &scene;
    until("the job is over", || async { job.is_over() }).await;
    assert_signed_exactly_once(site, "job", 2_000).await;
    let after = scene.signatures().await;
    assert!(!before.is_empty() && before.iter().all(|signature| after.contains(signature)), "a signature was changed");
    assert_eq!(job.topology().await.generation, topology.generation, "streams were lost");
    let marks = "SELECT (SELECT coalesce(sum(attempts), 0) FROM vaultstream.batches) + (SELECT count(*) FROM vaultstream.keys \
                 WHERE damage IS NOT NULL OR revoked_at IS NOT NULL)";
    assert_eq!(
        site.number(&format!("SELECT ({marks})::bigint")).await,
        0,
        "a batch was tried again, or a key is set aside"
    );
    for metric in ["unusable_messages_total", "unknown_batches_total", "redelivered_batches_total"] {
        assert_eq!(worker.metric(metric).await, 0.0, "{metric}");
    }
    assert!(!worker.stderr().to_lowercase().contains("violation"), "{}", worker.stderr());

    // Nothing moves any more, and nothing does it move: rows, receipt and the attacker's own rows are the same afterwards.
    let sql = site.sql().await;
    let at_rest = contents(&sql).await;
    scene.attack().await.assert_code(0);
    assert_eq!(contents(&sql).await, at_rest);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hostile_worker_finds_one_right_too_many() {
    let tenant = Tenant::new("local", "default");
    let scene = Scene::new(Some(&format!("$JS.API.CONSUMER.INFO.*.{}", tenant.token()))).await;
    scene
        .site
        .execute(
            "GRANT SELECT (receipt) ON vaultstream.jobs TO vaultstream_tenant; \
             GRANT UPDATE (attempts) ON vaultstream.batches TO vaultstream_tenant; \
             GRANT EXECUTE ON FUNCTION vaultstream.retry_rejects TO vaultstream_tenant; \
             CREATE OR REPLACE VIEW vaultstream.tenant_keys AS SELECT id, job_id, ordinal, version, public_key, kek_id, state, damage, \
                 epoch, lease_until, signed, rejected, planned, changed, batches, last_used, erased_at, revoked_at, revocation, compromised, \
                 NULL::text AS holder_mark \
                 FROM vaultstream.keys",
        )
        .await;
    let ended = scene.attack().await;
    ended.assert_code(1);
    assert!(!ended.stdout.contains(NOTHING), "{}", ended.stdout);
    let found: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("FOUND")).collect();
    for expected in [
        "SELECT receipt FROM vaultstream.jobs",
        "UPDATE vaultstream.batches SET attempts",
        "vaultstream.retry_rejects",
        "FROM vaultstream.tenant_keys WHERE job_id",
        "$JS.API.CONSUMER.INFO.",
    ] {
        assert!(found.iter().any(|line| line.contains(expected)), "{expected} is not in {found:#?}");
    }
}
