//! `spec.anchors`: who confirms from outside when a receipt existed.

use std::fmt;

use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{limits, pattern};

/// A timestamping authority, which confirms by RFC 3161 when the receipt existed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Anchor {
    /// URL of the authority. Over http, too, because what it returns is signed. On Kubernetes the operator's settings have to allow it.
    #[schemars(length(min = 1, max = 255), regex(pattern = pattern::HTTP_URL.regex))]
    pub tsa: String,

    /// Object identifier of the policy under which the authority has to confirm, such as 1.3.6.1.4.1.4146.2.3. Without it the authority
    /// chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 128), regex(pattern = pattern::OID.regex))]
    pub policy: Option<String>,
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tsa)
    }
}

/// A list in which no URL stands twice.
pub(crate) fn list(generator: &mut SchemaGenerator) -> Schema {
    let item = <Anchor as schemars::JsonSchema>::json_schema(generator);
    let list = json!({
        "type": "array", "maxItems": limits::MAX_ANCHORS, "items": item,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["tsa"],
    });
    // An object, so the conversion cannot fail; an empty schema would fail the CRD's tests.
    Schema::try_from(list).unwrap_or_default()
}
