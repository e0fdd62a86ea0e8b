//! `spec.workers`: how many workers a job may have, and what their pods look like.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Affinity, LocalObjectReference, Toleration, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::env::{EnvLiteral, own_env_rule};
use crate::names::OWN_PREFIX;
use crate::{defaults, limits, pattern, pod};

/// The job's workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.minReplicas <= self.maxReplicas")
        .message("minReplicas must not be above maxReplicas")
        .field_path(".minReplicas")
)]
pub struct Workers {
    /// Workers kept while there is work; without work there are none.
    #[serde(default = "defaults::min_replicas")]
    #[schemars(range(min = 0, max = limits::MAX_REPLICAS))]
    pub min_replicas: u32,

    /// Most workers of this job.
    #[serde(default = "defaults::max_replicas")]
    #[schemars(range(min = 1, max = limits::MAX_REPLICAS))]
    pub max_replicas: u32,

    /// Most records one worker signs a second. It protects a shared database, and lets small jobs show their scaling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = limits::MAX_RATE))]
    pub max_records_per_second: Option<u32>,

    /// What may be set on the workers' pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<WorkerTemplate>,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            min_replicas: defaults::min_replicas(),
            max_replicas: defaults::max_replicas(),
            max_records_per_second: None,
            template: None,
        }
    }
}

/// What may be set on the workers' pods; everything else of them belongs to the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(format!("!has(self.labels) || !self.labels.exists(k, k.startsWith('{OWN_PREFIX}'))"))
        .message("labels under vaultstream.dev/ belong to the operator")
        .field_path(".labels"),
    validation = Rule::new(format!("!has(self.annotations) || !self.annotations.exists(k, k.startsWith('{OWN_PREFIX}'))"))
        .message("annotations under vaultstream.dev/ belong to the operator")
        .field_path(".annotations"),
    validation = Rule::new(own_env_rule())
        .message(
            "env must not set a variable of the worker itself (DATABASE_URL, NATS_URL, VAULTSTREAM_*), its loader or its libraries \
             (GLIBC_*, LD_*, OPENSSL_*, SSL_*)",
        )
        .field_path(".env"),
)]
pub struct WorkerTemplate {
    /// Labels added to the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "pod::labels")]
    pub labels: BTreeMap<String, String>,

    /// Annotations added to the pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "pod::annotations")]
    pub annotations: BTreeMap<String, String>,

    /// Resources of the worker container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,

    /// Labels a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "pod::labels")]
    pub node_selector: BTreeMap<String, String>,

    /// Taints the pods tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "pod::tolerations")]
    pub tolerations: Vec<Toleration>,

    /// Where the pods want to run, or not to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod::affinity")]
    pub affinity: Option<Affinity>,

    /// How the pods spread over zones and nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "pod::topology_spread_constraints")]
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,

    /// The pods' PriorityClass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN.regex))]
    pub priority_class_name: Option<String>,

    /// Secrets that hold the credentials of a private registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "pod::image_pull_secrets")]
    pub image_pull_secrets: Vec<LocalObjectReference>,

    /// Environment variables of the worker container, as literals. Secrets belong in the connection Secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "pod::env")]
    pub env: Vec<EnvLiteral>,
}

/// Resources of the worker container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What the scheduler reserves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "pod::quantities")]
    pub requests: BTreeMap<String, Quantity>,

    /// What the container may use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "pod::quantities")]
    pub limits: BTreeMap<String, Quantity>,
}
