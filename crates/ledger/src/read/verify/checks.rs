//! The statements that check a job's rows, an invariant each.

use vaultstream_api::Source;

use super::violation::ViolationKind;
use crate::jobs::{Job, RowKeyColumns};
use crate::source::{records_partition, rows_table, signatures_partition};

/// A statement that finds offenders: a text, and the record's id or NULL, in order.
pub(super) type Check = (ViolationKind, String);

/// Settings for the check for missing signatures: it merges two walks of an index. A hash table of all signatures costs more time, and
/// memory or temporary files. Rejects are looked up for the records without a signature alone; that is what OFFSET 0 in the statement
/// is for.
pub(super) const IN_ORDER: &str = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_seqscan = off; \
    SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off; SET LOCAL max_parallel_workers_per_gather = 0; \
    SET LOCAL jit = off";

/// All checks of a job, without those of single signatures that the summary excludes.
pub(super) fn checks(job: &Job, summary: Summary) -> Vec<Check> {
    let signatures = signatures_partition(job.id);
    let mut checks = of_batches();
    checks.extend(of_signatures(&signatures).into_iter().filter(|(kind, _)| summary.may_find(*kind)));
    let planned = match (&job.spec.source, job.ordinals()) {
        (Source::Generate(_), _) => Some((records_partition(job.id), "id")),
        (Source::Table(_), Some(columns)) => {
            checks.extend(of_ordinals(job, columns, &signatures));
            Some((rows_table(job.id), "ordinal"))
        }
        // A table may change after it was signed; the batches' counts say what it held.
        (Source::Table(_), None) => None,
    };
    if let Some((planned, id)) = planned {
        checks.push((
            ViolationKind::Missing,
            format!(
                "SELECT 'record ' || l.id, l.id FROM (SELECT r.{id} AS id FROM {planned} r \
                   WHERE NOT EXISTS (SELECT 1 FROM {signatures} s WHERE s.record_id = r.{id}) ORDER BY r.{id} OFFSET 0) l \
                 WHERE NOT EXISTS (SELECT 1 FROM vaultstream.tenant_rejects x WHERE x.job_id = $1 AND x.record_id = l.id OFFSET 0) \
                 ORDER BY l.id"
            ),
        ));
    }
    checks
}

/// What one pass over all signatures tells of the two checks that would take a pass each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    /// A batch holds other numbers of signatures or rejects than it says.
    pub(super) is_miscounted: bool,
    /// A signature is under another key than its batch.
    pub(super) is_under_another_key: bool,
}

impl Summary {
    /// One row with both, named as here.
    pub(super) fn sql(job: &Job) -> String {
        let signatures = signatures_partition(job.id);
        format!(
            "SELECT coalesce(bool_or({MISCOUNTED}), false) AS is_miscounted, \
               coalesce(bool_or(s.under_another_key > 0), false) AS is_under_another_key \
             FROM vaultstream.tenant_batches b CROSS JOIN LATERAL \
             (SELECT count(*) AS signed, count(*) FILTER (WHERE s.key_id IS DISTINCT FROM b.key_id) AS under_another_key \
               FROM {signatures} s WHERE s.record_id BETWEEN b.first_id AND b.last_id) s \
             CROSS JOIN LATERAL ({REJECTED}) r WHERE b.job_id = $1"
        )
    }

    fn may_find(self, kind: ViolationKind) -> bool {
        match kind {
            ViolationKind::BatchContents => self.is_miscounted,
            ViolationKind::WrongKey => self.is_under_another_key,
            _ => true,
        }
    }
}

/// The batch `b` says something else than its signatures `s` and rejects `r`.
const MISCOUNTED: &str = "(s.signed, r.rejected, s.signed + r.rejected) IS DISTINCT FROM \
                          (coalesce(b.signed, 0), coalesce(b.rejected, 0), coalesce(b.rows, 0))";

/// The last ids, `before`, of batches that the next one does not follow at once.
pub(super) const GAPS: &str = "(SELECT first_id, lag(last_id) OVER (ORDER BY first_id) AS before \
                               FROM vaultstream.tenant_batches WHERE job_id = $1) b WHERE first_id <> before + 1";

/// How many rejects the batch `b` has.
const REJECTED: &str = "SELECT count(*) AS rejected FROM vaultstream.tenant_rejects r \
                        WHERE r.job_id = $1 AND r.record_id BETWEEN b.first_id AND b.last_id";

/// What the batches and keys say of each other.
fn of_batches() -> Vec<Check> {
    vec![
        (
            ViolationKind::UnsignedBatches,
            "SELECT 'batch ' || batch, NULL::bigint FROM vaultstream.tenant_batches WHERE job_id = $1 AND state <> 'signed' \
             ORDER BY batch"
                .to_owned(),
        ),
        (
            ViolationKind::Ranges,
            format!("SELECT 'after id ' || before, NULL::bigint FROM {GAPS}"),
        ),
        (
            ViolationKind::BatchCount,
            "SELECT planned || ' planned, ' || there || ' there', NULL::bigint FROM (SELECT j.batches AS planned, \
             (SELECT count(*) FROM vaultstream.tenant_batches WHERE job_id = $1) AS there FROM vaultstream.tenant_jobs j WHERE id = $1) c \
             WHERE planned IS DISTINCT FROM there"
                .to_owned(),
        ),
        (
            ViolationKind::StrangeKey,
            "SELECT 'batch ' || b.batch, NULL::bigint FROM vaultstream.tenant_batches b WHERE b.job_id = $1 AND b.signed > 0 AND \
             NOT EXISTS (SELECT 1 FROM vaultstream.tenant_keys k WHERE k.id = b.key_id AND k.job_id = $1 AND k.ordinal > 0 \
             AND k.public_key IS NOT NULL) ORDER BY b.batch"
                .to_owned(),
        ),
        (
            ViolationKind::Counters,
            "SELECT 'key ' || k.id, NULL::bigint FROM vaultstream.tenant_keys k LEFT JOIN (SELECT key_id, sum(signed) AS signed \
             FROM vaultstream.tenant_batches WHERE job_id = $1 GROUP BY key_id) b ON b.key_id = k.id \
             WHERE k.job_id = $1 AND k.ordinal > 0 AND k.signed <> coalesce(b.signed, 0) ORDER BY k.id"
                .to_owned(),
        ),
    ]
}

/// What the keys of rows say of the records, and of each other.
fn of_ordinals(job: &Job, columns: &RowKeyColumns, signatures: &str) -> Vec<Check> {
    let rows = rows_table(job.id);
    let keys: Vec<String> = (1..=columns.columns.len()).map(|at| format!("k{at}")).collect();
    let keys = keys.join(", ");
    vec![
        (
            ViolationKind::Unkeyed,
            format!(
                "SELECT 'record ' || l.id, l.id FROM (SELECT record_id AS id FROM {signatures} UNION ALL \
                   SELECT record_id FROM vaultstream.tenant_rejects WHERE job_id = $1) l \
                 WHERE NOT EXISTS (SELECT 1 FROM {rows} r WHERE r.ordinal = l.id) ORDER BY l.id"
            ),
        ),
        (
            ViolationKind::RepeatedKeys,
            format!(
                "SELECT 'records ' || min(ordinal) || ' and ' || max(ordinal), min(ordinal) FROM {rows} GROUP BY {keys} \
                 HAVING count(*) > 1 ORDER BY 2"
            ),
        ),
    ]
}

/// What the signatures say of batches and rejects.
fn of_signatures(signatures: &str) -> Vec<Check> {
    // The ids that no batch covers: below the first, between two, above the last, all of them when there is none.
    let gaps = "SELECT coalesce(max(last_id) OVER before, '-9223372036854775808'::bigint) AS low, first_id AS high, \
                max(last_id) OVER before IS NULL AS open_low FROM vaultstream.tenant_batches WHERE job_id = $1 \
                WINDOW before AS (ORDER BY first_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)";
    vec![
        (
            ViolationKind::BatchContents,
            format!(
                "SELECT format('batch %s (records %s to %s): %s signatures and %s rejects instead of %s and %s', b.batch, \
                   b.first_id, b.last_id, s.signed, r.rejected, coalesce(b.signed, 0), coalesce(b.rejected, 0)), NULL::bigint \
                 FROM vaultstream.tenant_batches b CROSS JOIN LATERAL \
                 (SELECT count(*) AS signed FROM {signatures} s WHERE s.record_id BETWEEN b.first_id AND b.last_id) s \
                 CROSS JOIN LATERAL ({REJECTED}) r WHERE b.job_id = $1 AND {MISCOUNTED} ORDER BY b.batch"
            ),
        ),
        (
            ViolationKind::Stray,
            format!(
                "SELECT 'record ' || stray.record_id, stray.record_id FROM ( \
                   SELECT s.record_id FROM ({gaps}) g CROSS JOIN LATERAL (SELECT record_id FROM {signatures} \
                     WHERE record_id < g.high AND (record_id > g.low OR g.open_low AND record_id = g.low)) s \
                    WHERE g.open_low OR g.high::numeric > g.low::numeric + 1 \
                   UNION ALL SELECT record_id FROM {signatures} WHERE record_id > \
                     (SELECT max(last_id) FROM vaultstream.tenant_batches WHERE job_id = $1) \
                   UNION ALL SELECT record_id FROM {signatures} \
                     WHERE NOT EXISTS (SELECT 1 FROM vaultstream.tenant_batches WHERE job_id = $1)) stray ORDER BY 2"
            ),
        ),
        (
            ViolationKind::SignedAndRejected,
            format!(
                "SELECT 'record ' || r.record_id, r.record_id FROM vaultstream.tenant_rejects r JOIN {signatures} s \
                 ON s.record_id = r.record_id WHERE r.job_id = $1 ORDER BY r.record_id"
            ),
        ),
        (
            ViolationKind::WrongKey,
            format!(
                "SELECT 'record ' || s.record_id, s.record_id FROM vaultstream.tenant_batches b CROSS JOIN LATERAL \
                 (SELECT record_id FROM {signatures} s WHERE s.record_id BETWEEN b.first_id AND b.last_id \
                   AND s.key_id IS DISTINCT FROM b.key_id) s WHERE b.job_id = $1 ORDER BY s.record_id"
            ),
        ),
    ]
}
