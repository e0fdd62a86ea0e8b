//! Where the ledger is: flags beat the environment, each command names its ledger, and nothing is made in a database in which
//! nothing can be signed.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::{Ended, Program, Site, generated, of_table, skipped};

const SPEC: &str = "batchSize: 50\nkeys: {count: 2}";

/// The schema is what a ledger begins with.
async fn has_ledger(site: &Site) -> bool {
    site.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'vaultstream'").await > 0
}

#[track_caller]
fn ledger_line(ended: &Ended) -> &str {
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("ledger: ")).collect();
    assert_eq!(lines.len(), 1, "{}", ended.stderr);
    lines[0]
}

/// A shell of Rails, Django or Heroku exports DATABASE_URL.
#[tokio::test(flavor = "multi_thread")]
async fn a_data_dir_that_was_asked_for_is_used_whatever_database_the_shell_names() {
    let application = Site::new().await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (data, manifest) = (dir.path().join("data"), dir.path().join("job.yaml"));
    std::fs::write(&manifest, generated("job", 100, SPEC)).unwrap();
    let (data, manifest) = (data.to_str().unwrap(), manifest.to_str().unwrap());
    let in_shell = |args: &[&str]| Program::vaultstream(args).env("DATABASE_URL", &application.database_url);

    let run = in_shell(&["run", "-f", manifest, "--data-dir", data]).end().await;
    run.assert_code(0);
    assert!(ledger_line(&run).contains(data) && ledger_line(&run).contains("schema version"), "{}", run.stderr);
    assert!(!has_ledger(&application).await, "a ledger was made in the application's database");
    // People who read a file get a line a stage, from the first moment on.
    assert!(run.stderr.starts_with("starting Postgres and NATS\n"), "{}", run.stderr);
    assert!(run.stderr.contains("default/job: verifying\n"), "{}", run.stderr);
    assert!(run.stderr.contains(&format!("vaultstream verify --job default/job --data-dir {data}")), "{}", run.stderr);
    for args in [&["verify", "--job", "job", "--data-dir", data][..], &["status", "--data-dir", data][..]] {
        let ended = in_shell(args).end().await;
        ended.assert_code(0);
        assert!(ended.stdout.contains("default/job") && ledger_line(&ended).contains(data), "{}", ended.stderr);
    }
    // A name of our own is said to be passed over; another program's is its own affair.
    let ours = Program::vaultstream(&["status", "--data-dir", data]).env("VAULTSTREAM_DATABASE_URL", "postgres://a/b");
    let ours = ours.end().await;
    ours.assert_code(0);
    assert!(ours.stderr.contains("VAULTSTREAM_DATABASE_URL is not used"), "{}", ours.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_variable_is_read_first_and_the_one_of_all_is_named_where_it_decides() {
    let (ours, other) = (Site::new().await, Site::new().await);
    let manifest = generated("job", 100, SPEC);
    let database = ours.text("SELECT current_database()::text").await;
    let run = ours.run(&manifest).env("DATABASE_URL", &other.database_url);
    let run = run.env("VAULTSTREAM_DATABASE_URL", &ours.database_url).end().await;
    run.assert_code(0);
    let line = ledger_line(&run);
    assert!(line.contains(&format!("database {database} on ")) && line.ends_with(", made now"), "{line}");
    assert!(!has_ledger(&other).await);
    let newest = vaultstream_ledger::schema_version();
    for (args, named_by_all) in [
        (&["status"][..], true),
        (&["verify", "--job", "job"][..], true),
        (&["keys", "--job", "job"][..], true),
        (&["export", "--job", "job"][..], true),
        (&["migrate"][..], true),
        (&["status", "--database-url", &ours.database_url][..], false),
    ] {
        let ended = ours.ledger_command(args).end().await;
        ended.assert_code(0);
        let line = ledger_line(&ended);
        assert!(line.contains(&database) && line.contains(&format!("schema version {newest}")), "{args:?}: {line}");
        assert_eq!(line.contains("DATABASE_URL of the environment"), named_by_all, "{args:?}: {line}");
    }
    // Nobody gave --database-url: what did is named, and how to go without it.
    let file = ours.dir.path().join("job.yaml");
    std::fs::write(&file, &manifest).unwrap();
    let bare = Program::vaultstream(&["run", "-f", file.to_str().unwrap()]).env("DATABASE_URL", &other.database_url);
    let bare = bare.end().await;
    bare.assert_code(2);
    for word in ["DATABASE_URL of the environment", "--kek-file", "--data-dir"] {
        assert!(bare.stderr.contains(word), "{}", bare.stderr);
    }
    assert!(!has_ledger(&other).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_in_a_database_before_kek_table_and_nats_are_known_to_be_right() {
    let site = Site::new().await;
    site.execute("CREATE TABLE words (id text[] PRIMARY KEY, body text)").await;
    let good = generated("job", 100, SPEC);
    let right = std::fs::read_to_string(site.kek()).unwrap();
    let refused = |what: &'static str, ended: Ended| {
        assert_eq!(ended.status.code(), Some(2), "{what}: {}", ended.stderr);
        assert!(!ended.stderr.contains("ledger: "), "{what}: {}", ended.stderr);
    };
    std::fs::write(site.kek(), "no key").unwrap();
    refused("a damaged KEK", site.run(&good).end().await);
    assert!(!has_ledger(&site).await, "a damaged KEK");
    std::fs::write(site.kek(), &right).unwrap();
    for table in ["nowhere", "words"] {
        refused(table, site.run(&of_table("job", table, SPEC)).end().await);
        assert!(!has_ledger(&site).await, "{table}");
    }
    let deaf =
        site.run(&good).env("VAULTSTREAM_NATS_URL", "nats://127.0.0.1:9").env("VAULTSTREAM_CONNECT_TIMEOUT", "1s");
    refused("no NATS", deaf.end().await);
    assert!(!has_ledger(&site).await, "no NATS");
    site.run(&good).end().await.assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_up_prints_what_a_shell_takes_and_says_how_to_end_it() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = dir.path().join("my data");
    let data = data.to_str().unwrap();
    let up = Program::vaultstream(&["dev", "up", "--data-dir", data]).end().await;
    up.assert_code(0);
    assert!(
        up.stdout.lines().count() >= 2 && up.stdout.lines().all(|line| line.starts_with("export ")),
        "{}",
        up.stdout
    );
    let how = format!("vaultstream dev down --data-dir '{data}'");
    assert!(up.stderr.starts_with("starting ") && up.stderr.contains(&how), "{}", up.stderr);
    let script = r#"eval "$1"; printf '%s\n%s' "$VAULTSTREAM_DATABASE_URL" "$VAULTSTREAM_DATA_DIR""#;
    let taken = Program::new("sh").args(&["-c", script, "sh", &up.stdout]).end().await;
    let (url, folder) = taken.stdout.split_once('\n').unwrap();
    assert_eq!(folder, data);
    Program::vaultstream(&["migrate"]).env("VAULTSTREAM_DATABASE_URL", url).end().await.assert_code(0);
    let status = Program::vaultstream(&["dev", "status", "--data-dir", data]).end().await;
    assert_eq!(status.assert_code(0).stdout, up.stdout);
    Program::vaultstream(&["dev", "down", "--data-dir", data]).end().await.assert_code(0);
}

/// As people see it.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_each_stage_is_named_and_no_bar_is_full_before_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = dir.path().join("job.yaml");
    let slow = "batchSize: 20\nkeys: {count: 4}\nworkers: {maxRecordsPerSecond: 300}";
    std::fs::write(&manifest, generated("job", 1200, slow)).unwrap();
    let Some(program) = Program::on_terminal(&format!("run -f {}", manifest.display())) else {
        skipped("on_a_terminal: script(1) is not installed");
        return;
    };
    let seen = program.end().await;
    seen.assert_code(0);
    let seen = seen.stdout;
    for words in ["starting Postgres and NATS", "default/job: signing ", "/1,200 ", "VERIFIED", "are gone now"] {
        assert!(seen.contains(words), "{words}: {seen:?}");
    }
    for wrong in ["0/0", " 0s left", "%!", "panicked"] {
        assert!(!seen.contains(wrong), "{wrong}: {seen:?}");
    }
    assert!(seen.contains('\u{1b}'), "a terminal has colours");
    assert!(seen.find("starting").unwrap() < 40, "the first words: {seen:?}");
}
