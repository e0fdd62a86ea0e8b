//! `spec.follow`: each row that is inserted into the table later is signed, too.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::cel::duration_between;
use crate::duration::GoDuration;
use crate::{defaults, limits};

/// Sign each row that is inserted into the table later, too. The table needs a trigger: `vaultstream source enable`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = duration_between("maxDelay", Follow::SHORTEST_DELAY, Follow::LONGEST_DELAY),
    validation = duration_between("reconcileEvery", Follow::SHORTEST_RECONCILE, Follow::LONGEST_RECONCILE),
)]
pub struct Follow {
    /// How long a row waits at most for its batch to be full, 50ms to 1h. A batch that is full does not wait.
    #[serde(default = "defaults::max_delay")]
    pub max_delay: GoDuration,

    /// How often the signed proof over everything so far is made.
    #[serde(default)]
    pub checkpoint: CheckpointPolicy,

    /// How often the whole table is looked through for rows that the trigger did not see, 1m to 8760h.
    #[serde(default = "defaults::reconcile_every")]
    pub reconcile_every: GoDuration,
}

impl Follow {
    pub(crate) const SHORTEST_DELAY: &'static str = "50ms";
    pub(crate) const LONGEST_DELAY: &'static str = "1h";
    pub(crate) const SHORTEST_RECONCILE: &'static str = "1m";
    pub(crate) const LONGEST_RECONCILE: &'static str = "8760h";
}

impl Default for Follow {
    fn default() -> Self {
        Self {
            max_delay: defaults::max_delay(),
            checkpoint: CheckpointPolicy::default(),
            reconcile_every: defaults::reconcile_every(),
        }
    }
}

/// How often a checkpoint is made: when one of both is reached, and something was signed since the last one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = duration_between("every", CheckpointPolicy::SHORTEST, CheckpointPolicy::LONGEST),
)]
pub struct CheckpointPolicy {
    /// After this time, 1s to 8760h.
    #[serde(default = "defaults::checkpoint_every")]
    pub every: GoDuration,

    /// After this many records.
    #[serde(default = "defaults::checkpoint_records")]
    #[schemars(range(min = 1, max = limits::MAX_RECORDS))]
    pub records: u64,
}

impl CheckpointPolicy {
    pub(crate) const SHORTEST: &'static str = "1s";
    pub(crate) const LONGEST: &'static str = "8760h";
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self { every: defaults::checkpoint_every(), records: defaults::checkpoint_records() }
    }
}
