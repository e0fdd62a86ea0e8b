//! What the trigger costs those who insert.

use std::{fmt, time::Instant};

use futures_util::SinkExt as _;
use serde::Serialize;

use super::{
    table::{BenchTable, document, failed},
    writers::{self, Inserted, Pace, SESSIONS},
};
use crate::{args::BenchArgs, error::Failure};

/// Rows of a COPY.
pub(super) const COPIED: u64 = 100_000;

/// Bytes that are sent at a time, however long a row is.
const PIECE: usize = 256 << 10;

/// Rows a second without the trigger and with it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cost {
    pub(super) without: f64,
    pub(super) with: f64,
}

impl Cost {
    pub(super) fn ratio(self) -> f64 {
        self.with / self.without.max(f64::MIN_POSITIVE)
    }
}

/// A way to insert.
#[derive(Clone, Copy, Debug)]
pub(super) enum Insertion {
    /// Many rows in one statement.
    Copy,
    /// Each row in a transaction of its own, by this many sessions at once.
    Single(u32),
}

/// The ways that are measured. One session waits for its commits; many keep all cores busy.
pub(super) const INSERTIONS: [Insertion; 3] = [Insertion::Copy, Insertion::Single(1), Insertion::Single(SESSIONS)];

impl fmt::Display for Insertion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copy => write!(out, "COPY of {COPIED} rows"),
            Self::Single(1) => out.write_str("single rows, 1 session"),
            Self::Single(sessions) => write!(out, "single rows, {sessions} sessions"),
        }
    }
}

/// Measures each of [`INSERTIONS`] with and without the trigger, one right after the other, `reversed` in the other order.
pub(super) async fn measure(table: &BenchTable<'_>, args: &BenchArgs, reversed: bool) -> Result<Vec<Cost>, Failure> {
    let mut costs = Vec::with_capacity(INSERTIONS.len());
    for insertion in INSERTIONS {
        let mut rates = [0.0; 2];
        let order = if reversed { [true, false] } else { [false, true] };
        for with_trigger in order {
            table.renew(with_trigger).await?;
            let inserted = match insertion {
                Insertion::Copy => copy(table, args.payload_bytes).await?,
                Insertion::Single(sessions) => {
                    let pace = Pace { rate: None, time: *args.raw_time, payload_bytes: args.payload_bytes };
                    writers::insert(&table.sessions(sessions as usize).await?, pace).await?
                }
            };
            rates[usize::from(with_trigger)] = inserted.per_second();
        }
        let [without, with] = rates;
        costs.push(Cost { without, with });
    }
    Ok(costs)
}

/// One COPY, from its first byte to its commit.
async fn copy(table: &BenchTable<'_>, payload_bytes: u32) -> Result<Inserted, Failure> {
    let line = format!("\\\\x{}\n", base16ct::lower::encode_string(&document(payload_bytes)));
    let lines_at_once = (PIECE / line.len()).clamp(1, 1_000);
    let lines = bytes::Bytes::from(line.repeat(lines_at_once));
    let sql = format!("COPY {} (doc) FROM STDIN", BenchTable::sql_name());
    let begun = Instant::now();
    let sink = table.sql().copy_in(&sql).await.map_err(failed)?;
    let mut sink = std::pin::pin!(sink);
    let mut left = usize::try_from(COPIED).unwrap_or(usize::MAX);
    while left > 0 {
        let now = left.min(lines_at_once);
        sink.send(lines.slice(..now * line.len())).await.map_err(failed)?;
        left -= now;
    }
    let rows = sink.finish().await.map_err(failed)?;
    Ok(Inserted { rows, time: begun.elapsed() })
}
