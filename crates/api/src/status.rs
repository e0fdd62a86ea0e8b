//! `status`: what the operator says about a job. Its size does not depend on the job's.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::autoscaling::ScalingMode;
use crate::duration::GoDuration;
use crate::phase::Phase;
use crate::{pattern, pod};

/// What the operator says about the job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SigningJobStatus {
    /// The generation of the spec that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Where the job is, in one word for people. Programs read the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,

    /// The job's conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "pod::conditions")]
    pub conditions: Vec<Condition>,

    /// Counts of the job's records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordCounts>,

    /// Records signed or rejected, in percent of all of them, rounded down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub percent_done: Option<u32>,

    /// Records signed a second, by all workers together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<u64>,

    /// When the backlog will be gone at the present rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod::time")]
    pub estimated_completion_time: Option<Time>,

    /// Workers running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,

    /// The label selector of the workers' pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub selector: Option<String>,

    /// What scales the workers in this run of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling_mode: Option<ScalingMode>,

    /// The image of the workers; a running job keeps the one it began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub worker_image: Option<String>,

    /// Counts of the job's keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyCounts>,

    /// When work on the job began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod::time")]
    pub start_time: Option<Time>,

    /// When the job became Complete or Failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod::time")]
    pub completion_time: Option<Time>,

    /// The proof of the finished job; the receipt itself is in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ReceiptSummary>,

    /// How far a job is that follows its table. Other jobs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub following: Option<FollowingStatus>,

    /// The last checkpoint of a job that follows its table; the checkpoint itself is in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointSummary>,
}

/// How far a job is that follows its table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FollowingStatus {
    /// How old the oldest row is that is not signed; 0s when all are. Rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<GoDuration>,

    /// Rows that had arrived and were in no batch when a worker last looked, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,

    /// Rows that the trigger did not see, and that were found by looking through the whole table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_by_reconciling: Option<u64>,

    /// When the whole table was last looked through, to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod::time")]
    pub last_reconciled: Option<Time>,
}

/// What identifies a checkpoint: the signed proof over everything up to then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointSummary {
    /// Its number, from 1 on.
    pub number: u64,

    /// SHA-256 of the signed checkpoint, in hexadecimal.
    #[schemars(length(equal = 64), regex(pattern = pattern::HEX_32.regex))]
    pub digest: String,

    /// The Merkle root over all records that it covers, in hexadecimal.
    #[schemars(length(equal = 64), regex(pattern = pattern::HEX_32.regex))]
    pub merkle_root: String,

    /// Records that it covers.
    pub records: u64,

    /// Batches that it covers, from the first on.
    pub batches: u64,

    /// When it was made.
    #[schemars(schema_with = "pod::time")]
    pub time: Time,
}

/// Counts of a job's records. A count that is not known yet is absent, never 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordCounts {
    /// Records of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,

    /// Records signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<u64>,

    /// Records that cannot be signed, each kept with its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected: Option<u64>,

    /// Rows of a source table that were inserted or deleted after the job was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,

    /// Records neither signed nor rejected yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u64>,
}

/// Counts of a job's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyCounts {
    /// Keys in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<u64>,

    /// Key versions that reached maxSignatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired: Option<u64>,
}

/// What identifies the receipt of a finished job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptSummary {
    /// The Merkle root over all signed records, in hexadecimal.
    #[schemars(length(equal = 64), regex(pattern = pattern::HEX_32.regex))]
    pub merkle_root: String,

    /// SHA-256 of the signed receipt, in hexadecimal.
    #[schemars(length(equal = 64), regex(pattern = pattern::HEX_32.regex))]
    pub digest: String,
}
