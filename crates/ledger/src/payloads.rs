//! Reading a unit's payloads: one COPY over all its ranges, each row shown once and not kept.

use vaultstream_api::Source;
use vaultstream_signing::copy::int8;

use crate::connect::Ledger;
use crate::copy_out::copy_out;
use crate::ids::BatchRange;
use crate::jobs::Job;
use crate::session::Session;
use crate::source::ReadFrom;

pub use crate::copy_out::ReadError;

/// A record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// What is signed.
    Bytes(&'a [u8]),
    /// The column is NULL.
    Null,
    /// Larger than `spec.maxPayloadBytes`: so many bytes, which did not travel.
    TooLarge(i64),
}

/// What was read of one range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RangeRead {
    /// Rows shown.
    pub rows: i64,
    /// The range holds more than twice a batch: it was read up to, and without, this id. Sign up to here, and
    /// [`split`](crate::batches::split) the batch here before the commit.
    pub outgrown_at: Option<i64>,
}

/// Shows every row of the ranges to `visit`, with the range's place in `ranges`: the rows of a range with ids ascending,
/// the ranges in the order of their ids. The ranges must not overlap. Nothing of a row is kept.
///
/// Of a table, at most twice `spec.batchSize` rows of a range are read; see [`RangeRead::outgrown_at`].
///
/// # Errors
///
/// See [`ReadError`]. Rows may have been shown by then: start anew.
pub async fn read(
    ledger: &Ledger,
    job: &Job,
    ranges: &[BatchRange],
    mut visit: impl FnMut(usize, i64, Payload<'_>),
) -> Result<Vec<RangeRead>, ReadError> {
    let plan = Plan::new(job, ranges);
    let mut reads = vec![RangeRead::default(); ranges.len()];
    if ranges.is_empty() {
        return Ok(reads);
    }
    let session = Session::new(ledger.client("read payloads").await?);
    let Some(client) = session.client() else { return Ok(reads) };
    let role = if plan.foreign && ledger.settings.source_role { "SET LOCAL ROLE vaultstream_source; " } else { "" };
    let sql = plan.sql(job);
    let mut cursor = Cursor { order: &plan.order, ranges, at: 0, last: None };
    let mut show = |reads: &mut Vec<RangeRead>, id: i64, payload: Payload<'_>| {
        let place = cursor.place(id).ok_or(ReadError::OutOfOrder(id))?;
        let Some(read) = reads.get_mut(place) else { return Err(ReadError::OutOfOrder(id)) };
        if plan.limit.is_some_and(|limit| read.rows >= limit) {
            read.outgrown_at = Some(id);
        } else {
            read.rows += 1;
            visit(place, id, payload);
        }
        Ok(())
    };
    if plan.checked {
        copy_out::<3, ReadError>(client, role, &sql, |[id, payload, size]| {
            let payload = match (payload, size) {
                (Some(bytes), _) => Payload::Bytes(bytes),
                (None, Some(_)) => Payload::TooLarge(int8(size)?),
                (None, None) => Payload::Null,
            };
            show(&mut reads, int8(id)?, payload)
        })
        .await?;
    } else {
        copy_out::<2, ReadError>(client, role, &sql, |[id, payload]| {
            show(&mut reads, int8(id)?, payload.map_or(Payload::Null, Payload::Bytes))
        })
        .await?;
    }
    session.settle();
    vaultstream_faults::point("payload-read");
    Ok(reads)
}

/// What to ask for.
struct Plan {
    /// Places in the caller's slice, by first id.
    order: Vec<usize>,
    /// First and last ids, adjacent ranges joined unless each has a limit of its own.
    spans: Vec<(i64, i64)>,
    /// Rows of a span at most.
    limit: Option<i64>,
    /// Sizes have to be looked at.
    checked: bool,
    foreign: bool,
}

impl Plan {
    fn new(job: &Job, ranges: &[BatchRange]) -> Self {
        let mut order: Vec<usize> = (0..ranges.len()).collect();
        order.sort_unstable_by_key(|&place| ranges[place].first);
        let (limit, checked, foreign) = match &job.spec.source {
            Source::Generate(generate) => (None, generate.payload_bytes > job.spec.max_payload_bytes, false),
            Source::Table(_) => (Some(2 * i64::from(job.spec.batch_size)), true, true),
        };
        let mut spans: Vec<(i64, i64)> = Vec::new();
        for &place in &order {
            let range = &ranges[place];
            match spans.last_mut() {
                Some((_, last)) if limit.is_none() && last.checked_add(1) == Some(range.first) => *last = range.last,
                _ => spans.push((range.first, range.last)),
            }
        }
        Self { order, spans, limit, checked, foreign }
    }

    /// An index walk a span, spans ascending: the order of rows is that of the plan, a nested loop over VALUES.
    fn sql(&self, job: &Job) -> String {
        let ReadFrom { table, key, payload } = ReadFrom::of(job);
        let limit = self.limit.map(|rows| format!(" LIMIT {}", rows + 1)).unwrap_or_default();
        let columns = if self.checked {
            let most = job.spec.max_payload_bytes;
            format!(
                "r.id, CASE WHEN octet_length(r.payload) <= {most} THEN r.payload END, \
                 CASE WHEN octet_length(r.payload) > {most} THEN octet_length(r.payload)::bigint END"
            )
        } else {
            "r.id, r.payload".to_owned()
        };
        // OFFSET 0 keeps the payload's cast from being done once per mention.
        let rows = |from: &str, to: &str| {
            format!(
                "SELECT {key}::bigint AS id, {payload} AS payload FROM {table} \
                 WHERE {key} BETWEEN {from} AND {to} ORDER BY {key}{limit} OFFSET 0"
            )
        };
        if let [(first, last)] = self.spans.as_slice() {
            return format!("SELECT {columns} FROM ({}) AS r", rows(&literal(*first), &literal(*last)));
        }
        let values: Vec<String> =
            self.spans.iter().map(|(first, last)| format!("({}, {})", literal(*first), literal(*last))).collect();
        format!(
            "SELECT {columns} FROM (VALUES {}) AS span (first, last) CROSS JOIN LATERAL ({}) AS r",
            values.join(", "),
            rows("span.first", "span.last")
        )
    }
}

/// A bigint that the parser takes for one, the least of all included.
fn literal(value: i64) -> String {
    format!("'{value}'::bigint")
}

/// Finds the range that an id is in; ids only ascend.
struct Cursor<'a> {
    order: &'a [usize],
    ranges: &'a [BatchRange],
    at: usize,
    last: Option<i64>,
}

impl Cursor<'_> {
    fn place(&mut self, id: i64) -> Option<usize> {
        if self.last.is_some_and(|last| id <= last) {
            return None;
        }
        self.last = Some(id);
        loop {
            let place = *self.order.get(self.at)?;
            let range = self.ranges.get(place)?;
            if id < range.first {
                return None;
            }
            if id <= range.last {
                return Some(place);
            }
            self.at += 1;
        }
    }
}
