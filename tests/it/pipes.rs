//! Output that is not read, and output that the disk does not take: each command ends quietly or with one sentence, and never with
//! a panic.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Stdio;

use vaultstream::args::Cli;

use crate::harness::{Ended, Program, Site, generated};

/// A pipe whose reader has gone.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A disk without room.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// Every command that prints something, as it is run on a site with the job `job`; `@` is the site's folder.
const COMMANDS: &[(&str, &str)] = &[
    ("", "--help"),
    ("", "--version"),
    ("run", "run -f @/job.yaml --kek-file @/kek"),
    ("run", "run -f @/job.yaml --kek-file @/kek -o json"),
    ("verify", "verify --job job"),
    ("verify", "verify --job job -o json"),
    ("export", "export --job job"),
    ("export", "export --job job --format csv"),
    ("export", "export --job job --bundle -"),
    ("bench", "bench --records 100 --batch-size 50 --keys 2 --pairs 1 --raw-time 10ms --kek-file @/kek"),
    (
        "bench",
        "bench --follow --insert-rate 50 --insert-time 1s --max-delay 50ms --keys 2 --pairs 1 --raw-time 10ms --kek-file @/kek",
    ),
    ("keys", "keys --job job"),
    ("keys", "keys --job job --format jwks"),
    ("keys rewrap", "keys rewrap --kek-file @/kek --old-kek-file @/kek"),
    ("receipt", "receipt --job job"),
    ("status", "status"),
    ("status", "status --job job"),
    ("status", "status -o json"),
    ("migrate", "migrate"),
    ("tenant list", "tenant list"),
    ("tenant auditor", "tenant auditor default --role auditor_of_pipes"),
    ("tenant operator", "tenant operator default --role operator_of_pipes"),
    ("dev status", "dev status --data-dir @"),
    ("dev down", "dev down --data-dir @"),
    ("crd", "crd"),
    ("completions", "completions bash"),
];

/// Nothing that `up` says is said otherwise than by `status`, and it leaves servers behind. `delete` needs a job each time, and `revoke` a
/// key; a tenant is there once.
const LEFT_OUT: &[&str] = &[
    "dev up",
    "delete",
    "keys revoke",
    "tenant add",
    "tenant remove",
    "tenant secret",
    "source enable",
    "source disable",
    "source status",
    // It serves until it is stopped, and writes nothing to stdout.
    "ui",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_or_full_stdout_ends_every_command_without_a_panic() {
    let site = Site::new().await;
    let manifest = generated("job", 100, "batchSize: 50\nkeys: {count: 2}");
    std::fs::write(site.dir.path().join("job.yaml"), &manifest).unwrap();
    site.run(&manifest).end().await.assert_code(0);
    let folder = site.dir.path().to_str().unwrap();
    for (_, command) in COMMANDS {
        let args: Vec<String> = command.split(' ').map(|word| word.replace('@', folder)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let on = |stdout: Stdio| site.ledger_command(&args).env("VAULTSTREAM_NATS_URL", &site.nats_url).stdout(stdout);
        assert_quiet(&format!("{command} | true"), &on(closed()).end().await);
        let ended = on(full()).end().await;
        assert_no_panic(&format!("{command} > /dev/full"), &ended);
        ended.assert_code(1);
        assert!(ended.stderr.contains("failed to write the output: No space left"), "{command}: {}", ended.stderr);
        // Remarks are worth no failure.
        let ended = on(Stdio::null()).stderr(closed()).end().await;
        ended.assert_code(0);
    }
    for (stdout, code) in [(closed(), 141), (full(), 1)] {
        let given_up = generated("given-up", 100, "batchSize: 50\nkeys: {count: 2}");
        site.run(&given_up).args(&["--seed-only"]).end().await.assert_code(0);
        let ended = site.ledger_command(&["delete", "--job", "given-up", "--yes"]).stdout(stdout).end().await;
        assert_no_panic("delete", &ended);
        ended.assert_code(code);
        assert_eq!(site.number("SELECT count(*) FROM vaultstream.jobs WHERE name = 'given-up'").await, 0);
    }
}

#[track_caller]
fn assert_quiet(what: &str, ended: &Ended) {
    assert_no_panic(what, ended);
    assert_eq!(ended.status.code(), Some(141), "{what}: {}", ended.stderr);
    assert!(!ended.stderr.contains("vaultstream:"), "{what}: {}", ended.stderr);
}

#[track_caller]
fn assert_no_panic(what: &str, ended: &Ended) {
    assert!(!ended.stderr.contains("panicked") && ended.status.code() != Some(101), "{what}: {}", ended.stderr);
}

#[test]
fn no_command_is_left_out() {
    use clap::CommandFactory as _;
    let cli = Cli::command();
    let mut all = BTreeSet::new();
    for command in cli.get_subcommands() {
        // `keys` prints by itself, `dev` does not.
        let inner: Vec<_> =
            command.get_subcommands().map(|inner| format!("{} {}", command.get_name(), inner.get_name())).collect();
        if inner.is_empty() || !command.is_subcommand_required_set() {
            all.insert(command.get_name().to_owned());
        }
        all.extend(inner);
    }
    let named = COMMANDS.iter().map(|(name, _)| *name).chain(LEFT_OUT.iter().copied());
    let named: BTreeSet<String> = named.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    assert_eq!(named, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_tell_still_signs_the_rest_of_its_manifest() {
    let site = Site::new().await;
    let spec = "batchSize: 50\nkeys: {count: 2}";
    let manifest = format!("{}---\n{}", generated("first", 100, spec), generated("second", 100, spec));
    let ended = site.run(&manifest).stdout(closed()).end().await;
    assert_quiet("run | true", &ended);
    let complete = "SELECT count(*) FROM vaultstream.jobs WHERE state = 'Complete'";
    assert_eq!(site.number(complete).await, 2, "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_terminal_codes_go_into_files_and_pipes() {
    let site = Site::new().await;
    let manifest = generated("job", 100, "batchSize: 50\nkeys: {count: 2}");
    let seeded = site.seed(&manifest).await;
    let worker = site.worker(seeded.uid).await.env("VAULTSTREAM_LOG", "debug").start();
    seeded.drive(crate::harness::quick()).complete().await;
    worker.signal(rustix::process::Signal::TERM);
    let (worker, run) = (worker.end().await, site.run(&manifest).args(&["--log", "debug"]).end().await);
    let wrong = Program::vaultstream(&["run", "--nonsense"]).end().await;
    let operator = Program::new(env!("CARGO_BIN_EXE_vaultstream-operator-with-faults")).args(&["run"]);
    let operator = operator.env("KUBECONFIG", "/nowhere").end().await;
    for (what, ended) in [("worker", worker), ("run", run), ("wrong arguments", wrong), ("operator", operator)] {
        assert!(!ended.stderr.is_empty(), "{what} said nothing");
        assert!(!ended.stderr.contains('\u{1b}') && !ended.stdout.contains('\u{1b}'), "{what}: {:?}", ended.stderr);
    }
}
