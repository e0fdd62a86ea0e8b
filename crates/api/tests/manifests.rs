//! Manifests as people write them: what is read, with which defaults, and what is said about mistakes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this file holds only tests")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use vaultstream_api::{ManifestError, Phase, SigningJob, SigningJobSpec, Source, schema};

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
    assert_eq!(error(&twice), "document 2 is again the SigningJob default/test: give it another name");
    let elsewhere = manifest(SOURCE).replace("name: test", "name: test\n  namespace: other");
    assert!(SigningJob::parse_manifests(&format!("{}---\n{elsewhere}", manifest(SOURCE))).is_ok());
}

#[test]
fn what_is_no_signing_job_is_refused() {
    for empty in ["", "---\n---\n", "# only a comment\n"] {
        assert!(matches!(SigningJob::parse_manifests(empty), Err(ManifestError::Empty)), "{empty:?}");
    }
    assert_eq!(
        error("apiVersion: v1\nkind: ConfigMap\n"),
        "document 1 has apiVersion v1 and kind ConfigMap: only vaultstream.dev/v1alpha1 SigningJob can be run, so remove it"
    );
    assert!(error("kind: SigningJob\n").starts_with("document 1 has apiVersion (none) and kind SigningJob"));
    assert_eq!(error("- 1\n"), "document 1: the document is [1]: it must be an object with apiVersion and kind");
    for broken in ["a: [", "a: b: c", "a: 1\na: 2\n", "\t- x", "a: !tag x", "? [a]\n: b"] {
        assert!(
            matches!(SigningJob::parse_manifests(broken), Err(ManifestError::Yaml { document: 1, .. })),
            "{broken:?}"
        );
    }
}

#[test]
fn a_doubled_key_is_refused_with_its_place() {
    let doubled = manifest("source: {generate: {records: 10}}\nbatchSize: 1\nbatchSize: 2");
    let Err(ManifestError::Yaml { source, .. }) = SigningJob::parse_manifests(&doubled) else { panic!("accepted") };
    assert!(source.to_string().contains("duplicate entry with key \"batchSize\""), "{source}");
}

#[test]
fn every_mistake_is_one_sentence_with_field_value_and_remedy() {
    let cases = [
        ("batchSize: 0", "spec.batchSize is 0: it must be from 1 to 100000"),
        ("batchSize: 100001", "spec.batchSize is 100001: it must be from 1 to 100000"),
        ("batchSize: many", "spec.batchSize is \"many\": it must be a whole number, written in digits"),
        ("batchSize: 1.5", "spec.batchSize is 1.5: it must be a whole number, written in digits"),
        ("batchSize: 1_000", "spec.batchSize is \"1_000\": it must be a whole number, written in digits"),
        ("batchSize: -1", "spec.batchSize is -1: it must be from 1 to 100000"),
        ("batchSize: 18446744073709551615", "spec.batchSize is 18446744073709551615: it must be from 1 to 100000"),
        ("keys: {count: 10001}", "spec.keys.count is 10001: it must be from 1 to 10000"),
        ("keys: 5", "spec.keys is 5: it must be an object with members"),
        ("keys: {lease: {duration: 60}}", "spec.keys.lease.duration is 60: it must be text: put it in quotes"),
        (
            "keys: {lease: {duration: soon}}",
            "spec.keys.lease.duration is soon: it must be a duration with units h, m, s or ms, such as 60s, 200ms or 1h30m",
        ),
        ("keys: {lease: {duration: 4s}}", "spec.keys.lease.duration is 4s: it must be from 5s to 1h"),
        (
            "keys: {maxSignatures: 499}",
            "spec.keys.maxSignatures is 499: one key signs a whole batch, so it must be at least spec.batchSize, which is 500",
        ),
        ("signing: {nonce: Random}", "spec.signing.nonce is Random: it must be one of Hedged, Deterministic"),
        ("signing: {message: ''}", "spec.signing.message is empty: it must be one of Payload, Bound"),
        (
            "retry: {initialBackoff: 1m}",
            "spec.retry.initialBackoff is 1m: it must not be above spec.retry.maxBackoff, which is 30s",
        ),
        (
            "maxRejected: half",
            "spec.maxRejected is half: it must be a whole number of records, or a whole percentage such as 1%",
        ),
        ("maxRejected: 1.5", "spec.maxRejected is 1.5: it must be a whole number or text"),
        ("suspend: 'yes'", "spec.suspend is \"yes\": it must be true or false"),
        (
            "workers: {minReplicas: 11}",
            "spec.workers.minReplicas is 11: it must not be above spec.workers.maxReplicas, which is 10",
        ),
        ("workers: {template: {tolerations: {}}}", "spec.workers.template.tolerations is {}: it must be a list"),
        ("workers: {template: }", "spec.workers.template is null: leave it out, or give it a value"),
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
        ("connectionSecret: ''", "spec.connectionSecret is empty: it must have at least 1 characters"),
        ("batchsize: 5", "spec.batchsize is no field of a SigningJob: write batchSize, or remove it"),
        ("keys: {leese: {}}", "spec.keys.leese is no field of a SigningJob: write lease, or remove it"),
        ("image: x", "spec.image is no field of a SigningJob: remove it"),
        (
            "workers: {template: {affinity: {nodeAffinity: {requires: {}}}}}",
            "spec.workers.template.affinity.nodeAffinity.requires is no field of a SigningJob: remove it",
        ),
    ];
    for (line, sentence) in cases {
        assert_eq!(spec_error(&format!("{SOURCE}\n{line}")), format!("document 1: {sentence}"), "{line}");
    }
}

#[test]
fn mistakes_in_the_source_are_explained() {
    let cases = [
        ("{}", "spec.source has no member: give it either generate or table"),
        (
            "{generate: {records: 1}, table: {name: t, key: id, payload: p}}",
            "spec.source has the members generate and table: keep one of them",
        ),
        ("{generate: {}}", "spec.source.generate.records is missing: add it"),
        ("{generate: {records: 0}}", "spec.source.generate.records is 0: it must be from 1 to 500000000000"),
        (
            "{generate: {records: 1000000, payloadBytes: 2000000}}",
            "spec.source.generate.payloadBytes is 2000000: it must be from 0 to 1048576",
        ),
        (
            "{table: {name: t}}",
            "spec.source.table.key is missing: add it; spec.source.table.payload is missing: add it",
        ),
        (
            "{table: {schema: pg_catalog, name: t, key: id, payload: p}}",
            "spec.source.table.schema is pg_catalog: tables of the system and of VaultStream itself cannot be signed: name another schema",
        ),
        (
            "{table: {name: \"a\\tb\", key: id, payload: p}}",
            "spec.source.table.name is a\tb: it must be a name as Postgres has it, without quotes or control characters",
        ),
        (
            "{file: x}",
            "spec.source.file is no field of a SigningJob: remove it; spec.source has no member: give it either generate or table",
        ),
    ];
    for (source, sentence) in cases {
        assert_eq!(spec_error(&format!("source: {source}")), format!("document 1: {sentence}"), "{source}");
    }
    assert_eq!(spec_error("batchSize: 5"), "document 1: spec.source is missing: add it");
    let many = "source: {generate: {records: 5000001}}\nbatchSize: 1";
    assert_eq!(
        spec_error(many),
        "document 1: spec.batchSize is 1: 5000001 records would be 5000001 batches, and 5000000 is the limit: make it at least 2"
    );
}

#[test]
fn mistakes_around_the_spec_are_explained() {
    let no_name = manifest(SOURCE).replace("  name: test", "  namespace: x");
    assert_eq!(error(&no_name), "document 1: metadata.name is missing: add it");
    let no_metadata = manifest(SOURCE).replace("metadata:\n  name: test\n", "");
    assert_eq!(error(&no_metadata), "document 1: metadata.name is missing: add it");
    let capital = manifest(SOURCE).replace("name: test", "name: Test");
    let label = "it must be at most 40 lower-case letters, digits and '-', with a letter or digit at both ends";
    assert_eq!(error(&capital), format!("document 1: metadata.name is Test: {label}"));
    let namespace = manifest(SOURCE).replace("name: test", "name: test\n  namespace: a/b");
    assert!(error(&namespace).starts_with("document 1: metadata.namespace is a/b: it must be at most 63"));
    let unknown = manifest(SOURCE).replace("name: test", "name: test\n  label: {}");
    assert_eq!(error(&unknown), "document 1: metadata.label is no field of a SigningJob: write labels, or remove it");
    assert_eq!(
        error(&format!("{}extra: 1\n", manifest(SOURCE))),
        "document 1: extra is no field of a SigningJob: remove it"
    );
    let no_spec = "apiVersion: vaultstream.dev/v1alpha1\nkind: SigningJob\nmetadata: {name: a}\n";
    assert_eq!(error(no_spec), "document 1: spec is missing: add it, with spec.source at least");
}

#[test]
fn several_mistakes_are_told_at_once() {
    let message = spec_error("source: {generate: {records: 0}}\nbatchSize: 0\nkey: {}");
    assert_eq!(message.matches("; ").count(), 2, "{message}");
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
