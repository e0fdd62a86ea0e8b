//! The settings that limit what jobs take of the ledger. 0 is no limit.

use clap::Args;
use vaultstream_ledger::limits::{Allowance, LedgerLimits};

/// Limits on what jobs take of the ledger. A job beyond one waits, with the reason LimitExceeded.
#[derive(Args, Clone, Copy, Debug)]
pub struct LimitArgs {
    /// Jobs of a namespace that have begun and have not ended. 0: no limit.
    #[arg(long, env = "VAULTSTREAM_TENANT_JOBS", default_value = "2000")]
    pub tenant_jobs: u64,

    /// Generated records of a namespace, from the beginning of their job until they are deleted. 0: no limit.
    #[arg(long, env = "VAULTSTREAM_TENANT_GENERATED_RECORDS", default_value = "200000000")]
    pub tenant_generated_records: u64,

    /// Bytes of the payloads of these records. 0: no limit.
    #[arg(long, env = "VAULTSTREAM_TENANT_GENERATED_BYTES", default_value = "10737418240")]
    pub tenant_generated_bytes: u64,

    /// Versions of keys of a namespace's jobs that have begun and have not ended. 0: no limit.
    #[arg(long, env = "VAULTSTREAM_TENANT_KEYS", default_value = "200000")]
    pub tenant_keys: u64,

    /// Batches of a namespace's jobs that have begun and have not ended. 0: no limit.
    #[arg(long, env = "VAULTSTREAM_TENANT_BATCHES", default_value = "20000000")]
    pub tenant_batches: u64,

    /// Generated records of all namespaces together. 0: no limit.
    #[arg(long, env = "VAULTSTREAM_GENERATED_RECORDS", default_value = "0")]
    pub generated_records: u64,

    /// Bytes of the payloads of these records. 0: no limit.
    #[arg(long, env = "VAULTSTREAM_GENERATED_BYTES", default_value = "0")]
    pub generated_bytes: u64,
}

impl LimitArgs {
    /// As the ledger knows them.
    pub(crate) fn ledger_limits(&self) -> LedgerLimits {
        let limit = |setting: u64| (setting > 0).then_some(setting);
        LedgerLimits {
            tenant: Allowance {
                jobs: limit(self.tenant_jobs),
                generated_records: limit(self.tenant_generated_records),
                generated_bytes: limit(self.tenant_generated_bytes),
                keys: limit(self.tenant_keys),
                batches: limit(self.tenant_batches),
            },
            cluster: Allowance {
                generated_records: limit(self.generated_records),
                generated_bytes: limit(self.generated_bytes),
                ..Allowance::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use vaultstream_ledger::limits::Quantity;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        limits: LimitArgs,
    }

    fn limits(args: &[&str]) -> LedgerLimits {
        Program::try_parse_from([&["operator"], args].concat()).unwrap().limits.ledger_limits()
    }

    #[test]
    fn a_namespace_is_limited_by_default_and_the_cluster_is_not() {
        let limits = limits(&[]);
        assert!(Quantity::ALL.iter().all(|quantity| limits.tenant.of(*quantity).is_some()), "{limits:?}");
        assert_eq!(limits.tenant.generated_bytes, Some(10 << 30));
        assert_eq!(limits.cluster, Allowance::default());
    }

    #[test]
    fn zero_is_no_limit_and_each_setting_is_that_of_its_quantity() {
        let none = [
            "--tenant-jobs=0",
            "--tenant-generated-records=0",
            "--tenant-generated-bytes=0",
            "--tenant-keys=0",
            "--tenant-batches=0",
        ];
        assert_eq!(limits(&none), LedgerLimits::default());
        let some = [
            "--tenant-jobs=1",
            "--tenant-generated-records=2",
            "--tenant-generated-bytes=3",
            "--tenant-keys=4",
            "--tenant-batches=5",
            "--generated-records=6",
            "--generated-bytes=7",
        ];
        let limits = limits(&some);
        assert_eq!(Quantity::ALL.map(|quantity| limits.tenant.of(quantity)), [1, 2, 3, 4, 5].map(Some));
        let cluster = [None, Some(6), Some(7), None, None];
        assert_eq!(Quantity::ALL.map(|quantity| limits.cluster.of(quantity)), cluster);
    }
}
