//! Manifests as people write them: what is read, with which defaults, and what is said about mistakes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this file holds only tests")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use vaultstream_api::{MAX_MANIFESTS, Phase, SigningJob, SigningJobSpec, Source, schema};

fn manifest(spec: &str) -> String {
    let spec = spec.lines().map(|line| format!("  {line}\n")).collect::<String>();
    format!("apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata:\n  name: test\nspec:\n{spec}")
}

fn error(yaml: &str) -> String {
    SigningJob::parse_manifests(yaml).unwrap_err().to_string()
}

fn spec_error(spec: &str) -> String {
    error(&manifest(spec))
}

const SOURCE: &str = "source: {generate: {records: 10}}";

#[test]
fn all_samples_are_valid() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/samples");
    let mut names = Vec::new();
    for entry in fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let jobs = SigningJob::parse_manifests(&fs::read_to_string(&path).unwrap());
            let jobs = jobs.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            names.extend(jobs.into_iter().filter_map(|job| job.metadata.name));
        }
    }
    names.sort();
    assert_eq!(names, ["autoscaling", "everything", "invoices", "quick-start"]);
}

#[test]
fn the_sample_with_everything_sets_every_field_of_the_spec() {
    let schema = &schema()["properties"]["spec"];
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/samples/everything.yaml");
    let sample: Value = serde_yaml_ng::from_str(&fs::read_to_string(sample).unwrap()).unwrap();

    fn missing(schema: &Value, value: Option<&Value>, path: &str, depth: usize, found: &mut Vec<String>) {
        let Some(value) = value else { return found.push(path.to_owned()) };
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            // The other kind of source, and what lies inside Kubernetes' own types, is not asked for.
            if name != "table" && depth < 3 {
                missing(inner, value.get(name), &format!("{path}.{name}"), depth + 1, found);
            }
        }
    }
    let mut found = Vec::new();
    missing(schema, sample.get("spec"), "spec", 0, &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_minimal_manifest_gets_every_default() {
    let job = SigningJob::parse_manifests(&manifest(SOURCE)).unwrap().remove(0);
    assert_eq!((job.metadata.name.as_deref(), job.metadata.namespace.as_deref()), (Some("test"), Some("default")));
    let expected = json!({
        "source": { "generate": { "records": 10, "payloadBytes": 64 } },
        "batchSize": 500,
        "maxPayloadBytes": 1_048_576,
        "keys": { "count": 100, "lease": { "records": 10000, "duration": "1m" } },
        "signing": { "nonce": "Hedged", "message": "Payload", "verify": "Sample" },
        "concurrency": { "records": 10, "signers": 8, "keys": 5 },
        "retry": { "maxAttempts": 5, "initialBackoff": "200ms", "maxBackoff": "30s" },
        "maxRejected": 0,
        "workers": { "minReplicas": 0, "maxReplicas": 10 },
        "autoscaling": { "mode": "Auto", "targetBacklog": 50000 },
        "connectionSecret": "vaultstream-connection",
        "suspend": false,
        "deletionPolicy": { "signatures": "Retain", "records": "Retain" },
    });
    assert_eq!(serde_json::to_value(&job.spec).unwrap(), expected);
}

/// The schema's defaults are what the API server stores; serde's are what a program sees. Emptied objects in between show
/// that the defaults of single members agree, too.
#[test]
fn the_defaults_of_the_schema_and_of_serde_agree() {
    let partial = json!({
        "source": { "table": { "name": "t", "key": "id", "payload": "body" } },
        "keys": { "lease": {} }, "signing": {}, "concurrency": {}, "retry": {}, "workers": {}, "autoscaling": {}, "deletionPolicy": {},
    });
    for spec in [json!({ "source": { "generate": { "records": 10 } } }), partial] {
        let by_serde: SigningJobSpec = serde_json::from_value(spec.clone()).unwrap();
        let manifest = json!({
            "apiVersion": "vaultstream.dev/v1alpha1", "kind": "SigningJob", "metadata": { "name": "x" }, "spec": spec,
        });
        let by_schema = SigningJob::parse_manifests(&manifest.to_string()).unwrap().remove(0).spec;
        assert_eq!(by_schema, by_serde);
        assert_eq!(by_serde, SigningJobSpec::new(by_serde.source.clone()));
        assert_eq!(by_serde.validate(), Ok(()));
    }
}

#[test]
fn a_spec_survives_being_written_and_read() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/samples/everything.yaml");
    let job = SigningJob::parse_manifests(&fs::read_to_string(sample).unwrap()).unwrap().remove(0);
    let written = serde_yaml_ng::to_string(&job).unwrap();
    assert!(!written.contains("null"), "optional means absent:\n{written}");
    assert_eq!(SigningJob::parse_manifests(&written).unwrap(), [job]);
}

#[test]
fn several_documents_are_several_jobs_in_their_order() {
    let two = format!(
        "---\n{}---\n{}---\n# nothing more\n",
        manifest(SOURCE),
        manifest(SOURCE).replace("name: test", "name: other")
    );
    let names: Vec<_> =
        SigningJob::parse_manifests(&two).unwrap().into_iter().filter_map(|job| job.metadata.name).collect();
    assert_eq!(names, ["test", "other"]);

    let twice = format!("{}---\n{}", manifest(SOURCE), manifest(SOURCE));
    assert_eq!(error(&twice), "11:3: the SigningJob default/test is in line 4 already: give this one another name");
    let elsewhere = manifest(SOURCE).replace("name: test", "name: test\n  namespace: other");
    assert!(SigningJob::parse_manifests(&format!("{}---\n{elsewhere}", manifest(SOURCE))).is_ok());
}

#[test]
fn what_is_not_a_signing_job_is_refused() {
    for empty in ["", "---\n---\n", "# only a comment\n"] {
        assert_eq!(
            error(empty),
            "1:1: there is no SigningJob here: it begins with `apiVersion: vaultstream.dev/v1alpha1` and `kind: SigningJob`",
            "{empty:?}"
        );
    }
    assert_eq!(
        error("apiVersion: v1\nkind: ConfigMap\ndata: {}\n"),
        "2:1: kind is ConfigMap: only a SigningJob can be run here: remove this document from the file"
    );
    assert_eq!(
        error("- 1\n"),
        "1:1: the document is [1]: it must be a SigningJob, beginning with `apiVersion: vaultstream.dev/v1alpha1` and `kind: SigningJob`"
    );
    let headers = [
        ("v1alpha1", "v1", "1:1: apiVersion is vaultstream.dev/v1: write `apiVersion: vaultstream.dev/v1alpha1`"),
        (
            "apiVersion: vaultstream.dev/v1alpha1\n",
            "",
            "1:1: apiVersion is missing: add `apiVersion: vaultstream.dev/v1alpha1`",
        ),
        ("kind: SigningJob\n", "", "1:1: kind is missing: add `kind: SigningJob`"),
        ("kind: SigningJob", "kind: signingjob", "2:1: kind is signingjob: write `kind: SigningJob`"),
        ("kind: SigningJob", "kind: SigningJobs", "2:1: kind is SigningJobs: write `kind: SigningJob`"),
    ];
    for (from, to, sentence) in headers {
        assert_eq!(error(&manifest(SOURCE).replacen(from, to, 1)), sentence, "{to}");
    }
}

#[test]
fn text_that_is_not_yaml_is_refused_with_line_and_column() {
    let cases = [
        ("a: [1, 2", "the bracket [ is never closed"),
        ("a: [1}", "the bracket [ is closed by }"),
        ("a: ]", "this bracket was never opened"),
        ("a: {b: 1 c: 2}", "1:11: not valid YAML: a `,` or `}` is missing"),
        ("a: b: c", "1:5: not valid YAML: a second `: ` in this line; put the value in quotes, or begin a new line"),
        ("a:\n\tb: 1", "2:1: not valid YAML: a tab is used for indentation; use spaces"),
        ("a:\n  b: 1\n c: 2", "3:2: not valid YAML: the indentation of this line fits no line above it"),
        ("a: \"x", "1:4: not valid YAML: the quote that begins here is never closed"),
        ("a: @x", "1:4: not valid YAML: a value cannot begin with @; put it in quotes"),
        ("a: *x", "1:4: this alias stands for nothing: there is no anchor of its name before it"),
        ("a: &x [*x]", "this alias contains itself: write the value out"),
        ("a: !x y", "the tag !x has no meaning in a SigningJob: remove it"),
        ("? [a]\n: b", "a field's name must be plain text"),
        ("a: 1\na: 2\n", "2:1: a is given twice, first in line 1: remove one"),
        ("a: &x {b: 1}\nc: {<<: *x}", "merge keys (<<) are not supported: write the fields out"),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|(broken, sentence)| (broken, sentence, error(broken)))
        .filter(|(_, sentence, told)| !told.lines().any(|line| line.contains(**sentence)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each of these took minutes, or all memory, before nesting, aliases and size were bounded.
#[test]
fn a_text_made_to_take_long_is_refused_at_once() {
    let bomb: String =
        (1..40).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "))).collect();
    let deep = "nested too deeply: a SigningJob never needs more than 64 levels";
    let blocks: String = (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let chain: String = (1..100).map(|n| format!("a{n}: &a{n} {{b: *a{}}}\n", n - 1)).collect();
    let cases = [
        ("[".repeat(200_000), deep),
        ("{a: ".repeat(200_000), deep),
        ("- ".repeat(200_000), deep),
        (blocks, deep),
        (format!("a0: &a0 x\n{chain}"), deep),
        (format!("a0: &a0 x\n{bomb}"), "aliases repeat more than 10000 values: write fewer of them"),
        ("a".repeat(MAX_MANIFESTS + 1), "1:1: longer than 8 MiB: split it into several files"),
    ];
    for (text, sentence) in cases {
        let begun = std::time::Instant::now();
        let told = error(&text);
        println!("{:?}: {sentence}", begun.elapsed());
        assert!(told.contains(sentence), "{sentence}: {told}");
    }
    let many: String = (0..100_000).map(|n| format!("  field{n}: 1\n")).collect();
    let told = error(&format!("{}{many}", manifest(SOURCE)));
    assert_eq!(told.lines().count(), 50, "{told}");
}

#[test]
fn every_mistake_is_one_sentence_with_field_value_and_remedy() {
    let cases = [
        ("batchSize: 0", "spec.batchSize is 0: it must be from 1 to 100000"),
        ("batchSize: 100001", "spec.batchSize is 100001: it must be from 1 to 100000"),
        ("batchSize: many", "spec.batchSize is \"many\": it must be a whole number, in digits only"),
        ("batchSize: '1000'", "spec.batchSize is \"1000\": remove the quotes"),
        ("batchSize: '0'", "spec.batchSize is \"0\": it must be from 1 to 100000"),
        ("batchSize: 0500", "spec.batchSize is \"0500\": write it in digits only: 500"),
        ("batchSize: 1.5", "spec.batchSize is 1.5: it must be a whole number"),
        ("batchSize: 1e3", "spec.batchSize is 1000.0: write it in digits only: 1000"),
        ("batchSize: 1_000", "spec.batchSize is \"1_000\": write it in digits only: 1000"),
        ("batchSize: 1,000", "spec.batchSize is \"1,000\": write it in digits only: 1000"),
        ("batchSize: 10k", "spec.batchSize is \"10k\": write it in digits only: 10000"),
        ("batchSize: [1]", "spec.batchSize is [1]: it must be a whole number"),
        ("batchSize: -1", "spec.batchSize is -1: it must be from 1 to 100000"),
        ("batchSize: 18446744073709551615", "spec.batchSize is 18446744073709551615: it must be from 1 to 100000"),
        ("batchSize: 100000000000000000000", "spec.batchSize is 1e+20: it must be from 1 to 100000"),
        ("keys: {count: 10001}", "spec.keys.count is 10001: it must be from 1 to 10000"),
        ("keys: 5", "spec.keys is 5: write `keys: {count: 5}`"),
        ("keys: many", "spec.keys is \"many\": it must be an object; its fields are count, lease and maxSignatures"),
        (
            "keys: [{count: 5}]",
            "spec.keys is [{\"count\":5}]: it must have fields, and is a list: remove the `- ` or the brackets",
        ),
        ("keys: {lease: 30s}", "spec.keys.lease is \"30s\": write `lease: {duration: 30s}`"),
        ("keys: {lease: 500}", "spec.keys.lease is 500: write `lease: {records: 500}`"),
        ("workers: 3", "spec.workers is 3: write `workers: {maxReplicas: 3}`"),
        ("concurrency: 8", "spec.concurrency is 8: it must be an object; its fields are keys, records and signers"),
        (
            "keys: {lease: {duration: 60}}",
            "spec.keys.lease.duration is 60: add a unit, such as 60s (units are h, m, s and ms)",
        ),
        (
            "retry: {maxBackoff: '30'}",
            "spec.retry.maxBackoff is 30: add a unit, such as 30s (units are h, m, s and ms)",
        ),
        ("retry: {maxBackoff: 30 seconds}", "spec.retry.maxBackoff is 30 seconds: write 30s"),
        ("ttlAfterFinished: 7d", "spec.ttlAfterFinished is 7d: write 168h"),
        ("ttlAfterFinished: 1.5 hours", "spec.ttlAfterFinished is 1.5 hours: write 1.5h"),
        (
            "keys: {lease: {duration: soon}}",
            "spec.keys.lease.duration is soon: it must be a duration with units h, m, s or ms, such as 60s, 200ms or 1h30m",
        ),
        ("keys: {lease: {duration: 4s}}", "spec.keys.lease.duration is 4s: it must be from 5s to 1h"),
        (
            "keys: {maxSignatures: 499}",
            "spec.keys.maxSignatures is 499: one key signs a whole batch, so it must be at least spec.batchSize, which is 500",
        ),
        ("signing: {nonce: Random}", "spec.signing.nonce is Random: it must be Hedged or Deterministic"),
        (
            "signing: {nonce: hedged}",
            "spec.signing.nonce is hedged: did you mean Hedged? It must be Hedged or Deterministic",
        ),
        ("signing: {message: ''}", "spec.signing.message is empty: it must be Payload or Bound"),
        (
            "retry: {initialBackoff: 1m}",
            "spec.retry.initialBackoff is 1m: it must not be above spec.retry.maxBackoff, which is 30s",
        ),
        (
            "maxRejected: half",
            "spec.maxRejected is half: it must be a whole number of records, or a whole percentage such as 1%",
        ),
        ("maxRejected: 1.5", "spec.maxRejected is 1.5: it must be a whole number"),
        ("suspend: 'yes'", "spec.suspend is \"yes\": write true"),
        ("suspend: off", "spec.suspend is \"off\": write false"),
        ("suspend: 'true'", "spec.suspend is \"true\": remove the quotes"),
        ("suspend: 1", "spec.suspend is 1: write true or false"),
        (
            "workers: {minReplicas: 11}",
            "spec.workers.minReplicas is 11: it must not be above spec.workers.maxReplicas, which is 10",
        ),
        (
            "workers: {template: {tolerations: {}}}",
            "spec.workers.template.tolerations is {}: it must be a list: begin each entry with `- `",
        ),
        ("workers: {template: }", "spec.workers.template has no value: add one, or remove the field"),
        (
            "workers: {template: {env: [{name: A, value: 5}]}}",
            "spec.workers.template.env[0].value is 5: it must be text: write \"5\", with the quotes",
        ),
        (
            "workers: {template: {env: [{name: A}, {name: A}]}}",
            "spec.workers.template.env[1].name is A: an item before it has the same: remove one",
        ),
        (
            "workers: {template: {env: [{name: LD_PRELOAD}]}}",
            "spec.workers.template.env[0].name is LD_PRELOAD: this variable belongs to the worker or its loader: remove it",
        ),
        (
            "workers: {template: {labels: {vaultstream.dev/job: x}}}",
            "spec.workers.template.labels[vaultstream.dev/job] is x: names under vaultstream.dev/ belong to the operator: choose another",
        ),
        (
            "workers: {template: {resources: {limits: {memory: much}}}}",
            "spec.workers.template.resources.limits[memory] is much: it must be a Kubernetes quantity such as 500m, 2 or 128Mi",
        ),
        (
            "connectionSecret: My_Secret",
            "spec.connectionSecret is My_Secret: it must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends of every part",
        ),
        ("connectionSecret: ''", "spec.connectionSecret is empty: give it a value"),
        (
            "connectionSecret: \"\\e[2J\"",
            "spec.connectionSecret is \\u{1b}[2J: it must be lower-case letters, digits, '-' and '.', with a letter or digit at both ends of every part",
        ),
    ];
    for (line, sentence) in cases {
        let told = spec_error(&format!("{SOURCE}\n{line}"));
        let (_, after) = told.split_once(": ").unwrap();
        assert_eq!(after, sentence, "{line}");
    }
}

#[test]
fn an_unknown_field_is_told_where_it_belongs() {
    let cases = [
        ("batchsize: 5", "spec.batchsize: unknown field; did you mean batchSize?"),
        ("batch_size: 5", "spec.batch_size: unknown field; did you mean batchSize?"),
        ("batch-size: 5", "spec.batch-size: unknown field; did you mean batchSize?"),
        ("keys: {leese: {}}", "spec.keys.leese: unknown field; did you mean lease?"),
        (
            "keys: {max: 5}",
            "spec.keys.max: unknown field; remove it; the fields here are count, lease and maxSignatures",
        ),
        ("targetBacklog: 5", "spec.targetBacklog: unknown field; it belongs under spec.autoscaling"),
        ("target_backlog: 5", "spec.target_backlog: unknown field; it belongs under spec.autoscaling"),
        ("nonce: Hedged", "spec.nonce: unknown field; it belongs under spec.signing"),
        ("table: {}", "spec.table: unknown field; it belongs under spec.source"),
        ("env: []", "spec.env: unknown field; it belongs under spec.workers.template"),
        (
            "records: 5",
            "spec.records: unknown field; it belongs under spec.concurrency, spec.deletionPolicy, spec.keys.lease or spec.source.generate",
        ),
        ("keys: {batchSize: 5}", "spec.keys.batchSize: unknown field; it belongs under spec"),
        (
            "workers: {template: {affinity: {nodeAffinity: {requires: {}}}}}",
            "spec.workers.template.affinity.nodeAffinity.requires: unknown field; remove it; the fields here are preferredDuringSchedulingIgnoredDuringExecution and requiredDuringSchedulingIgnoredDuringExecution",
        ),
    ];
    for (line, sentence) in cases {
        let told = spec_error(&format!("{SOURCE}\n{line}"));
        let (_, after) = told.split_once(": ").unwrap();
        assert_eq!(after, sentence, "{line}");
    }
    assert_eq!(
        error(&format!("{}batchSize: 1\n", manifest(SOURCE))),
        "7:1: batchSize: unknown field; it belongs under spec"
    );
}

#[test]
fn mistakes_in_the_source_are_explained() {
    let cases = [
        ("{}", "spec.source is empty: add either generate or table"),
        ("7", "spec.source is 7: it must be an object; its fields are generate and table"),
        (
            "{generate: {records: 1}, table: {name: t, key: id, payload: p}}",
            "spec.source has both generate and table: keep one of them",
        ),
        ("{generate: {}}", "spec.source.generate.records is missing: add it"),
        ("{generate: 1000}", "spec.source.generate is 1000: write `generate: {records: 1000}`"),
        ("{generate: {records: \"1000\"}}", "spec.source.generate.records is \"1000\": remove the quotes"),
        ("{generate: {record: 10}}", "spec.source.generate.record: unknown field; did you mean records?"),
        ("{generate: {records: 0}}", "spec.source.generate.records is 0: it must be from 1 to 500000000000"),
        (
            "{generate: {records: 1000000, payloadBytes: 2000000}}",
            "spec.source.generate.payloadBytes is 2000000: it must be from 0 to 1048576",
        ),
        (
            "{table: {schema: pg_catalog, name: t, key: id, payload: p}}",
            "spec.source.table.schema is pg_catalog: tables of the system and of VaultStream itself cannot be signed: name another schema",
        ),
        (
            "{table: {name: \"a\\tb\", key: id, payload: p}}",
            "spec.source.table.name is a\\tb: it must be a name as Postgres spells it, without quotes or control characters",
        ),
        ("{file: x}", "spec.source.file: unknown field; remove it; the fields here are generate and table"),
        ("{tabel: {name: t}}", "spec.source.tabel: unknown field; did you mean table?"),
    ];
    for (source, sentence) in cases {
        let told = spec_error(&format!("source: {source}"));
        let (_, after) = told.split_once(": ").unwrap();
        assert_eq!(after, sentence, "{source}");
    }
    assert_eq!(
        spec_error("source: {table: {name: t}}"),
        "6:12: spec.source.table.key is missing: add it\n6:12: spec.source.table.payload is missing: add it"
    );
    assert_eq!(spec_error("batchSize: 5"), "5:1: spec.source is missing: add it");
    let many = "source: {generate: {records: 5000001}}\nbatchSize: 1";
    assert_eq!(
        spec_error(many),
        "7:3: spec.batchSize is 1: 5000001 records would be 5000001 batches, and 5000000 is the limit: make it at least 2"
    );
}

#[test]
fn mistakes_around_the_spec_are_explained() {
    let no_name = manifest(SOURCE).replace("  name: test", "  namespace: x");
    assert_eq!(error(&no_name), "3:1: metadata.name is missing: add a name for the job");
    let no_metadata = manifest(SOURCE).replace("metadata:\n  name: test\n", "");
    assert_eq!(error(&no_metadata), "1:1: metadata.name is missing: add a name for the job");
    let only_a_name = manifest(SOURCE).replace("metadata:\n  name: test\n", "metadata: test\n");
    assert_eq!(error(&only_a_name), "3:1: metadata is \"test\": write `metadata: {name: …}`");
    let capital = manifest(SOURCE).replace("name: test", "name: Test");
    let label = "it must be at most 40 lower-case letters, digits and '-', with a letter or digit at both ends";
    assert_eq!(error(&capital), format!("4:3: metadata.name is Test: {label}"));
    let namespace = manifest(SOURCE).replace("name: test", "name: test\n  namespace: a/b");
    assert!(error(&namespace).starts_with("5:3: metadata.namespace is a/b: it must be at most 63"));
    let unknown = manifest(SOURCE).replace("name: test", "name: test\n  label: {}");
    assert_eq!(error(&unknown), "5:3: metadata.label: unknown field; did you mean labels?");
    assert_eq!(
        error(&format!("{}extra: 1\n", manifest(SOURCE))),
        "7:1: extra: unknown field; remove it; the fields here are apiVersion, kind, metadata, spec and status"
    );
    for no_spec in ["", "spec:\n"] {
        let told =
            error(&format!("apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {{name: a}}\n{no_spec}"));
        assert!(told.ends_with(": spec is missing: add it, with at least `source`"), "{told}");
    }
}

#[test]
fn all_faults_of_all_documents_are_told_at_once_each_in_its_line() {
    let text = format!(
        "{}---\na: [\n---\n{}",
        manifest("source: {generate: {records: 0}}\nbatchSize: 0\nkey: {}"),
        manifest("source:\n  generate: {records: 1}\n  more: 1").replace("v1alpha1", "v1")
    );
    let told = error(&text);
    let places: Vec<_> = told.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        places,
        [
            "6:23: spec.source.generate.records",
            "7:3: spec.batchSize",
            "8:3: spec.key:",
            "10:4: not",
            "12:1: apiVersion",
            "19:5: spec.source.more:"
        ],
        "{told}"
    );
}

#[test]
fn a_null_where_a_default_exists_counts_as_absent() {
    let job = SigningJob::parse_manifests(&manifest(&format!("{SOURCE}\nbatchSize: null\nkeys:"))).unwrap().remove(0);
    assert_eq!((job.spec.batch_size, job.spec.keys.count), (500, 100));
}

#[test]
fn an_object_read_back_from_a_cluster_can_be_run() {
    let live = manifest(SOURCE).replace(
        "  name: test",
        "  name: test\n  uid: 5f0c1c39-8a5d-4d46-9d3e-0a6d0a7f3f5a\n  resourceVersion: '7'\n  generation: 1\n  creationTimestamp: '2024-05-01T10:00:00Z'",
    );
    let job = SigningJob::parse_manifests(&format!("{live}status: {{phase: Signing}}\n")).unwrap().remove(0);
    assert!(job.status.is_none() && matches!(job.spec.source(), Source::Generate(generate) if generate.records == 10));
}

#[test]
fn phases_are_spelled_in_the_status_as_in_text() {
    for phase in Phase::ALL {
        assert_eq!(serde_json::to_value(phase).unwrap(), json!(phase.as_str()));
    }
}
