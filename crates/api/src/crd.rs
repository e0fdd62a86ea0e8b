//! The CustomResourceDefinition, generated from the types.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::CustomResourceExt as _;
use serde_json::Value;

use crate::spec::SigningJob;

/// The first lines of the generated file.
const HEADER: &str = "# Generated from crates/api by `make generate`; do not edit.\n";

/// The formats of the generator that the API server knows.
const KNOWN_FORMATS: [&str; 4] = ["int32", "int64", "double", "date-time"];

/// The CRD as one JSON value, ready to be applied.
static CRD: LazyLock<Value> = LazyLock::new(|| {
    let mut crd = serde_json::to_value(SigningJob::crd()).unwrap_or_default();
    if let Some(versions) = crd.pointer_mut("/spec/versions").and_then(Value::as_array_mut) {
        versions.iter_mut().filter_map(|version| version.pointer_mut("/schema/openAPIV3Schema")).for_each(tidy);
    }
    crd
});

/// The CustomResourceDefinition of SigningJob.
///
/// Use this one, not the derived `SigningJob::crd()`, which lets optional fields be null and keeps Rust's integer formats.
///
/// # Errors
/// Only if the generated definition is not valid, which a test excludes.
pub fn crd() -> Result<CustomResourceDefinition, serde_json::Error> {
    serde_json::from_value(CRD.clone())
}

/// The CustomResourceDefinition as the YAML that is kept in `crds/`.
#[must_use]
pub fn crd_yaml() -> String {
    // YAML can express every JSON value; a test reads the text back.
    let yaml = serde_yaml_ng::to_string(&*CRD).unwrap_or_default();
    format!("{HEADER}{yaml}")
}

/// The OpenAPI schema of the whole object, `apiVersion` to `status`, as the CustomResourceDefinition has it.
#[must_use]
pub fn schema() -> &'static Value {
    CRD.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap_or(&Value::Null)
}

/// Corrects a generated schema: optional fields may be absent but not null, formats are those of OpenAPI, bounds are whole
/// numbers, and descriptions have no line breaks within a paragraph.
fn tidy(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("nullable");
    object.remove("title");
    if object.get("format").and_then(Value::as_str).is_some_and(|format| !KNOWN_FORMATS.contains(&format)) {
        object.remove("format");
    }
    if object.get("type").is_some_and(|kind| kind == "integer") && !object.contains_key("format") {
        object.insert("format".to_owned(), "int64".into());
    }
    for bound in ["minimum", "maximum"] {
        if let Some(bound) = object.get_mut(bound)
            && let Some(float) = bound.as_f64()
        {
            *bound = Value::from(float as i64);
        }
    }
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = joined(description);
    }
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(tidy);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(inner) {
            tidy(inner);
        }
    }
}

/// Joins the lines of each paragraph.
fn joined(text: &str) -> String {
    text.split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n")
}
