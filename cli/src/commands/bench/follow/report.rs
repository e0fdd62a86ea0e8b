//! The report: as text, Markdown or JSON.

use std::fmt;

use serde::Serialize;
use vaultstream_program::cores;
use vaultstream_signing::Backend;

use super::{
    super::report::{median, print},
    cost::{Cost, INSERTIONS, Insertion},
    run::{FollowFigures, Latency, RowMicros},
    writers::SESSIONS,
};
use crate::{
    args::{BenchArgs, BenchFormat},
    error::Failure,
};

/// What who inserts pays: medians, the ratio of the ratios of the pairs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MedianCost {
    insertion: String,
    rows_per_second_without: f64,
    rows_per_second_with: f64,
    ratio: f64,
    pairs: Vec<Cost>,
}

impl MedianCost {
    fn of(insertion: String, pairs: Vec<Cost>) -> Self {
        let of = |figure: fn(&Cost) -> f64| median(pairs.iter().map(figure).collect()).unwrap_or(0.0);
        Self {
            insertion,
            rows_per_second_without: of(|cost| cost.without),
            rows_per_second_with: of(|cost| cost.with),
            ratio: of(|cost| cost.ratio()),
            pairs,
        }
    }
}

/// Everything that was measured.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    cores: usize,
    backend: Backend,
    payload_bytes: u32,
    keys: u32,
    sessions: u32,
    insert_rate: u32,
    insert_seconds: f64,
    max_delay: String,
    trigger_cost: Vec<MedianCost>,
    runs: Vec<FollowFigures>,
}

impl Report {
    pub(super) fn new(args: &BenchArgs, backend: Backend, costs: &[Vec<Cost>], runs: Vec<FollowFigures>) -> Self {
        // Of each way to insert, its pairs.
        let of_insertion = |(at, insertion): (usize, &Insertion)| {
            MedianCost::of(insertion.to_string(), costs.iter().filter_map(|pair| pair.get(at)).copied().collect())
        };
        Self {
            cores: cores().get(),
            backend,
            payload_bytes: args.payload_bytes,
            keys: args.keys,
            sessions: SESSIONS,
            insert_rate: args.growth.insert_rate.get(),
            insert_seconds: args.growth.insert_time.as_secs_f64(),
            max_delay: args.growth.max_delay.to_string(),
            trigger_cost: INSERTIONS.iter().enumerate().map(of_insertion).collect(),
            runs,
        }
    }

    pub(super) fn print(&self, form: BenchFormat) -> Result<(), Failure> {
        print(self, form)
    }
}

impl fmt::Display for Report {
    /// As Markdown.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, backend, payload_bytes, keys, sessions, insert_rate, insert_seconds, max_delay, .. } = self;
        writeln!(
            out,
            "A table with uuid keys and documents of {payload_bytes} bytes, {insert_rate} rows a second for {insert_seconds:.0} s by {sessions} \
             sessions, each row in a transaction of its own; maxDelay {max_delay}, {keys} keys, backend {backend}, {cores} cores, on which all of it runs, \
             durable commits\n"
        )?;
        writeln!(
            out,
            "| batch size | rows | rows/s | p50 ms | p95 ms | p99 ms | longest ms | last signed after s | program MiB |"
        )?;
        writeln!(out, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for run in &self.runs {
            let Latency { p50, p95, p99, longest } = run.latency_millis;
            writeln!(
                out,
                "| {} | {} | {:.0} | {p50:.0} | {p95:.0} | {p99:.0} | {longest:.0} | {:.1} | {:.0} |",
                run.batch_size, run.rows, run.rows_per_second, run.left_seconds, run.peak_memory_mib
            )?;
        }
        writeln!(out, "\n| core-µs a row | worker and sessions | Postgres | NATS |\n| --- | ---: | ---: | ---: |")?;
        for run in &self.runs {
            let RowMicros { program, postgres, nats } = run.core_micros;
            writeln!(out, "| batch {} | {program:.1} | {postgres:.1} | {nats:.1} |", run.batch_size)?;
        }
        writeln!(
            out,
            "\n| insertion | rows/s without trigger | rows/s with it | ratio |\n| --- | ---: | ---: | ---: |"
        )?;
        for cost in &self.trigger_cost {
            let MedianCost { insertion, rows_per_second_without, rows_per_second_with, ratio, .. } = cost;
            writeln!(out, "| {insertion} | {rows_per_second_without:.0} | {rows_per_second_with:.0} | {ratio:.2} |")?;
        }
        Ok(())
    }
}
