//! What is limited, and how much of it is allowed.

use std::fmt;
use std::ops::AddAssign;

/// Something of the ledger that jobs take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// Jobs.
    Jobs,
    /// Generated records.
    GeneratedRecords,
    /// Bytes of the payloads of generated records.
    GeneratedBytes,
    /// Versions of signing keys.
    Keys,
    /// Batches.
    Batches,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Jobs, Self::GeneratedRecords, Self::GeneratedBytes, Self::Keys, Self::Batches];

    /// Its name in the settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::GeneratedRecords => "generatedRecords",
            Self::GeneratedBytes => "generatedBytes",
            Self::Keys => "keys",
            Self::Batches => "batches",
        }
    }

    /// What it counts.
    #[must_use]
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::GeneratedRecords => "generated records",
            Self::GeneratedBytes => "bytes of generated payloads",
            Self::Keys => "keys",
            Self::Batches => "batches",
        }
    }

    /// The field of a SigningJob that decides how much of it the job takes.
    #[must_use]
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Jobs => "metadata.namespace",
            Self::GeneratedRecords => "spec.source.generate.records",
            Self::GeneratedBytes => "spec.source.generate.payloadBytes",
            Self::Keys => "spec.keys",
            Self::Batches => "spec.batchSize",
        }
    }
}

/// Whose jobs are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of one namespace.
    Tenant,
    /// Those of all namespaces of the cluster.
    Cluster,
}

impl fmt::Display for Scope {
    /// The group of settings, with the dot behind it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tenant => "limits.tenant.",
            Self::Cluster => "limits.",
        })
    }
}

/// How much jobs may take together; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allowance {
    /// Jobs that have begun and have not ended.
    pub jobs: Option<u64>,
    /// Generated records that are in the ledger.
    pub generated_records: Option<u64>,
    /// Bytes of their payloads.
    pub generated_bytes: Option<u64>,
    /// Versions of keys of jobs that have not ended.
    pub keys: Option<u64>,
    /// Batches of jobs that have not ended.
    pub batches: Option<u64>,
}

impl Allowance {
    /// The limit of `quantity`; `None` without one.
    #[must_use]
    pub fn of(&self, quantity: Quantity) -> Option<u64> {
        match quantity {
            Quantity::Jobs => self.jobs,
            Quantity::GeneratedRecords => self.generated_records,
            Quantity::GeneratedBytes => self.generated_bytes,
            Quantity::Keys => self.keys,
            Quantity::Batches => self.batches,
        }
    }

    pub(super) fn is_unlimited(&self, quantities: &[Quantity]) -> bool {
        quantities.iter().all(|quantity| self.of(*quantity).is_none())
    }
}

/// The limits of a ledger. By default there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerLimits {
    /// For the jobs of each namespace.
    pub tenant: Allowance,
    /// For the jobs of all namespaces of a cluster together.
    pub cluster: Allowance,
}

impl LedgerLimits {
    pub(super) fn allowance(&self, scope: Scope) -> &Allowance {
        match scope {
            Scope::Tenant => &self.tenant,
            Scope::Cluster => &self.cluster,
        }
    }

    pub(super) fn is_unlimited(&self, quantities: &[Quantity]) -> bool {
        self.tenant.is_unlimited(quantities) && self.cluster.is_unlimited(quantities)
    }
}

/// What a job takes of the ledger, or several take together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Jobs.
    pub jobs: u64,
    /// Generated records.
    pub generated_records: u64,
    /// Bytes of their payloads.
    pub generated_bytes: u64,
    /// Versions of keys.
    pub keys: u64,
    /// Batches.
    pub batches: u64,
}

impl Footprint {
    /// How much of `quantity` it is.
    #[must_use]
    pub fn of(&self, quantity: Quantity) -> u64 {
        match quantity {
            Quantity::Jobs => self.jobs,
            Quantity::GeneratedRecords => self.generated_records,
            Quantity::GeneratedBytes => self.generated_bytes,
            Quantity::Keys => self.keys,
            Quantity::Batches => self.batches,
        }
    }
}

impl AddAssign for Footprint {
    /// Saturates: a sum beyond any limit stays beyond it.
    fn add_assign(&mut self, other: Self) {
        let Self { jobs, generated_records, generated_bytes, keys, batches } = other;
        self.jobs = self.jobs.saturating_add(jobs);
        self.generated_records = self.generated_records.saturating_add(generated_records);
        self.generated_bytes = self.generated_bytes.saturating_add(generated_bytes);
        self.keys = self.keys.saturating_add(keys);
        self.batches = self.batches.saturating_add(batches);
    }
}
