//! Manifests: YAML with one or more SigningJobs, checked as the API server checks them.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::error::FieldError;
use crate::limits::MAX_NAME;
use crate::names::{DEFAULT_NAMESPACE, JobName, Namespace};
use crate::spec::{SigningJob, SigningJobSpec};
use crate::{check, crd, rules};

const API_VERSION: &str = "vaultstream.dev/v1alpha1";
const KIND: &str = "SigningJob";

/// The members of `metadata` that a manifest may have; what only the API server sets is accepted and ignored.
const METADATA: [&str; 15] = [
    "name",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

/// Why a text holds no SigningJobs that can be run. Documents are counted from 1.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The text is no YAML.
    #[error("document {document} is no YAML that can be read")]
    Yaml {
        /// Which document.
        document: usize,
        /// What the parser says, with line and column.
        source: serde_yaml_ng::Error,
    },
    /// A document is something else than a SigningJob.
    #[error(
        "document {document} has apiVersion {api_version} and kind {kind}: only {API_VERSION} {KIND} can be run, so remove it"
    )]
    NotASigningJob {
        /// Which document.
        document: usize,
        /// Its apiVersion.
        api_version: String,
        /// Its kind.
        kind: String,
    },
    /// Fields are unknown, missing or wrong.
    #[error("document {document}: {}", sentences(errors))]
    Invalid {
        /// Which document.
        document: usize,
        /// What is wrong; at least one.
        errors: Vec<FieldError>,
    },
    /// Two documents are one and the same job.
    #[error("document {document} is again the SigningJob {namespace}/{name}: give it another name")]
    Duplicate {
        /// The later document.
        document: usize,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// There is no document in the text.
    #[error(
        "there is no SigningJob: write one with apiVersion {API_VERSION}, kind {KIND}, metadata.name and spec.source"
    )]
    Empty,
}

fn sentences(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl ManifestError {
    /// The findings about single fields, if that is what is wrong.
    #[must_use]
    pub fn field_errors(&self) -> &[FieldError] {
        match self {
            Self::Invalid { errors, .. } => errors,
            Self::Yaml { .. } | Self::NotASigningJob { .. } | Self::Duplicate { .. } | Self::Empty => &[],
        }
    }
}

impl SigningJob {
    /// Reads all SigningJobs of a YAML text, with all defaults set and `default` for a missing namespace. A `status` is
    /// ignored, as the API server ignores it.
    ///
    /// # Errors
    /// What the API server would refuse is refused, and unknown fields too; each finding names field, value and remedy.
    pub fn parse_manifests(yaml: &str) -> Result<Vec<Self>, ManifestError> {
        let mut jobs = Vec::new();
        let mut seen = BTreeSet::new();
        for (document, parsed) in (1..).zip(serde_yaml_ng::Deserializer::from_str(yaml)) {
            // By way of YAML's own value, which refuses a key given twice where JSON's would take the later one.
            let value = serde_yaml_ng::Value::deserialize(parsed).and_then(serde_yaml_ng::from_value::<Value>);
            let value = value.map_err(|source| ManifestError::Yaml { document, source })?;
            if value.is_null() {
                continue;
            }
            let job = parse_one(document, value)?;
            let (namespace, name) =
                (job.metadata.namespace.clone().unwrap_or_default(), job.metadata.name.clone().unwrap_or_default());
            if !seen.insert((namespace.clone(), name.clone())) {
                return Err(ManifestError::Duplicate { document, namespace, name });
            }
            jobs.push(job);
        }
        if jobs.is_empty() { Err(ManifestError::Empty) } else { Ok(jobs) }
    }
}

impl SigningJobSpec {
    /// Checks everything that the CRD's schema and CEL rules check.
    ///
    /// # Errors
    /// All findings, at least one.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        let mut found = Vec::new();
        match serde_json::to_value(self) {
            Ok(value) => check::check(spec_schema(), &value, "spec", &mut found),
            Err(error) => found.push(FieldError::about("spec", format!("cannot be written as JSON: {error}"))),
        }
        rules::check(self, &mut found);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

fn spec_schema() -> &'static Value {
    crd::schema().pointer("/properties/spec").unwrap_or(&Value::Null)
}

fn parse_one(document: usize, value: Value) -> Result<SigningJob, ManifestError> {
    let invalid = |errors| ManifestError::Invalid { document, errors };
    let Value::Object(mut object) = value else {
        return Err(invalid(vec![FieldError::new(
            "the document",
            value,
            "it must be an object with apiVersion and kind",
        )]));
    };
    let (api_version, kind) = (word(&object, "apiVersion"), word(&object, "kind"));
    if (api_version.as_str(), kind.as_str()) != (API_VERSION, KIND) {
        return Err(ManifestError::NotASigningJob { document, api_version, kind });
    }

    let mut found = Vec::new();
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    found.extend(object.keys().filter(|key| !known.contains(&key.as_str())).map(|key| check::unknown("", key, &known)));
    let metadata = metadata(object.remove("metadata"), &mut found);
    let spec = spec(object.remove("spec"), &mut found);
    match (metadata, spec) {
        (Some(metadata), Some(spec)) if found.is_empty() => Ok(SigningJob { metadata, spec, status: None }),
        _ => Err(invalid(found)),
    }
}

fn word(object: &Map<String, Value>, name: &str) -> String {
    match object.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "(none)".to_owned(),
    }
}

fn metadata(value: Option<Value>, found: &mut Vec<FieldError>) -> Option<ObjectMeta> {
    let Some(Value::Object(object)) = value else {
        found.push(FieldError::about("metadata.name", "is missing: add it"));
        return None;
    };
    found.extend(
        object
            .keys()
            .filter(|key| !METADATA.contains(&key.as_str()))
            .map(|key| check::unknown("metadata", key, &METADATA)),
    );
    let mut metadata: ObjectMeta = match serde_json::from_value(Value::Object(object)) {
        Ok(metadata) => metadata,
        Err(error) => {
            found.push(FieldError::about("metadata", format!("cannot be read, correct it: {error}")));
            return None;
        }
    };
    match metadata.name.as_deref() {
        None => found.push(FieldError::about("metadata.name", "is missing: add it")),
        Some(name) => {
            if name.parse::<JobName>().is_err() {
                let advice = format!(
                    "it must be at most {MAX_NAME} lower-case letters, digits and '-', with a letter or digit at both ends"
                );
                found.push(FieldError::new("metadata.name", name, advice));
            }
        }
    }
    let namespace = metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
    if namespace.parse::<Namespace>().is_err() {
        let advice = "it must be at most 63 lower-case letters, digits and '-', with a letter or digit at both ends";
        found.push(FieldError::new("metadata.namespace", namespace, advice));
    }
    Some(metadata)
}

fn spec(value: Option<Value>, found: &mut Vec<FieldError>) -> Option<SigningJobSpec> {
    let Some(mut value) = value else {
        found.push(FieldError::about("spec", "is missing: add it, with spec.source at least"));
        return None;
    };
    let before = found.len();
    check::fill(spec_schema(), &mut value);
    check::check(spec_schema(), &value, "spec", found);
    source_members(value.get("source"), found);
    if found.len() > before {
        return None;
    }
    match serde_json::from_value::<SigningJobSpec>(value) {
        Ok(spec) => {
            rules::check(&spec, found);
            Some(spec)
        }
        Err(error) => {
            found.push(FieldError::about("spec", format!("cannot be read, correct it: {error}")));
            None
        }
    }
}

/// The CEL rule on `spec.source`. It has to be checked before the type, which cannot hold anything else than one member.
fn source_members(source: Option<&Value>, found: &mut Vec<FieldError>) {
    let Some(Value::Object(source)) = source else { return };
    let advice = match (source.contains_key("generate"), source.contains_key("table")) {
        (true, true) => "has the members generate and table: keep one of them",
        (false, false) => "has no member: give it either generate or table",
        (true, false) | (false, true) => return,
    };
    found.push(FieldError::about("spec.source", advice));
}
