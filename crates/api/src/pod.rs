//! Schemas for the types of Kubernetes that a SigningJob embeds.
//!
//! They are written out here because the upstream ones bound nothing: CEL rules beside them would exceed their budget, and
//! the CRD would no longer fit into an annotation. Fields of the upstream types that are missing here cannot be set.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::pattern;

/// Most entries of a map of labels or annotations.
const MAX_ENTRIES: usize = 32;
/// Most items of a list.
const MAX_ITEMS: usize = 16;
/// Longest key of a label: a DNS subdomain, a slash and 63 characters.
const MAX_LABEL_KEY: usize = 317;

fn schema(value: Value) -> Schema {
    // Every fragment below is an object, so the conversion cannot fail; an empty schema would fail the CRD's tests.
    Schema::try_from(value).unwrap_or_default()
}

fn list(most: usize, items: Value) -> Value {
    json!({ "type": "array", "maxItems": most, "items": items, "x-kubernetes-list-type": "atomic" })
}

fn text(longest: usize) -> Value {
    json!({ "type": "string", "maxLength": longest })
}

fn one_of(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

fn label_key() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": MAX_LABEL_KEY, "pattern": pattern::LABEL_KEY.regex })
}

fn label_value() -> Value {
    json!({ "type": "string", "maxLength": 63, "pattern": pattern::LABEL_VALUE.regex })
}

pub(crate) fn labels(_: &mut SchemaGenerator) -> Schema {
    schema(json!({ "type": "object", "maxProperties": MAX_ENTRIES, "additionalProperties": label_value() }))
}

pub(crate) fn annotations(_: &mut SchemaGenerator) -> Schema {
    schema(json!({ "type": "object", "maxProperties": MAX_ENTRIES, "additionalProperties": text(1024) }))
}

pub(crate) fn quantities(_: &mut SchemaGenerator) -> Schema {
    schema(json!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "maxLength": 32,
            "minimum": 0,
            "pattern": pattern::QUANTITY.regex,
        },
    }))
}

pub(crate) fn env(generator: &mut SchemaGenerator) -> Schema {
    let item = <crate::env::EnvLiteral as schemars::JsonSchema>::json_schema(generator);
    schema(json!({
        "type": "array", "maxItems": 32, "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
    }))
}

pub(crate) fn image_pull_secrets(_: &mut SchemaGenerator) -> Schema {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 253, "pattern": pattern::SUBDOMAIN.regex });
    schema(json!({
        "type": "array",
        "maxItems": 8,
        "items": { "type": "object", "required": ["name"], "properties": { "name": name } },
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
    }))
}

pub(crate) fn tolerations(_: &mut SchemaGenerator) -> Schema {
    schema(list(
        MAX_ITEMS,
        json!({ "type": "object", "properties": {
            "key": text(MAX_LABEL_KEY),
            "operator": one_of(&["Exists", "Equal"]),
            "value": label_value(),
            "effect": one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"]),
            "tolerationSeconds": { "type": "integer", "format": "int64" },
        }}),
    ))
}

fn requirements(operators: &[&str]) -> Value {
    list(
        MAX_ITEMS,
        json!({ "type": "object", "required": ["key", "operator"], "properties": {
            "key": label_key(),
            "operator": one_of(operators),
            "values": list(64, text(63)),
        }}),
    )
}

fn node_term() -> Value {
    let operators = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
    json!({ "type": "object", "properties": {
        "matchExpressions": requirements(&operators),
        "matchFields": requirements(&operators),
    }})
}

fn label_selector() -> Value {
    json!({ "type": "object", "properties": {
        "matchLabels": { "type": "object", "maxProperties": MAX_ENTRIES, "additionalProperties": label_value() },
        "matchExpressions": requirements(&["In", "NotIn", "Exists", "DoesNotExist"]),
    }})
}

fn pod_term() -> Value {
    json!({ "type": "object", "required": ["topologyKey"], "properties": {
        "labelSelector": label_selector(),
        "namespaceSelector": label_selector(),
        "namespaces": list(MAX_ITEMS, text(63)),
        "topologyKey": label_key(),
        "matchLabelKeys": list(MAX_ITEMS, label_key()),
        "mismatchLabelKeys": list(MAX_ITEMS, label_key()),
    }})
}

fn weighted(member: &str, term: Value) -> Value {
    let mut item = json!({ "type": "object", "required": ["weight", member], "properties": {
        "weight": { "type": "integer", "format": "int32", "minimum": 1, "maximum": 100 },
    }});
    item["properties"][member] = term;
    list(MAX_ITEMS, item)
}

pub(crate) fn affinity(_: &mut SchemaGenerator) -> Schema {
    let pods = json!({ "type": "object", "properties": {
        "requiredDuringSchedulingIgnoredDuringExecution": list(MAX_ITEMS, pod_term()),
        "preferredDuringSchedulingIgnoredDuringExecution": weighted("podAffinityTerm", pod_term()),
    }});
    schema(json!({ "type": "object", "properties": {
        "nodeAffinity": { "type": "object", "properties": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "type": "object",
                "required": ["nodeSelectorTerms"],
                "properties": { "nodeSelectorTerms": list(MAX_ITEMS, node_term()) },
            },
            "preferredDuringSchedulingIgnoredDuringExecution": weighted("preference", node_term()),
        }},
        "podAffinity": pods,
        "podAntiAffinity": pods,
    }}))
}

pub(crate) fn topology_spread_constraints(_: &mut SchemaGenerator) -> Schema {
    schema(list(
        MAX_ITEMS,
        json!({ "type": "object", "required": ["maxSkew", "topologyKey", "whenUnsatisfiable"], "properties": {
            "maxSkew": { "type": "integer", "format": "int32", "minimum": 1 },
            "minDomains": { "type": "integer", "format": "int32", "minimum": 1 },
            "topologyKey": label_key(),
            "whenUnsatisfiable": one_of(&["DoNotSchedule", "ScheduleAnyway"]),
            "labelSelector": label_selector(),
            "matchLabelKeys": list(MAX_ITEMS, label_key()),
            "nodeAffinityPolicy": one_of(&["Honor", "Ignore"]),
            "nodeTaintsPolicy": one_of(&["Honor", "Ignore"]),
        }}),
    ))
}

pub(crate) fn scaling_behavior(_: &mut SchemaGenerator) -> Schema {
    let rules = json!({ "type": "object", "properties": {
        "stabilizationWindowSeconds": { "type": "integer", "format": "int32", "minimum": 0, "maximum": 3600 },
        "selectPolicy": one_of(&["Max", "Min", "Disabled"]),
        "policies": list(8, json!({ "type": "object", "required": ["type", "value", "periodSeconds"], "properties": {
            "type": one_of(&["Pods", "Percent"]),
            "value": { "type": "integer", "format": "int32", "minimum": 1 },
            "periodSeconds": { "type": "integer", "format": "int32", "minimum": 1, "maximum": 1800 },
        }})),
    }});
    schema(json!({ "type": "object", "properties": { "scaleUp": rules, "scaleDown": rules } }))
}

pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    schema(json!({ "type": "string", "format": "date-time" }))
}

pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    schema(json!({
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "lastTransitionTime", "reason", "message"],
            "properties": {
                "type": { "type": "string", "maxLength": 316 },
                "status": one_of(&["True", "False", "Unknown"]),
                "observedGeneration": { "type": "integer", "format": "int64", "minimum": 0 },
                "lastTransitionTime": { "type": "string", "format": "date-time" },
                "reason": { "type": "string", "minLength": 1, "maxLength": 1024, "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$" },
                "message": { "type": "string", "maxLength": 32768 },
            },
        },
    }))
}
