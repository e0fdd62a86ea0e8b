//! A job's batches as a map and over time, in one reading of their rows.

use std::time::{Duration, SystemTime};

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::jobs::Job;

/// Batches that lie side by side, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCell {
    /// Not published.
    pub planned: i64,
    /// Published and not signed.
    pub in_flight: i64,
    /// Signed.
    pub signed: i64,
    /// Of the signed ones those with rejects.
    pub rejected: i64,
    /// Of those that are not signed those that failed.
    pub failing: i64,
}

/// What was signed within a step of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Records with a signature.
    pub signed: i64,
    /// Records without one.
    pub rejected: i64,
}

/// A job's batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    /// Batches in each cell but the last one.
    pub per_cell: i64,
    /// By number, from batch 0 on.
    pub cells: Vec<BatchCell>,
    /// When the first moment begins.
    pub start: SystemTime,
    /// The length of each.
    pub step: Duration,
    /// One after the other.
    pub moments: Vec<Moment>,
}

/// The job's batches in at most `cells` cells, and what was signed since `start` in at most `moments` steps of whole seconds.
///
/// # Errors
///
/// When Postgres fails.
pub async fn batches(
    ledger: &Ledger,
    job: &Job,
    cells: usize,
    (start, end): (SystemTime, SystemTime),
    moments: usize,
) -> Result<Batches, QueryError> {
    const SQL: &str = "WITH b AS (SELECT batch, state = 'signed' AS is_signed, batch < $2 AS is_published, attempts > 0 AS has_failed, \
             coalesce(signed, 0) AS signed, coalesce(rejected, 0) AS rejected, signed_at \
             FROM vaultstream.tenant_batches WHERE job_id = $1 AND batch >= 0) \
         SELECT true AS is_cell, batch / $3 AS place, count(*) FILTER (WHERE NOT is_signed AND NOT is_published) AS planned, \
             count(*) FILTER (WHERE NOT is_signed AND is_published) AS in_flight, count(*) FILTER (WHERE is_signed) AS signed, \
             count(*) FILTER (WHERE is_signed AND rejected > 0) AS rejected, \
             count(*) FILTER (WHERE NOT is_signed AND has_failed) AS failing FROM b GROUP BY place \
         UNION ALL \
         SELECT false, floor(extract(epoch FROM signed_at - $4::timestamptz) / $5::float8)::bigint AS place, 0, 0, \
             sum(signed)::bigint, sum(rejected)::bigint, 0 FROM b WHERE is_signed AND signed_at >= $4 GROUP BY place";
    let per_cell = step_of(job.batches.unwrap_or(0).unsigned_abs(), cells).cast_signed();
    let span = end.duration_since(start).unwrap_or_default().as_secs() + 1;
    let step = step_of(span, moments);
    let rows = ledger
        .query_prepared("read the job's batches", SQL, &[&job.id.0, &job.published, &per_cell, &start, &(step as f64)])
        .await?;
    let mut map = Batches {
        per_cell,
        cells: Vec::new(),
        start,
        step: Duration::from_secs(step),
        moments: vec![Moment::default(); usize::try_from(span.div_ceil(step)).unwrap_or(moments)],
    };
    for row in &rows {
        let Ok(place) = usize::try_from(row.get::<_, i64>("place")) else { continue };
        let (signed, rejected) = (row.get("signed"), row.get("rejected"));
        if row.get("is_cell") {
            let (planned, in_flight, failing) = (row.get("planned"), row.get("in_flight"), row.get("failing"));
            // Batches may be planned and split meanwhile: a row beyond the last cell is of the next reading.
            if map.cells.len() <= place && place <= cells {
                map.cells.resize(place + 1, BatchCell::default());
            }
            if let Some(cell) = map.cells.get_mut(place) {
                *cell = BatchCell { planned, in_flight, signed, rejected, failing };
            }
        } else if let Some(moment) = map.moments.get_mut(place) {
            *moment = Moment { signed, rejected };
        }
    }
    Ok(map)
}

/// The least whole step with which `length` has at most `most` steps.
fn step_of(length: u64, most: usize) -> u64 {
    length.max(1).div_ceil(u64::try_from(most).unwrap_or(u64::MAX).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_at_most_the_cells_that_it_may_have() {
        for (length, most, step) in
            [(0, 1000, 1), (1, 1000, 1), (1000, 1000, 1), (1001, 1000, 2), (1_000_000, 1000, 1000)]
        {
            assert_eq!(step_of(length, most), step, "{length}");
            assert!(length.div_ceil(step) <= most as u64, "{length}");
        }
    }
}
