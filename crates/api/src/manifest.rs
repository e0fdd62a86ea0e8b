//! Manifests: YAML with one or more SigningJobs, checked as the API server checks them.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value};

use crate::error::FieldError;
use crate::fault::{Fault, ManifestError};
use crate::limits::MAX_NAME;
use crate::names::{DEFAULT_NAMESPACE, GROUP, JobName, Namespace};
use crate::position::{Position, Positions};
use crate::spec::{SigningJob, SigningJobSpec};
use crate::{check, crd, rules, suggest, yaml};

/// The members of a SigningJob.
const MEMBERS: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

const NAME_MISSING: &str = "is missing: add a name for the job";

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

/// Longest text with manifests, in bytes.
pub const MAX_MANIFESTS: usize = 8 << 20;

/// A SigningJob of a manifest, and where its fields are in the text.
#[derive(Debug)]
pub struct Manifest {
    /// The job, with all defaults set and `default` for a missing namespace.
    pub job: SigningJob,
    positions: Positions,
}

impl Manifest {
    /// Reads all SigningJobs of a YAML text. A `status` is ignored, as the API server ignores it.
    ///
    /// # Errors
    /// What the API server would refuse is refused, and unknown fields too: all faults at once, each with its position, the field,
    /// its value and what to do.
    pub fn read_all(text: &str) -> Result<Vec<Self>, ManifestError> {
        if text.len() > MAX_MANIFESTS {
            let sentence = format!("longer than {} MiB: split it into several files", MAX_MANIFESTS >> 20);
            return Err(ManifestError::new(vec![Fault::new(Position::START, sentence)]));
        }
        let (documents, mut faults) = yaml::read(text);
        let mut manifests = Vec::new();
        let mut names = BTreeMap::new();
        for document in documents.into_iter().filter(|document| !document.value.is_null()) {
            if faults.len() >= Fault::MOST {
                break;
            }
            let mut found = Vec::new();
            let job = parse_one(document.value, &mut found);
            faults.extend(found.iter().map(|error| Fault::of(error, &document.positions)));
            let Some(job) = job else { continue };
            let position = document.positions.of("metadata.name");
            if let Some(first) = names.insert(full_name(&job), position) {
                let name = full_name(&job);
                let sentence =
                    format!("the SigningJob {name} is in line {} already: give this one another name", first.line);
                faults.push(Fault::new(position, sentence));
            }
            manifests.push(Self { job, positions: document.positions });
        }
        if faults.is_empty() && manifests.is_empty() {
            let sentence =
                format!("there is no SigningJob here: it begins with `apiVersion: {API_VERSION}` and `kind: {KIND}`");
            faults.push(Fault::new(Position::START, sentence));
        }
        if faults.is_empty() { Ok(manifests) } else { Err(ManifestError::new(faults)) }
    }

    /// A fault at one of the job's fields, such as `spec.suspend`, for a caller that cannot use its value.
    #[must_use]
    pub fn fault(&self, path: &str, value: impl fmt::Display, advice: &str) -> Fault {
        Fault::of(&FieldError::new(path, value, advice), &self.positions)
    }
}

impl SigningJob {
    /// The jobs of [`Manifest::read_all`].
    ///
    /// # Errors
    /// As [`Manifest::read_all`].
    pub fn parse_manifests(text: &str) -> Result<Vec<Self>, ManifestError> {
        Ok(Manifest::read_all(text)?.into_iter().map(|manifest| manifest.job).collect())
    }
}

fn full_name(job: &SigningJob) -> String {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    format!("{}/{name}", job.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE))
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

/// The job that a document describes, if nothing is wrong with it.
fn parse_one(value: Value, found: &mut Vec<FieldError>) -> Option<SigningJob> {
    let Value::Object(mut object) = value else {
        let sentence =
            format!("it must be a SigningJob, beginning with `apiVersion: {API_VERSION}` and `kind: {KIND}`");
        found.push(FieldError::new("the document", value, sentence));
        return None;
    };
    if !header(&object, found) {
        return None;
    }
    for name in object.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        check::unknown("", name, &MEMBERS, found);
    }
    let metadata = metadata(object.remove("metadata"), found);
    let spec = spec(object.remove("spec"), found);
    match (metadata, spec) {
        (Some(metadata), Some(spec)) if found.is_empty() => Some(SigningJob { metadata, spec, status: None }),
        _ => None,
    }
}

/// Checks apiVersion and kind. False when the document is something else altogether, so that its fields say nothing.
fn header(object: &Map<String, Value>, found: &mut Vec<FieldError>) -> bool {
    let text = |name| object.get(name).and_then(Value::as_str);
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let is_ours = api_version.is_none_or(|version| version.starts_with(GROUP));
    let is_meant = kind.is_none_or(|kind| suggest::nearest(kind, &[KIND]).is_some());
    if let (Some(kind), false) = (kind, is_meant) {
        let advice = format!("only a {KIND} can be run here: remove this document from the file");
        found.push(FieldError::new("kind", kind, advice));
        return is_ours && api_version.is_some();
    }
    for (name, wanted) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        match object.get(name) {
            Some(Value::String(text)) if text == wanted => {}
            None | Some(Value::Null) => {
                found.push(FieldError::about(name, format!("is missing: add `{name}: {wanted}`")))
            }
            Some(Value::String(text)) => found.push(FieldError::new(name, text, format!("write `{name}: {wanted}`"))),
            Some(other) => found.push(FieldError::new(name, other, format!("write `{name}: {wanted}`"))),
        }
    }
    true
}

fn metadata(value: Option<Value>, found: &mut Vec<FieldError>) -> Option<ObjectMeta> {
    let object = match value {
        Some(Value::Object(object)) => object,
        None | Some(Value::Null) => {
            found.push(FieldError::about("metadata.name", NAME_MISSING));
            return None;
        }
        Some(other) => {
            found.push(FieldError::new("metadata", &other, "write `metadata: {name: …}`"));
            return None;
        }
    };
    for name in object.keys().filter(|name| !METADATA.contains(&name.as_str())) {
        check::unknown("metadata", name, &METADATA, found);
    }
    let mut metadata: ObjectMeta = match serde_json::from_value(Value::Object(object)) {
        Ok(metadata) => metadata,
        Err(error) => {
            found.push(FieldError::about("metadata", format!("cannot be read: {error}")));
            return None;
        }
    };
    match metadata.name.as_deref() {
        None => found.push(FieldError::about("metadata.name", NAME_MISSING)),
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
    let Some(mut value) = value.filter(|value| !value.is_null()) else {
        found.push(FieldError::about("spec", "is missing: add it, with at least `source`"));
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
            found.push(FieldError::about("spec", format!("cannot be read: {error}")));
            None
        }
    }
}

/// The CEL rules on `spec.source` and its table. They have to be checked before the types, which cannot hold anything else than one member.
fn source_members(source: Option<&Value>, found: &mut Vec<FieldError>) {
    let Some(Value::Object(source)) = source else { return };
    match (source.contains_key("generate"), source.contains_key("table")) {
        (true, true) => found.push(FieldError::about("spec.source", "has both generate and table: keep one of them")),
        (false, false) if source.is_empty() => {
            found.push(FieldError::about("spec.source", "is empty: add either generate or table"));
        }
        // What it has instead is unknown, which is told already; with what it should have.
        (false, false) | (true, false) | (false, true) => {}
    }
    let Some(Value::Object(table)) = source.get("table") else { return };
    match (table.contains_key("payload"), table.contains_key("columns")) {
        (true, true) => {
            found.push(FieldError::about("spec.source.table", "has both payload and columns: keep one of them"));
        }
        (false, false) => {
            found.push(FieldError::about("spec.source.table", "has neither payload nor columns: add one of them"));
        }
        (true, false) | (false, true) => {}
    }
    if table.contains_key("key") && table.contains_key("keyColumns") {
        found.push(FieldError::about("spec.source.table", "has both key and keyColumns: keep one of them"));
    }
}
