//! The generated CustomResourceDefinition: up to date, small, bounded, structural.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this file holds only tests")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use vaultstream_api::{GenerateSource, SigningJobSpec, Source, schema};

/// Below the 256 KiB that `kubectl apply` can keep in its annotation.
const MAX_BYTES: usize = 200 * 1024;

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Calls `visit` with every schema in `schema` and its path.
fn walk(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, schema);
    for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        walk(inner, &format!("{path}.{name}"), visit);
    }
    for (inner, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let Some(inner) = schema.get(inner) {
            walk(inner, &format!("{path}{suffix}"), visit);
        }
    }
}

#[test]
fn the_file_in_crds_is_the_generated_one() {
    let file = root().join("crds/signingjobs.vaultstream.dev.yaml");
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == vaultstream_api::crd_yaml(),
        "crds/signingjobs.vaultstream.dev.yaml differs from the types: run `make generate` and commit the file"
    );
}

#[test]
fn the_yaml_reads_back_as_the_definition() {
    let read: Value = serde_yaml_ng::from_str(&vaultstream_api::crd_yaml()).unwrap();
    let crd = vaultstream_api::crd().unwrap();
    assert_eq!(
        serde_json::from_value::<
            k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
        >(read)
        .unwrap(),
        crd
    );
    assert_eq!(crd.metadata.name.as_deref(), Some("signingjobs.vaultstream.dev"));
    assert_eq!(crd.spec.names.short_names.as_deref(), Some(&["sj".to_owned()][..]));
    assert_eq!(crd.spec.names.categories.as_deref(), Some(&["all".to_owned()][..]));
    assert_eq!(crd.spec.scope, "Namespaced");
    let version = &crd.spec.versions[0];
    assert_eq!((version.name.as_str(), version.served, version.storage), ("v1alpha1", true, true));
    assert!(version.subresources.as_ref().is_some_and(|subresources| subresources.status.is_some()));
    let columns: Vec<_> =
        version.additional_printer_columns.iter().flatten().map(|column| column.name.as_str()).collect();
    assert_eq!(
        columns,
        [
            "Phase", "Done %", "Total", "Signed", "Rejected", "Backlog", "Lag", "Workers", "Rate", "ETA", "Root",
            "Receipt", "Age"
        ]
    );
}

#[test]
fn the_definition_is_small_enough_for_an_annotation() {
    let json = serde_json::to_string(&vaultstream_api::crd().unwrap()).unwrap();
    println!("CRD: {} bytes as JSON", json.len());
    assert!(json.len() < MAX_BYTES);
    assert!(vaultstream_api::crd_yaml().len() < MAX_BYTES);
}

#[test]
fn every_string_list_and_map_is_bounded() {
    walk(schema(), "", &mut |path, schema| {
        let has = |keyword: &str| schema.get(keyword).is_some();
        let date = schema.get("format").is_some_and(|format| format == "date-time");
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => assert!(has("maxLength") || has("enum") || date, "{path} is unbounded text"),
            Some("array") => assert!(has("maxItems") && has("x-kubernetes-list-type"), "{path} is an unbounded list"),
            Some("object") => assert!(
                has("properties") ^ has("additionalProperties") || path == ".metadata",
                "{path} is an open object"
            ),
            Some("integer" | "boolean") => {}
            None => assert!(has("x-kubernetes-int-or-string") && has("maxLength"), "{path} has no type"),
            Some(other) => panic!("{path} has the type {other}"),
        }
        if has("additionalProperties") {
            assert!(has("maxProperties"), "{path} is an unbounded map");
        }
    });
}

/// `check.rs` has to know every keyword of the schema, or manifests would be accepted here that a cluster refuses.
#[test]
fn the_schema_uses_only_keywords_that_the_manifest_check_knows() {
    const KNOWN: &[&str] = &[
        "additionalProperties",
        "default",
        "description",
        "enum",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "pattern",
        "properties",
        "required",
        "type",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-validations",
    ];
    walk(schema(), "", &mut |path, schema| {
        for keyword in schema.as_object().unwrap().keys() {
            assert!(KNOWN.contains(&keyword.as_str()), "{path} uses {keyword}, which check.rs does not know");
        }
        // The check reads formats as documentation only, list maps only with text as keys, and sets only of texts.
        if let Some(format) = schema.get("format") {
            assert!(
                ["int32", "int64", "date-time"].iter().any(|known| format == known),
                "{path} has the format {format}"
            );
        }
        match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
            None | Some("atomic" | "map") => {}
            Some("set") => assert_eq!(schema["items"]["type"], "string", "{path}"),
            Some(other) => panic!("{path} is a {other}"),
        }
    });
}

#[test]
fn every_field_of_ours_is_described() {
    let spec = &schema()["properties"]["spec"];
    walk(spec, "spec", &mut |path, schema| {
        let theirs = ["behavior", "affinity", "tolerations", "topologySpreadConstraints", "imagePullSecrets"];
        let inner = path.contains('[') || path.contains('{');
        if !inner && !theirs.iter().any(|theirs| path.contains(&format!(".{theirs}."))) {
            let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            assert!(description.ends_with('.') && !description.contains('`'), "{path}: {description:?}");
        }
    });
}

/// What the API server stores for an absent field is what a program that reads the manifest itself assumes.
#[test]
fn the_schema_declares_exactly_the_defaults_of_the_types() {
    fn compare(schema: &Value, value: &Value, path: &str) {
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let (path, member) = (format!("{path}.{name}"), value.get(name));
            if !required.iter().any(|required| required == name) && name != "generate" {
                assert_eq!(inner.get("default"), member, "{path}");
            }
            if let Some(member) = member {
                compare(inner, member, &path);
            }
        }
    }
    let source = Source::Generate(GenerateSource { records: 1, payload_bytes: 64 });
    let spec = serde_json::to_value(SigningJobSpec::new(source)).unwrap();
    compare(&schema()["properties"]["spec"], &spec, "spec");
}
