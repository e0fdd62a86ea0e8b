//! `spec.concurrency`, `spec.retry` and `spec.deletionPolicy`: how much work is done at once, how often it is repeated, and what is kept of it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cel::{duration_between, durations_ordered};
use crate::duration::GoDuration;
use crate::word::words;
use crate::{defaults, limits};

/// How much one worker does at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Concurrency {
    /// Units of work a worker reads ahead.
    #[serde(default = "defaults::concurrent_records")]
    #[schemars(range(min = 1, max = limits::MAX_CONCURRENT_RECORDS))]
    pub records: u32,

    /// Signing lanes of a worker; each holds one key at a time.
    #[serde(default = "defaults::signers")]
    #[schemars(range(min = 1, max = limits::MAX_SIGNERS))]
    pub signers: u32,

    /// Key pairs a worker generates at once.
    #[serde(default = "defaults::concurrent_keys")]
    #[schemars(range(min = 1, max = limits::MAX_CONCURRENT_KEYS))]
    pub keys: u32,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self {
            records: defaults::concurrent_records(),
            signers: defaults::signers(),
            keys: defaults::concurrent_keys(),
        }
    }
}

/// What happens when signing a batch fails. Only failures that name a batch or record count; an unreachable database or
/// message server does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = duration_between("initialBackoff", Retry::SHORTEST, Retry::LONGEST),
    validation = duration_between("maxBackoff", Retry::SHORTEST, Retry::LONGEST),
    validation = durations_ordered("initialBackoff", "maxBackoff"),
)]
pub struct Retry {
    /// Attempts at a batch. After the last one the batch is halved until the culprit is found, which becomes a reject.
    #[serde(default = "defaults::max_attempts")]
    #[schemars(range(min = 1, max = limits::MAX_ATTEMPTS))]
    pub max_attempts: u32,

    /// Longest wait before the second attempt, 1ms to 1h; it doubles with every further one. Waits are random below it.
    #[serde(default = "defaults::initial_backoff")]
    pub initial_backoff: GoDuration,

    /// The limit of the wait, 1ms to 1h.
    #[serde(default = "defaults::max_backoff")]
    pub max_backoff: GoDuration,
}

impl Retry {
    pub(crate) const SHORTEST: &'static str = "1ms";
    pub(crate) const LONGEST: &'static str = "1h";
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: defaults::max_attempts(),
            initial_backoff: defaults::initial_backoff(),
            max_backoff: defaults::max_backoff(),
        }
    }
}

/// What is kept in the database when the SigningJob is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionPolicy {
    /// Signatures, public keys, rejects and the receipt.
    #[serde(default)]
    pub signatures: Retention,

    /// Generated records. A source table is never touched.
    #[serde(default)]
    pub records: Retention,
}

/// Keep or remove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Retention {
    /// Keep.
    #[default]
    Retain,
    /// Remove.
    Delete,
}

words!(Retention { Retain => "Retain", Delete => "Delete" });
