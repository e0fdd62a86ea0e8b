//! Whether a job is within the limits, beside the others. Pure.

use std::fmt;

use super::allowance::{Footprint, LedgerLimits, Quantity, Scope};
use super::claim::{JobClaim, Standing};

/// A job, alone or together with others, would take more of the ledger than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct LimitExceeded {
    /// Whose jobs were counted.
    pub scope: Scope,
    /// What there would be too much of.
    pub quantity: Quantity,
    /// What the job would take.
    pub own: u64,
    /// What the others take.
    pub others: u64,
    /// The limit.
    pub limit: u64,
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without what the others take: the sentence is the same while the job waits.
        let Self { scope, quantity, own, others: _, limit } = *self;
        let (field, unit, name) = (quantity.field(), quantity.unit(), quantity.name());
        let whose = match scope {
            Scope::Tenant => "of the namespace",
            Scope::Cluster => "of all namespaces",
        };
        let (smaller, room) = match quantity {
            Quantity::Jobs => {
                return write!(
                    f,
                    "{field}: the jobs {whose} are as many as the limit {scope}{name} allows, which is {limit}. The job continues by \
                     itself once one of them has ended, or the limit is raised"
                );
            }
            Quantity::GeneratedRecords | Quantity::GeneratedBytes => (
                "make it smaller",
                "enough of those records are removed from the ledger, with SigningJobs whose deletionPolicy says so",
            ),
            Quantity::Keys => {
                ("raise spec.keys.maxSignatures, lower spec.keys.count", "enough of those jobs have ended")
            }
            Quantity::Batches => ("raise it", "enough of those jobs have ended"),
        };
        if own > limit {
            return write!(
                f,
                "{field}: the job takes {own} {unit}, and the limit {scope}{name} is {limit}: {smaller}, or have the limit raised"
            );
        }
        write!(
            f,
            "{field}: the job takes {own} {unit}, and other jobs {whose} leave less of the limit {scope}{name}, which is {limit}. \
             The job continues by itself once {room}, or the limit is raised"
        )
    }
}

/// Whether a job that waits may begin: together with what is taken, and within its tenant with what jobs ask for that have waited
/// longer. A job that can never begin, because it is beyond a limit by itself, stops no other one.
///
/// Across tenants nothing is reserved for a job that waits: a tenant whose jobs wait for its own limit would stop all others.
pub(super) fn may_begin(own: &JobClaim, others: &[JobClaim], limits: &LedgerLimits) -> Result<(), LimitExceeded> {
    let is_ahead = |other: &JobClaim| {
        other.standing == Standing::Waiting
            && other.of_tenant
            && other.job < own.job
            && within(&Quantity::ALL, Scope::Tenant, limits, other.at_work(), Footprint::default()).is_ok()
            && within(&Quantity::ALL, Scope::Cluster, limits, other.at_work(), Footprint::default()).is_ok()
    };
    let of_tenant = sum(others
        .iter()
        .filter(|other| other.of_tenant)
        .map(|other| if is_ahead(other) { other.at_work() } else { other.at_present() }));
    let of_all = sum(others.iter().map(JobClaim::at_present));
    within(&Quantity::ALL, Scope::Tenant, limits, own.at_work(), of_tenant)?;
    within(&Quantity::ALL, Scope::Cluster, limits, own.at_work(), of_all)
}

/// What is known of a table only while it is planned.
pub(super) const GROWING: [Quantity; 2] = [Quantity::Keys, Quantity::Batches];

/// Whether the plan of a table may grow to what `own` says. Of several tables that are planned at once, only earlier ones are counted:
/// the first one can always go on to the limit, so that they never wait for each other in a circle.
pub(super) fn may_grow(own: &JobClaim, others: &[JobClaim], limits: &LedgerLimits) -> Result<(), LimitExceeded> {
    let counts = |other: &&JobClaim| other.standing != Standing::Seeding || other.job < own.job;
    let of_tenant = sum(others.iter().filter(counts).filter(|other| other.of_tenant).map(JobClaim::at_present));
    let of_all = sum(others.iter().filter(counts).map(JobClaim::at_present));
    within(&GROWING, Scope::Tenant, limits, own.at_work(), of_tenant)?;
    within(&GROWING, Scope::Cluster, limits, own.at_work(), of_all)
}

fn sum(footprints: impl Iterator<Item = Footprint>) -> Footprint {
    footprints.fold(Footprint::default(), |mut sum, footprint| {
        sum += footprint;
        sum
    })
}

/// Of what the job takes nothing of, it cannot take too much, whatever the others do.
fn within(
    quantities: &[Quantity],
    scope: Scope,
    limits: &LedgerLimits,
    own: Footprint,
    others: Footprint,
) -> Result<(), LimitExceeded> {
    for &quantity in quantities {
        let (own, others) = (own.of(quantity), others.of(quantity));
        if let Some(limit) = limits.allowance(scope).of(quantity)
            && own > 0
            && own.saturating_add(others) > limit
        {
            return Err(LimitExceeded { scope, quantity, own, others, limit });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::allowance::Allowance;
    use super::super::claim::Generated;
    use super::*;

    fn claim(job: i64, standing: Standing, records: u64) -> JobClaim {
        JobClaim {
            job,
            of_tenant: true,
            standing,
            generated: Some(Generated { records, payload_bytes: 10, kept: !matches!(standing, Standing::Waiting) }),
            batch_size: 10,
            keys: 2,
            max_signatures: None,
            seeded: records,
            total: None,
            batches: 0,
        }
    }

    fn waiting(job: i64, records: u64) -> JobClaim {
        claim(job, Standing::Waiting, records)
    }

    fn elsewhere(claim: JobClaim) -> JobClaim {
        JobClaim { of_tenant: false, ..claim }
    }

    fn of_tenant(tenant: Allowance) -> LedgerLimits {
        LedgerLimits { tenant, ..LedgerLimits::default() }
    }

    fn records(limit: u64) -> Allowance {
        Allowance { generated_records: Some(limit), ..Allowance::default() }
    }

    fn exceeded(result: Result<(), LimitExceeded>) -> Option<(Scope, Quantity, u64, u64, u64)> {
        result.err().map(|LimitExceeded { scope, quantity, own, others, limit }| (scope, quantity, own, others, limit))
    }

    #[test]
    fn each_quantity_is_allowed_up_to_its_limit_and_not_beyond() {
        let (own, other) = (waiting(2, 100), claim(1, Standing::Signing, 100));
        for (quantity, taken) in [
            (Quantity::Jobs, 1),
            (Quantity::GeneratedRecords, 100),
            (Quantity::GeneratedBytes, 1_000),
            (Quantity::Keys, 3),
            (Quantity::Batches, 10),
        ] {
            let allowance = |limit| {
                let of = |this| (this == quantity).then_some(limit);
                Allowance {
                    jobs: of(Quantity::Jobs),
                    generated_records: of(Quantity::GeneratedRecords),
                    generated_bytes: of(Quantity::GeneratedBytes),
                    keys: of(Quantity::Keys),
                    batches: of(Quantity::Batches),
                }
            };
            let limited = |limit| may_begin(&own, &[other], &of_tenant(allowance(limit)));
            assert_eq!(exceeded(limited(2 * taken)), None, "{quantity:?}");
            let expected = Some((Scope::Tenant, quantity, taken, taken, 2 * taken - 1));
            assert_eq!(exceeded(limited(2 * taken - 1)), expected);
        }
        assert_eq!(exceeded(may_begin(&own, &[other], &LedgerLimits::default())), None, "there is no limit");
    }

    #[test]
    fn a_tenant_s_limit_counts_its_own_jobs_and_the_cluster_s_counts_all() {
        let others = [claim(1, Standing::Signing, 60), elsewhere(claim(2, Standing::Signing, 500))];
        let own = waiting(3, 40);
        assert_eq!(exceeded(may_begin(&own, &others, &of_tenant(records(100)))), None);
        let cluster = |limit| LedgerLimits { cluster: records(limit), ..LedgerLimits::default() };
        assert_eq!(exceeded(may_begin(&own, &others, &cluster(600))), None);
        let expected = Some((Scope::Cluster, Quantity::GeneratedRecords, 40, 560, 599));
        assert_eq!(exceeded(may_begin(&own, &others, &cluster(599))), expected);
    }

    #[test]
    fn the_oldest_job_that_waits_begins_first_even_if_a_later_one_would_fit_sooner() {
        let limits = of_tenant(records(100));
        let at_work = claim(1, Standing::Signing, 50);
        let (large, small) = (waiting(2, 80), waiting(3, 40));
        assert!(may_begin(&large, &[at_work, small], &limits).is_err());
        assert!(may_begin(&small, &[at_work, large], &limits).is_err(), "the room is kept for the large one");
        let ended = JobClaim { generated: None, standing: Standing::Ended, ..at_work };
        assert!(may_begin(&large, &[ended, small], &limits).is_ok());
        assert!(may_begin(&small, &[ended, JobClaim { standing: Standing::Seeding, ..large }], &limits).is_err());
    }

    #[test]
    fn a_job_that_can_never_begin_or_is_suspended_holds_up_no_other_one() {
        let limits = of_tenant(records(100));
        let own = waiting(9, 100);
        let impossible = waiting(1, 101);
        let suspended = claim(2, Standing::Resting, 100);
        let of_another_tenant = elsewhere(waiting(3, 100));
        assert_eq!(exceeded(may_begin(&own, &[impossible, suspended, of_another_tenant], &limits)), None);
        let alone = Some((Scope::Tenant, Quantity::GeneratedRecords, 101, 0, 100));
        assert_eq!(exceeded(may_begin(&impossible, &[], &limits)), alone);
    }

    #[test]
    fn a_table_is_not_held_up_by_records_that_others_generated() {
        let table = JobClaim { generated: None, ..waiting(2, 0) };
        let full = claim(1, Standing::Signing, 100);
        assert_eq!(exceeded(may_begin(&table, &[full], &of_tenant(records(100)))), None);
    }

    #[test]
    fn of_tables_that_are_planned_at_once_the_first_grows_to_the_limit() {
        let limits = of_tenant(Allowance { batches: Some(100), jobs: Some(1), ..Allowance::default() });
        let planning = |job, batches| JobClaim { generated: None, batches, ..claim(job, Standing::Seeding, 0) };
        let (first, second) = (planning(1, 60), planning(2, 41));
        assert_eq!(
            exceeded(may_grow(&first, &[planning(2, 40)], &limits)),
            None,
            "and jobs that began are not counted"
        );
        let expected = Some((Scope::Tenant, Quantity::Batches, 41, 60, 100));
        assert_eq!(exceeded(may_grow(&second, &[first], &limits)), expected);
        let planned = JobClaim { standing: Standing::Signing, ..planning(3, 40) };
        let expected = Some((Scope::Tenant, Quantity::Batches, 61, 40, 100));
        assert_eq!(
            exceeded(may_grow(&planning(1, 61), &[planned], &limits)),
            expected,
            "planned ones end by themselves"
        );
    }

    #[test]
    fn the_message_has_field_value_limit_and_what_to_do() {
        let message =
            |own, others, limit, quantity, scope| LimitExceeded { scope, quantity, own, others, limit }.to_string();
        assert_eq!(
            message(150, 100, 200, Quantity::GeneratedRecords, Scope::Tenant),
            "spec.source.generate.records: the job takes 150 generated records, and other jobs of the namespace leave less of the \
             limit limits.tenant.generatedRecords, which is 200. The job continues by itself once enough of those records are removed \
             from the ledger, with SigningJobs whose deletionPolicy says so, or the limit is raised"
        );
        assert_eq!(
            message(5_000_002, 0, 200_000, Quantity::Keys, Scope::Tenant),
            "spec.keys: the job takes 5000002 keys, and the limit limits.tenant.keys is 200000: raise spec.keys.maxSignatures, \
             lower spec.keys.count, or have the limit raised"
        );
        assert_eq!(
            message(1, 7, 7, Quantity::Jobs, Scope::Tenant),
            "metadata.namespace: the jobs of the namespace are as many as the limit limits.tenant.jobs allows, which is 7. The job \
             continues by itself once one of them has ended, or the limit is raised"
        );
        let of_all = message(1, 7, 7, Quantity::GeneratedBytes, Scope::Cluster);
        assert!(
            of_all.contains("other jobs of all namespaces leave less") && of_all.contains("limits.generatedBytes"),
            "{of_all}"
        );
    }
}
