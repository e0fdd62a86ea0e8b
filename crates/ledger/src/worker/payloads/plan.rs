//! Which rows a unit asks for, and how.

use vaultstream_api::Source;

use crate::ids::BatchRange;
use crate::jobs::Job;
use crate::source::{ReadFrom, literal};

/// Ranges in one COPY of a partitioned table, where each is written out.
const WRITTEN_OUT_LIMIT: usize = 64;

/// How the ranges of a unit are read.
pub(crate) struct Plan {
    pub(super) from: ReadFrom,
    /// Rows of a range at most.
    pub(super) limit: Option<i64>,
    /// Bytes of a payload at most, where one may be larger.
    most_bytes: Option<u32>,
}

impl Plan {
    pub(crate) fn new(job: &Job) -> Self {
        let most = job.spec.max_payload_bytes;
        let (limit, most_bytes) = match &job.spec.source {
            Source::Generate(generate) => (None, (generate.payload_bytes > most).then_some(most)),
            Source::Table(_) => (Some(2 * i64::from(job.spec.batch_size)), Some(most)),
        };
        Self { from: ReadFrom::of(job), limit, most_bytes }
    }

    /// Sizes come as a third column.
    pub(super) fn is_checked(&self) -> bool {
        self.most_bytes.is_some()
    }

    /// First and last ids of what one COPY can read of these ranges, which ascend. Adjacent ones are joined unless each has a
    /// limit of its own.
    pub(super) fn spans(&self, ranges: impl Iterator<Item = BatchRange>) -> Vec<(i64, i64)> {
        let most = if self.from.partitioned { WRITTEN_OUT_LIMIT } else { usize::MAX };
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for range in ranges {
            match spans.last_mut() {
                Some((_, last)) if self.limit.is_none() && last.checked_add(1) == Some(range.first) => {
                    *last = range.last
                }
                _ => spans.push((range.first, range.last)),
            }
            if spans.len() == most {
                break;
            }
        }
        spans
    }

    /// One index walk per span, spans ascending: a nested loop over VALUES, or one walk after the other.
    pub(crate) fn sql(&self, spans: &[(i64, i64)]) -> String {
        let limit = self.limit.map(|rows| rows.saturating_add(1));
        let columns = match self.most_bytes {
            Some(most) => format!(
                "r.id, CASE WHEN octet_length(r.payload) <= {most} THEN r.payload END, \
                 CASE WHEN octet_length(r.payload) > {most} THEN octet_length(r.payload)::bigint END"
            ),
            None => "r.id, r.payload".to_owned(),
        };
        if self.from.partitioned || spans.len() == 1 {
            let arms: Vec<String> = spans
                .iter()
                .map(|(first, last)| format!("({})", self.from.rows(&literal(*first), &literal(*last), limit)))
                .collect();
            return format!("SELECT {columns} FROM ({}) AS r", arms.join(" UNION ALL "));
        }
        let values: Vec<String> =
            spans.iter().map(|(first, last)| format!("({}, {})", literal(*first), literal(*last))).collect();
        format!(
            "SELECT {columns} FROM (VALUES {}) AS span (first, last) CROSS JOIN LATERAL ({}) AS r",
            values.join(", "),
            self.from.rows("span.first", "span.last", limit)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::BatchNo;
    use crate::jobs::{PlannedTable, fixture};

    fn ranges(ends: &[(i64, i64)]) -> Vec<BatchRange> {
        let range =
            |(batch, &(first, last)): (i64, &(i64, i64))| BatchRange { batch: BatchNo(batch), first, last, rows: 1 };
        (0..).zip(ends).map(range).collect()
    }

    fn of_table(partitioned: bool) -> Plan {
        let mut job = fixture::job(fixture::table());
        job.spec.batch_size = 10;
        job.spec.max_payload_bytes = 100;
        job.planned_table = Some(PlannedTable { database: 1, table: 2, partitioned });
        Plan::new(&job)
    }

    #[test]
    fn adjacent_ranges_of_generated_records_are_one_span() {
        let plan = Plan::new(&fixture::job(fixture::generated(32)));
        let unit = ranges(&[(1, 10), (11, 20), (31, 40), (i64::MAX, i64::MAX)]);
        assert_eq!(plan.spans(unit.into_iter()), [(1, 20), (31, 40), (i64::MAX, i64::MAX)]);
        assert_eq!((plan.limit, plan.is_checked()), (None, false));
        assert!(plan.sql(&[(1, 20)]).starts_with("SELECT r.id, r.payload FROM ((SELECT "), "{}", plan.sql(&[(1, 20)]));
    }

    #[test]
    fn a_payload_that_may_be_too_large_is_measured_by_the_server() {
        let mut job = fixture::job(fixture::generated(101));
        job.spec.max_payload_bytes = 100;
        let sql = Plan::new(&job).sql(&[(1, 2)]);
        assert!(sql.contains("CASE WHEN octet_length(r.payload) <= 100 THEN r.payload END"), "{sql}");
        job.spec.max_payload_bytes = 101;
        assert!(!Plan::new(&job).is_checked());
    }

    #[test]
    fn ranges_of_a_table_are_read_one_by_one_up_to_twice_a_batch() {
        let plan = of_table(false);
        let spans = plan.spans(ranges(&[(1, 10), (11, 20)]).into_iter());
        assert_eq!((plan.limit, plan.is_checked(), spans.as_slice()), (Some(20), true, [(1, 10), (11, 20)].as_slice()));
        let sql = plan.sql(&spans);
        assert!(sql.contains("(VALUES ('1'::bigint, '10'::bigint), ('11'::bigint, '20'::bigint)) AS span"), "{sql}");
        assert!(sql.contains("BETWEEN span.first AND span.last ORDER BY source.\"id\" LIMIT 21 OFFSET 0"), "{sql}");
    }

    #[test]
    fn ranges_of_a_partitioned_table_are_written_out_a_few_at_a_time() {
        let plan = of_table(true);
        let many: Vec<_> = (0..100).map(|number| (10 * number, 10 * number + 9)).collect();
        let spans = plan.spans(ranges(&many).into_iter());
        assert_eq!(spans, many[..WRITTEN_OUT_LIMIT]);
        let sql = plan.sql(&spans[..2]);
        assert!(sql.contains(" UNION ALL (SELECT ") && !sql.contains("VALUES"), "{sql}");
    }
}
