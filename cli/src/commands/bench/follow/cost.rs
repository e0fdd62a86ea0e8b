//! What the trigger costs those who insert.

use std::time::Instant;

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

/// A pair of measurements, one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Costs {
    pub(super) copy: Cost,
    pub(super) single: Cost,
}

/// Measures with and without the trigger, `reversed` in the other order.
pub(super) async fn measure(table: &BenchTable<'_>, args: &BenchArgs, reversed: bool) -> Result<Costs, Failure> {
    let mut rates = [(0.0, 0.0); 2];
    let order = if reversed { [true, false] } else { [false, true] };
    for with_trigger in order {
        table.renew(with_trigger).await?;
        let copied = copy(table, args.payload_bytes).await?.per_second();
        table.renew(with_trigger).await?;
        let pace = Pace { rate: None, time: *args.raw_time, payload_bytes: args.payload_bytes };
        let sessions = table.sessions(SESSIONS as usize).await?;
        rates[usize::from(with_trigger)] = (copied, writers::insert(&sessions, pace).await?.per_second());
    }
    let [without, with] = rates;
    Ok(Costs { copy: Cost { without: without.0, with: with.0 }, single: Cost { without: without.1, with: with.1 } })
}

/// One COPY, from its first byte to its commit.
async fn copy(table: &BenchTable<'_>, payload_bytes: u32) -> Result<Inserted, Failure> {
    let line = format!("\\\\x{}\n", crate::output::hex(&document(payload_bytes)));
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
