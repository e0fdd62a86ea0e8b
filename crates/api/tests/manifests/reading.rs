//! Manifests that are right: what is read, with which defaults.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use vaultstream_api::{Phase, SigningJob, SigningJobSpec, Source, schema};

use crate::{SOURCE, manifest};

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
    assert_eq!(names, ["autoscaling", "everything", "invoices", "orders", "quick-start"]);
}

#[test]
fn the_sample_with_everything_sets_every_field_of_the_spec() {
    let schema = &schema()["properties"]["spec"];
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/samples/everything.yaml");
    let sample: Value = serde_yaml_ng::from_str(&fs::read_to_string(sample).unwrap()).unwrap();

    fn missing(schema: &Value, value: Option<&Value>, path: &str, depth: usize, found: &mut Vec<String>) {
        let Some(value) = value else { return found.push(path.to_owned()) };
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            // The other kind of source with what only it can have, and what lies inside Kubernetes' own types, is not asked for.
            if !["table", "follow", "targetLag"].contains(&name.as_str()) && depth < 3 {
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
        "signing": { "nonce": "Hedged", "message": "Payload", "verify": "All" },
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
fn phases_are_spelled_in_the_status_as_in_text_and_two_are_final() {
    for phase in Phase::ALL {
        assert_eq!(serde_json::to_value(phase).unwrap(), json!(phase.as_str()));
    }
    let ends: Vec<_> = Phase::ALL.into_iter().filter(|phase| phase.is_final()).map(Phase::as_str).collect();
    assert_eq!(ends, ["Complete", "Failed"]);
}
