//! What to ask for.

use vaultstream_api::Source;

use crate::ids::BatchRange;
use crate::jobs::Job;
use crate::source::{ReadFrom, literal};

/// Ranges in one COPY of a partitioned table, each of them written out.
const WRITTEN_OUT: usize = 64;

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
        let most = if self.from.partitioned { WRITTEN_OUT } else { usize::MAX };
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

    /// An index walk a span, spans ascending: the order of rows is that of the plan, a nested loop over VALUES, or one walk
    /// after the other.
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
