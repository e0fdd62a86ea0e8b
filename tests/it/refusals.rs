//! Bad input: exit code 2, one sentence on stderr that names the field or the option, and nothing half-made.

mod servers;
mod tables;

use crate::harness::{Ended, Program, Site, assert_signed_exactly_once, generated};

const SPEC: &str = "batchSize: 20\nkeys: {count: 4, lease: {records: 100, duration: 5s}}";

/// One sentence, exit code 2, nothing on stdout.
#[track_caller]
fn assert_refused(what: &str, ended: &Ended, words: &[&str]) {
    assert_eq!(ended.status.code(), Some(2), "{what}: {}\n{}{}", ended.status, ended.stdout, ended.stderr);
    assert_eq!(ended.stdout, "", "{what}");
    // A worker may have logged before, and a command says what it starts and where its ledger is; nothing comes after the
    // sentence, and nothing else is said twice.
    let before = |line: &&str| {
        let of_the_owner = line.contains("reaches the jobs of every namespace");
        of_the_owner || line.contains(" INFO") || line.starts_with("ledger: ") || line.starts_with("starting ")
    };
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
                      AND relkind IN ('r', 'p') AND relname ~ '_[0-9]+$'";
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
                "--backend is fast: unknown backend \"fast\": use engine, native or reference",
                "  help: vaultstream run --help",
            ],
        ),
        (
            &["run", "x.yaml", "--again", "--again"],
            &["--again can be given only once", "  help: vaultstream run --help"],
        ),
        (
            &["verify"],
            &[
                "missing: --job <NS/NAME> or --uid <UID> or --bundle <FILE> or [NS/]NAME",
                "  help: vaultstream verify --help",
            ],
        ),
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

/// The same place as another user.
fn url_as(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}@{place}")
}
