//! What one job takes of the ledger.

use super::allowance::Footprint;

/// How far a job is, as far as limits are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has not begun, and is not suspended.
    Waiting,
    /// It has not begun, and is suspended: it asks for nothing.
    Resting,
    /// Its records are being made, or its table is being planned.
    Seeding,
    /// Its batches are known, and it has not ended.
    Signing,
    /// It has ended, or is being deleted.
    Ended,
}

/// The records that a job has the ledger make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generated {
    pub(super) records: u64,
    pub(super) payload_bytes: u64,
    /// Their partition is there.
    pub(super) kept: bool,
}

/// A job, with what decides how much it takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobClaim {
    /// Its number: jobs that were created earlier have lower ones.
    pub(super) job: i64,
    pub(super) of_tenant: bool,
    pub(super) standing: Standing,
    /// `None` for a table's rows, which are not copied.
    pub(super) generated: Option<Generated>,
    pub(super) batch_size: u64,
    /// Keys that sign at the same time.
    pub(super) keys: u64,
    pub(super) max_signatures: Option<u64>,
    /// Records seeded or planned so far, or allowed to be planned.
    pub(super) seeded: u64,
    /// All records, once they are known.
    pub(super) total: Option<u64>,
    /// Batches planned so far, or allowed to be planned.
    pub(super) batches: u64,
}

impl JobClaim {
    /// What it takes while it is at work, from what is known of it by now.
    pub(super) fn at_work(&self) -> Footprint {
        let generated = self.generated.map_or(0, |generated| generated.records);
        let records = self.total.unwrap_or_else(|| generated.max(self.seeded));
        Footprint {
            jobs: 1,
            generated_records: generated,
            generated_bytes: self.generated_bytes(generated),
            keys: self.key_versions(records),
            // A split adds batches to those that were planned.
            batches: generated.div_ceil(self.batch_size.max(1)).max(self.batches),
        }
    }

    /// What it takes at present.
    pub(super) fn at_present(&self) -> Footprint {
        match self.standing {
            Standing::Waiting | Standing::Resting => Footprint::default(),
            Standing::Seeding | Standing::Signing => self.at_work(),
            Standing::Ended => match self.generated {
                Some(Generated { records, kept: true, .. }) => {
                    let records = records.min(self.seeded);
                    let generated_bytes = self.generated_bytes(records);
                    Footprint { generated_records: records, generated_bytes, ..Footprint::default() }
                }
                _ => Footprint::default(),
            },
        }
    }

    fn generated_bytes(&self, records: u64) -> u64 {
        self.generated.map_or(0, |generated| generated.payload_bytes.saturating_mul(records))
    }

    /// The keys that signing that many records takes at most, the receipt's among them. A key with fewer than `batchSize` signatures
    /// left is retired, so each retired one has signed at least `maxSignatures - batchSize + 1` records.
    fn key_versions(&self, records: u64) -> u64 {
        let least_signed = self.max_signatures.map(|most| most.saturating_sub(self.batch_size) + 1);
        let retired = least_signed.map_or(0, |least| records / least);
        retired.saturating_add(self.keys).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(records: u64, payload_bytes: u64) -> JobClaim {
        JobClaim {
            job: 1,
            of_tenant: true,
            standing: Standing::Signing,
            generated: Some(Generated { records, payload_bytes, kept: true }),
            batch_size: 100,
            keys: 10,
            max_signatures: None,
            seeded: 0,
            total: None,
            batches: 0,
        }
    }

    #[test]
    fn a_generated_job_takes_what_its_spec_says_before_anything_is_made() {
        let takes = generated(1_001, 64).at_work();
        let expected = Footprint { jobs: 1, generated_records: 1_001, generated_bytes: 64_064, keys: 11, batches: 11 };
        assert_eq!(takes, expected);
        assert_eq!(generated(u64::MAX, 1 << 20).at_work().generated_bytes, u64::MAX, "it saturates");
    }

    #[test]
    fn a_table_takes_what_was_planned_of_it_and_its_rows_are_not_copied() {
        let table = JobClaim { generated: None, seeded: 700, batches: 8, ..generated(0, 0) };
        let expected = Footprint { jobs: 1, generated_records: 0, generated_bytes: 0, keys: 11, batches: 8 };
        assert_eq!(table.at_work(), expected);
    }

    #[test]
    fn versions_of_keys_follow_from_records_and_signatures_a_key() {
        let keys = |batch_size, max_signatures, records| {
            JobClaim { batch_size, max_signatures, keys: 1, ..generated(records, 0) }.at_work().keys
        };
        assert_eq!(keys(1, Some(1), 5_000_000), 5_000_002, "a key for each record");
        assert_eq!(keys(100, Some(100), 1_000), 1_002, "a batch may have one row only");
        assert_eq!(keys(100, Some(1_099), 10_000), 12);
        assert_eq!(keys(100, None, u64::MAX), 2, "keys that never wear out");
        let planned =
            JobClaim { max_signatures: Some(1), batch_size: 1, generated: None, seeded: 40, ..generated(0, 0) };
        assert_eq!((planned.at_work().keys, JobClaim { total: Some(90), ..planned }.at_work().keys), (51, 101));
    }

    #[test]
    fn what_a_job_takes_at_present_depends_on_its_standing() {
        let of = |standing, kept, seeded| {
            let generated = Some(Generated { records: 100, payload_bytes: 10, kept });
            let takes = JobClaim { standing, generated, seeded, ..generated_by_default() }.at_present();
            (takes.jobs, takes.keys, takes.generated_records, takes.generated_bytes)
        };
        assert_eq!(of(Standing::Waiting, false, 0), (0, 0, 0, 0));
        assert_eq!(of(Standing::Resting, false, 0), (0, 0, 0, 0));
        assert_eq!(of(Standing::Seeding, true, 20), (1, 11, 100, 1_000), "the room is taken when it begins");
        assert_eq!(of(Standing::Signing, true, 100), (1, 11, 100, 1_000));
        assert_eq!(of(Standing::Ended, true, 100), (0, 0, 100, 1_000), "finished, and its records are still there");
        assert_eq!(of(Standing::Ended, true, 20), (0, 0, 20, 200), "it failed when 20 were made");
        assert_eq!(of(Standing::Ended, false, 100), (0, 0, 0, 0), "its records were deleted");
    }

    fn generated_by_default() -> JobClaim {
        generated(100, 10)
    }
}
