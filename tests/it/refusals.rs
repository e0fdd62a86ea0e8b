//! Bad input: exit code 2, one sentence on stderr that names the field or the option, and nothing half-made.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Ended, Program, Site, assert_signed_exactly_once, generated, of_table, until};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}";

/// One sentence, exit code 2, nothing on stdout.
#[track_caller]
fn assert_refused(what: &str, ended: &Ended, words: &[&str]) {
    assert_eq!(ended.status.code(), Some(2), "{what}: {}\n{}{}", ended.status, ended.stdout, ended.stderr);
    assert_eq!(ended.stdout, "", "{what}");
    // A worker may have logged before, and a command says what it starts and where its ledger is; nothing comes after the
    // sentence, and nothing else is said twice.
    let before = |line: &&str| line.contains(" INFO") || line.starts_with("ledger: ") || line.starts_with("starting ");
    let sentences = ended.stderr.lines().filter(|line| !before(line)).count();
    assert_eq!(sentences, 1, "{what}: not one line:\n{}", ended.stderr);
    assert!(
        ended.stderr.lines().last().is_some_and(|line| line.starts_with("vaultstream")),
        "{what}: {}",
        ended.stderr
    );
    for word in words {
        assert!(ended.stderr.contains(word), "{what}: {word:?} is not in: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("panicked"), "{what}: {}", ended.stderr);
}

/// No job, no partition, no key.
async fn assert_nothing_made(what: &str, site: &Site) {
    for table in ["jobs", "keys", "batches", "keks"] {
        let rows = site.number_or_zero(&format!("SELECT count(*) FROM vaultstream.{table}")).await;
        assert_eq!(rows, 0, "{what}: rows in {table}");
    }
    let partitions = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'vaultstream' \
                      AND relkind = 'r' AND relname ~ '_[0-9]+$'";
    assert_eq!(site.number(partitions).await, 0, "{what}: partitions are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_manifest_is_refused_in_one_sentence() {
    let site = Site::new().await;
    let spec = |more: &str| generated("job", 100, &format!("{SPEC}\n{more}"));
    let cases = [
        ("an unknown field", spec("batchSise: 5"), vec!["batchSise"]),
        ("an unknown field deep inside", spec("retry: {maxAttemps: 5}"), vec!["spec.retry", "maxAttemps"]),
        ("a batch of nothing", generated("job", 100, "batchSize: 0"), vec!["spec.batchSize", "0"]),
        ("a batch too large", generated("job", 100, "batchSize: 100001"), vec!["spec.batchSize", "100001"]),
        (
            "no source",
            "apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {name: job}\nspec: {}".into(),
            vec!["source"],
        ),
        (
            "two sources",
            spec("").replace("source: {", "source: {table: {name: t, key: id, payload: body}, "),
            vec!["spec.source"],
        ),
        ("a lease too short", generated("job", 100, "keys: {lease: {duration: 1s}}"), vec!["spec.keys.lease.duration"]),
        (
            "no duration",
            generated("job", 100, "keys: {lease: {duration: soon}}"),
            vec!["spec.keys.lease.duration", "soon"],
        ),
        (
            "keys that wear out within a batch",
            generated("job", 100, "batchSize: 20\nkeys: {maxSignatures: 19}"),
            vec!["spec.keys.maxSignatures"],
        ),
        (
            "a first pause longer than the longest",
            spec("retry: {initialBackoff: 10s, maxBackoff: 5s}"),
            vec!["spec.retry"],
        ),
        ("too many batches", generated("job", 10_000_000, "batchSize: 1"), vec!["batchSize"]),
        ("a name too long", generated(&"x".repeat(41), 100, SPEC), vec!["metadata.name"]),
        ("no DNS label", generated("My_Job", 100, SPEC), vec!["metadata.name"]),
        ("another version", spec("").replace("v1alpha1", "v9"), vec!["apiVersion", "v9"]),
        ("another kind", spec("").replace("SigningJob", "ConfigMap"), vec!["kind"]),
        ("no YAML", "spec: [".into(), vec![".yaml"]),
        ("an empty file", String::new(), vec!["no SigningJob"]),
        ("a good job followed by a bad one", format!("{}---\n{}", spec(""), spec("nonsense: 1")), vec!["nonsense"]),
    ];
    for (what, manifest, words) in cases {
        assert_refused(what, &site.run(&manifest).end().await, &words);
        assert_nothing_made(what, &site).await;
    }
    let missing = Program::vaultstream(&["run", "-f", "/nowhere/job.yaml"]).end().await;
    assert_refused("a missing file", &missing, &["/nowhere/job.yaml"]);
}

/// Every fault of every file in a line of its own, which begins as compilers begin theirs; with `-f` or without.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_manifest_is_told_with_file_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one.yaml"), dir.path().join("two.yaml"));
    std::fs::write(&one, generated("job", 100, "batchsize: 5\nkeys: 5")).unwrap();
    std::fs::write(&two, "a: [").unwrap();
    let text = std::fs::read_to_string(&one).unwrap();
    let line = |field: &str| text.lines().position(|line| line.contains(field)).unwrap() + 1;
    let column = |field: &str| text.lines().find_map(|line| line.find(field)).unwrap() + 1;
    let expected = [
        format!(
            "vaultstream: {}:{}:{}: spec.batchsize: unknown field; did you mean batchSize?",
            one.display(),
            line("batchsize"),
            column("batchsize")
        ),
        format!(
            "vaultstream: {}:{}:{}: spec.keys is 5: write `keys: {{count: 5}}`",
            one.display(),
            line("keys"),
            column("keys")
        ),
        format!("vaultstream: {}:1:4: not valid YAML: the bracket [ is never closed", two.display()),
    ];
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    for arguments in [["run", "-f", one, "-f", two].as_slice(), &["run", one, two]] {
        let ended = Program::vaultstream(arguments).end().await;
        assert_eq!(ended.status.code(), Some(2), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().collect::<Vec<_>>(), expected, "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_command_line_is_refused_as_everything_else_is() {
    let cases: [(&[&str], &[&str]); 12] = [
        (&["rum"], &["there is no command rum", "  tip: did you mean vaultstream run?", "  help: vaultstream --help"]),
        (&["run"], &["missing: --file <FILE>", "  help: vaultstream run --help"]),
        (
            &["run", "x.yaml", "--datadir", "x"],
            &["there is no option --datadir here", "  tip: did you mean --data-dir?", "  help: vaultstream run --help"],
        ),
        (
            &["run", "x.yaml", "--frobnicate"],
            &["there is no option --frobnicate here", "  help: vaultstream run --help"],
        ),
        (
            &["run", "x.yaml", "-o", "jsom"],
            &[
                "--output is jsom: it must be one of text, json",
                "  tip: did you mean json?",
                "  help: vaultstream run --help",
            ],
        ),
        (
            &["run", "x.yaml", "--output"],
            &["--output needs a value: --output <OUTPUT>", "  help: vaultstream run --help"],
        ),
        (
            &["run", "x.yaml", "--backend", "fast"],
            &[
                "--backend is fast: unknown backend \"fast\": use multibuffer, native or reference",
                "  help: vaultstream run --help",
            ],
        ),
        (
            &["run", "x.yaml", "--again", "--again"],
            &["--again can be given only once", "  help: vaultstream run --help"],
        ),
        (&["verify"], &["missing: --job <NS/NAME> or --uid <UID>", "  help: vaultstream verify --help"]),
        (
            &["verify", "--job", "a", "--uid", "5f0c1c39-8a5d-4d46-9d3e-0a6d0a7f3f5a"],
            &["--job cannot be given together with --uid <UID>", "  help: vaultstream verify --help"],
        ),
        (
            &["verify", "--job", "A_b"],
            &[
                "--job is A_b: \"A_b\" is not a valid job name: use at most 40 lower-case letters, digits and '-', with a letter or digit at both ends",
                "  help: vaultstream verify --help",
            ],
        ),
        (&["migrate", "now"], &["one argument too many: now", "  help: vaultstream migrate --help"]),
    ];
    for (arguments, lines) in cases {
        let ended = Program::vaultstream(arguments).end().await;
        assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", ended.stderr);
        let told: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(told[0].strip_prefix("vaultstream: "), Some(lines[0]), "{arguments:?}");
        assert_eq!(&told[1..], &lines[1..], "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_signed_is_refused_in_one_sentence() {
    let site = Site::new().await;
    site.execute(
        "CREATE TABLE good (id bigint PRIMARY KEY, body text);
         INSERT INTO good VALUES (1, 'one');
         CREATE TABLE words (id text PRIMARY KEY, body text);
         CREATE TABLE points (id bigint PRIMARY KEY, body point);
         CREATE TABLE nullable (id bigint UNIQUE, body text);
         CREATE TABLE doubled (id bigint NOT NULL, body text);
         CREATE TABLE part (id bigint NOT NULL, body text);
         CREATE UNIQUE INDEX ON part (id) WHERE id > 10;
         CREATE TABLE pairs (id bigint NOT NULL, other bigint NOT NULL, body text, UNIQUE (id, other));
         CREATE VIEW view AS SELECT * FROM good",
    )
    .await;
    let of = |table: &str| of_table("job", table, SPEC);
    let cases = [
        ("a missing table", of("missing"), vec!["spec.source.table", "public.missing", "does not exist"]),
        (
            "a missing payload",
            of("good").replace("payload: body", "payload: text"),
            vec!["spec.source.table.payload", "column text"],
        ),
        ("a missing key", of("good").replace("key: id", "key: number"), vec!["spec.source.table.key", "column number"]),
        ("a key of text", of("words"), vec!["spec.source.table.key", "text"]),
        ("a payload of points", of("points"), vec!["spec.source.table.payload", "point"]),
        ("a key that may be NULL", of("nullable"), vec!["spec.source.table.key", "NULL"]),
        ("a key that is not unique", of("doubled"), vec!["spec.source.table.key", "unique index"]),
        ("a key that is unique in part", of("part"), vec!["spec.source.table.key", "unique index"]),
        ("a key that is unique with another", of("pairs"), vec!["spec.source.table.key", "unique index"]),
        ("a view", of("view"), vec!["not a table"]),
        (
            "a system table",
            of("pg_class").replace("table: {", "table: {schema: pg_catalog, "),
            vec!["spec.source.table.schema", "pg_catalog"],
        ),
        (
            "the ledger itself",
            of("jobs").replace("table: {", "table: {schema: vaultstream, "),
            vec!["spec.source.table.schema", "vaultstream"],
        ),
    ];
    for (what, manifest, words) in cases {
        assert_refused(what, &site.run(&manifest).end().await, &words);
        assert_nothing_made(what, &site).await;
    }
    // What was refused is mended, and the same command does it.
    site.run(&of("good")).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 1).await;
}

/// The same place as another user.
fn url_as(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}@{place}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_permission_is_refused_in_one_sentence() {
    let site = Site::new().await;
    let role = format!("limited_{:x}", rand::random::<u64>());
    let database = site.text("SELECT current_database()::text").await;
    site.execute(&format!(
        "CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database} TO {role};
         CREATE TABLE good (id bigint PRIMARY KEY, body text); INSERT INTO good VALUES (1, 'one')",
    ))
    .await;
    let url = url_as(&site.database_url, &role);
    let run = || site.run(&of_table("job", "good", SPEC)).env("DATABASE_URL", &url);
    assert_refused("a table", &run().end().await, &["spec.source.table", "public.good", "GRANT", &role]);
    site.execute(&format!("GRANT SELECT (id) ON good TO {role}")).await;
    assert_refused("a column", &run().end().await, &["spec.source.table.payload", "body", "GRANT", &role]);
    assert_nothing_made("without permission", &site).await;
    site.execute(&format!("GRANT SELECT ON good TO {role}")).await;
    run().end().await.assert_code(0);

    let site = Site::new().await;
    let stranger = format!("stranger_{:x}", rand::random::<u64>());
    site.execute(&format!("CREATE ROLE {stranger} LOGIN")).await;
    let run = site.run(&generated("job", 10, SPEC)).env("DATABASE_URL", url_as(&site.database_url, &stranger));
    assert_refused("no right to make the ledger", &run.end().await, &["GRANT CREATE ON DATABASE"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_do_not_let_us_in_are_told_in_one_sentence() {
    let site = Site::breakable().await;
    let database = site.text("SELECT current_database()::text").await;
    let hba = site.text("SHOW hba_file").await;
    site.execute(&format!(
        "SET password_encryption = 'scram-sha-256'; CREATE ROLE guarded LOGIN PASSWORD 'right';
         GRANT CREATE ON DATABASE {database} TO guarded",
    ))
    .await;
    std::fs::write(&hba, "local all guarded scram-sha-256\nlocal all banned reject\nlocal all all trust\n").unwrap();
    site.execute("CREATE ROLE banned LOGIN; SELECT pg_reload_conf()").await;
    let manifest = generated("job", 100, SPEC);
    let with = |url: String| site.run(&manifest).env("DATABASE_URL", url).env("VAULTSTREAM_CONNECT_TIMEOUT", "1s");
    let guarded = |password: &str| url_as(&site.database_url, &format!("guarded:{password}"));

    let wrong = with(guarded("wrong-s3cret")).end().await;
    assert_refused("a wrong password", &wrong, &["password", "guarded"]);
    assert!(!wrong.stderr.contains("wrong-s3cret"), "the password is told: {}", wrong.stderr);
    let none = with(url_as(&site.database_url, "guarded")).end().await;
    assert_refused("no password", &none, &["password"]);
    assert_refused("a banned role", &with(url_as(&site.database_url, "banned")).end().await, &["banned"]);
    assert_refused("a role that is not there", &with(url_as(&site.database_url, "ghost")).end().await, &["ghost"]);
    let (server, _) = site.database_url.rsplit_once('/').unwrap();
    assert_refused("a database that is not there", &with(format!("{server}/ghost")).end().await, &["ghost"]);
    assert_refused("a URL that is none", &with("nonsense".into()).end().await, &["URL"]);
    assert_refused(
        "a server that is down",
        &with("postgres://someone@127.0.0.1:9/ledger".into()).end().await,
        &["127.0.0.1", "cannot be reached"],
    );
    let nats = |url: &str| with(guarded("right")).env("VAULTSTREAM_NATS_URL", url);
    assert_refused("a NATS that is down", &nats("nats://127.0.0.1:9").end().await, &["127.0.0.1:9"]);
    let (_, place) = site.nats_url.split_once('@').unwrap();
    let wrong = nats(&format!("nats://wrong-t0ken@{place}")).end().await;
    assert_refused("a wrong token", &wrong, &["nats"]);
    assert!(!wrong.stderr.contains("wrong-t0ken"), "the token is told: {}", wrong.stderr);
    assert_refused("a NATS URL that is none", &nats("http://localhost").end().await, &["nats"]);
    assert_nothing_made("servers that refuse", &site).await;
    with(guarded("right")).end().await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_newer_than_the_program_is_left_alone() {
    let site = Site::new().await;
    site.ledger().await.migrate().await.unwrap();
    site.execute("UPDATE vaultstream.meta SET least_program = 999").await;
    let manifest = generated("job", 100, SPEC);
    assert_refused("run", &site.run(&manifest).end().await, &["ledger", "999"]);
    assert_refused("migrate", &site.ledger_command(&["migrate"]).end().await, &["ledger", "999"]);
    assert_refused("verify", &site.ledger_command(&["verify", "--job", "job"]).end().await, &["ledger", "999"]);
    assert_refused("a worker", &site.worker(uuid::Uuid::new_v4()).await.end().await, &["ledger", "999"]);
    assert_nothing_made("a newer ledger", &site).await;
    site.execute("UPDATE vaultstream.meta SET least_program = 1").await;
    site.run(&manifest).end().await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kek_that_is_missing_damaged_or_wrong_is_refused_before_anything_is_made() {
    let site = Site::new().await;
    let manifest = generated("job", 400, SPEC);
    let right = std::fs::read_to_string(site.kek()).unwrap();
    std::fs::write(site.kek(), "no key").unwrap();
    assert_refused("no key", &site.run(&manifest).end().await, &["kek"]);
    std::fs::remove_file(site.kek()).unwrap();
    assert_refused("a missing file", &site.run(&manifest).end().await, &["kek"]);
    assert_nothing_made("without a KEK", &site).await;
    let given = Program::vaultstream(&["run", "-f", "-"]).env("DATABASE_URL", &site.database_url);
    assert_refused("no manifest and no KEK", &given.end().await, &[]);

    // The job begins under one KEK and continues under no other.
    std::fs::write(site.kek(), &right).unwrap();
    site.run(&manifest).fault("after-commit:2=kill").end().await.assert_killed("after-commit");
    // What its other lanes had sent before it died may still be committed.
    let sessions =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    until("its sessions are gone", || async { site.number(sessions).await == 0 }).await;
    let before = (site.signed().await, made_keys(&site).await);
    let other = tempfile::tempdir().unwrap();
    let other = vaultstream_embedded::kek_file(other.path())
        .map(|file| (std::fs::read_to_string(file).unwrap(), other))
        .unwrap();
    std::fs::write(site.kek(), &other.0).unwrap();
    assert_refused("another KEK", &site.run(&manifest).end().await, &["key-encryption key"]);
    assert_refused(
        "another KEK at a worker",
        &site.worker(site.uid().await).await.end().await,
        &["key-encryption key"],
    );
    assert_eq!((site.signed().await, made_keys(&site).await), before, "something was made under the wrong KEK");
    assert_eq!(site.number("SELECT count(*) FROM vaultstream.keks").await, 1, "the wrong KEK was noted as a right one");
    std::fs::write(site.kek(), &right).unwrap();
    site.run(&manifest).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 400).await;
}

async fn made_keys(site: &Site) -> i64 {
    site.number("SELECT count(*) FROM vaultstream.keys WHERE public_key IS NOT NULL").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_change_in_a_job_is_refused() {
    let site = Site::new().await;
    let manifest = generated("job", 400, SPEC);
    site.run(&manifest).args(&["--seed-only"]).end().await.assert_code(0);
    for (field, changed) in [
        ("spec.batchSize", manifest.replace("batchSize: 20", "batchSize: 30")),
        ("spec.keys.count", manifest.replace("count: 4", "count: 5")),
        ("spec.source", manifest.replace("records: 400", "records: 500")),
        ("spec.signing.message", format!("{manifest}  signing: {{message: Bound}}\n")),
    ] {
        assert_refused(field, &site.run(&changed).end().await, &[field]);
    }
    // The rest takes effect.
    site.run(&manifest.replace("records: 100", "records: 60")).end().await.assert_code(0);
    assert_signed_exactly_once(&site, "job", 400).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_start_says_why_in_one_sentence() {
    let site = Site::new().await;
    let uid = uuid::Uuid::new_v4();
    assert_refused("a ledger that is none", &site.worker(uid).await.end().await, &["vaultstream migrate"]);
    site.ledger().await.migrate().await.unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut args = vec!["--job-uid".to_owned(), uid.to_string(), "--http-address".to_owned(), address.clone()];
    args.extend(["--connection-dir".to_owned(), site.dir.path().to_str().unwrap().to_owned()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    assert_refused("a port taken", &Program::worker(&args).end().await, &[&address, "--http-address"]);
    for file in ["DATABASE_URL", "NATS_URL", "kek"] {
        let path = site.dir.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_refused(file, &site.worker(uid).await.end().await, &["connection Secret", file]);
        std::fs::write(&path, text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_dir_that_cannot_be_used_is_refused() {
    let site = Site::new().await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    let manifest = dir.path().join("job.yaml");
    std::fs::write(&manifest, generated("job", 10, SPEC)).unwrap();
    let run = |data: &std::path::Path| {
        Program::vaultstream(&["run", "-f", manifest.to_str().unwrap(), "--data-dir", data.to_str().unwrap()])
    };
    assert_refused("a file", &run(&file).end().await, &["data-dir"]);
    assert_refused("below a file", &run(&file.join("data")).end().await, &["data-dir"]);
    let verify = Program::vaultstream(&["verify", "--job", "job", "--data-dir", dir.path().to_str().unwrap()]);
    assert_refused("no run there", &verify.end().await, &["is not a data-dir", "--data-dir"]);
    let unknown = site.run(&generated("job", 10, SPEC)).end().await;
    unknown.assert_code(0);
    let unknown = site.ledger_command(&["verify", "--job", "other"]).end().await;
    assert_refused("an unknown job", &unknown, &["default/other"]);
}

/// On a file system of its own that is too small, and large enough afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_in_one_sentence_and_the_job_goes_on_when_there_is_room() {
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size=150m,mode=755 tmpfs "$DISK" || exit 77
        "$0" "$@"; echo "first: $?"
        mount -o remount,size=1g "$DISK" || exit 78
        exec "$0" "$@""#;
    let disk = tempfile::tempdir().unwrap();
    let manifest = disk.path().with_extension("yaml");
    std::fs::write(&manifest, generated("job", 300_000, "batchSize: 5000")).unwrap();
    let data = disk.path().join("data");
    let run = ["run", "-f", manifest.to_str().unwrap(), "--data-dir", data.to_str().unwrap(), "--output", "json"];
    let ended = Program::in_mount_namespace(SCRIPT, &run).env("DISK", disk.path()).end().await;
    std::fs::remove_file(&manifest).unwrap();
    if ended.status.code() == Some(77) || ended.stderr.contains("unshare: unshare failed") {
        // Written past the test runner, which would keep it to itself.
        let told =
            format!("SKIPPED a_full_disk: this system does not let this user mount a file system: {}\n", ended.stderr);
        std::fs::write("/dev/stderr", told).unwrap();
        return;
    }
    ended.assert_code(0);
    assert!(ended.stdout.starts_with("first: 2\n"), "{}{}", ended.stdout, ended.stderr);
    let told: Vec<_> = ended.stderr.lines().filter(|line| line.starts_with("vaultstream:")).collect();
    assert_eq!(told.len(), 1, "{}", ended.stderr);
    // Postgres refuses what it has no room for, or ends when that is its own log.
    let full = ["out of space", "the disk is full"].iter().any(|words| told[0].contains(words));
    assert!(full && told[0].contains("free some space"), "{}", told[0]);
    assert_eq!(
        (ended.report()["signed"].as_u64(), ended.report()["verified"].as_u64() > Some(9_000)),
        (Some(300_000), true)
    );
}
