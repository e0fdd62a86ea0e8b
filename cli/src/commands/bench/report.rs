//! The report of a benchmark: medians and ratios as text, Markdown or JSON.

use std::fmt;

use serde::Serialize;
use vaultstream_program::cores;
use vaultstream_signing::Backend;

use super::{
    parts::PartFigures,
    path::{CoreMicros, PathFigures},
};
use crate::{
    args::{BenchArgs, BenchFormat},
    error::Failure,
    output,
};

/// A pair of measurements: raw signing and the whole path.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Pair {
    /// Signatures a second by `openssl speed`, when openssl is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) openssl: Option<f64>,
    /// Signatures a second by the backend alone.
    pub(super) raw: f64,
    pub(super) path: PathFigures,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Alone {
    backend: Backend,
    signatures_per_second: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    batch_size: u32,
    records_per_second: f64,
    raw_per_second: f64,
    ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    openssl_per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    openssl_ratio: Option<f64>,
    seed_seconds: f64,
    peak_memory_mib: f64,
    core_micros: CoreMicros,
    pairs: Vec<Pair>,
}

/// Everything that was measured.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    cores: usize,
    backend: Backend,
    records: u64,
    payload_bytes: u32,
    keys: u32,
    alone: Vec<Alone>,
    /// Absent where the engine is.
    #[serde(skip_serializing_if = "Option::is_none")]
    engine_nanos: Option<PartFigures>,
    batches: Vec<Batch>,
}

impl Report {
    pub(super) fn new(args: &BenchArgs, backend: Backend) -> Self {
        let BenchArgs { records, payload_bytes, keys, .. } = *args;
        let (alone, batches) = (Vec::new(), Vec::new());
        Self { cores: cores().get(), backend, records, payload_bytes, keys, alone, engine_nanos: None, batches }
    }

    /// The parts of the engine.
    pub(super) fn parts(&mut self, parts: PartFigures) {
        self.engine_nanos = Some(parts);
    }

    /// A backend alone.
    pub(super) fn raw(&mut self, backend: Backend, signatures_per_second: f64) {
        self.alone.push(Alone { backend, signatures_per_second });
    }

    /// The pairs of one batch size.
    pub(super) fn batch_size(&mut self, batch_size: u32, pairs: Vec<Pair>) {
        let of = |figure: &dyn Fn(&Pair) -> f64| median(pairs.iter().map(figure).collect()).unwrap_or(0.0);
        let core = |figure: &dyn Fn(&CoreMicros) -> f64| of(&|pair| figure(&pair.path.core_micros));
        self.batches.push(Batch {
            batch_size,
            records_per_second: of(&|pair| pair.path.records_per_second),
            raw_per_second: of(&|pair| pair.raw),
            ratio: of(&|pair| pair.path.records_per_second / pair.raw),
            openssl_per_second: median(pairs.iter().filter_map(|pair| pair.openssl).collect()),
            openssl_ratio: median(
                pairs.iter().filter_map(|pair| Some(pair.path.records_per_second / pair.openssl?)).collect(),
            ),
            seed_seconds: of(&|pair| pair.path.seed_seconds),
            peak_memory_mib: pairs.iter().map(|pair| pair.path.peak_memory_mib).fold(0.0, f64::max),
            core_micros: CoreMicros {
                sign: core(&|micros| micros.sign),
                verify: core(&|micros| micros.verify),
                encode: core(&|micros| micros.encode),
                worker: core(&|micros| micros.worker),
                postgres: core(&|micros| micros.postgres),
                nats: core(&|micros| micros.nats),
            },
            pairs,
        });
    }

    pub(super) fn print(&self, form: BenchFormat) -> Result<(), Failure> {
        print(self, form)
    }
}

/// Prints a report whose `Display` is Markdown.
pub(super) fn print<R: Serialize + fmt::Display>(report: &R, form: BenchFormat) -> Result<(), Failure> {
    match form {
        BenchFormat::Json => output::json(report),
        BenchFormat::Text => output::print(&aligned(&report.to_string())),
        BenchFormat::Markdown => output::print(&report.to_string()),
    }
}

impl fmt::Display for Report {
    /// As Markdown.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, backend, records, payload_bytes, keys, alone, engine_nanos, batches } = self;
        writeln!(
            out,
            "{records} records of {payload_bytes} bytes, {keys} keys, backend {backend}, {cores} cores, Postgres and NATS on them too, durable commits\n"
        )?;
        writeln!(out, "| backend alone | signatures/s |\n| --- | ---: |")?;
        for alone in alone {
            writeln!(out, "| {} | {:.0} |", alone.backend, alone.signatures_per_second)?;
        }
        if let Some(parts) = engine_nanos {
            self.write_parts(parts, out)?;
        }
        writeln!(
            out,
            "\n| batch size | records/s | {backend} alone | ratio | openssl speed | ratio | seeding s | worker MiB |"
        )?;
        writeln!(out, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for batch in batches {
            let openssl = batch.openssl_per_second.map_or_else(|| "absent".to_owned(), |rate| format!("{rate:.0}"));
            let ratio = batch.openssl_ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            writeln!(
                out,
                "| {} | {:.0} | {:.0} | {:.2} | {openssl} | {ratio} | {:.1} | {:.0} |",
                batch.batch_size,
                batch.records_per_second,
                batch.raw_per_second,
                batch.ratio,
                batch.seed_seconds,
                batch.peak_memory_mib
            )?;
        }
        writeln!(out, "\n| core-µs a record | sign | verify | encode | rest of worker | Postgres | NATS |")?;
        writeln!(out, "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for Batch { batch_size, core_micros: micros, .. } in batches {
            let CoreMicros { sign, verify, encode, worker, postgres, nats } = micros;
            writeln!(
                out,
                "| batch {batch_size} | {sign:.2} | {verify:.2} | {encode:.2} | {worker:.2} | {postgres:.2} | {nats:.2} |"
            )?;
        }
        Ok(())
    }
}

impl Report {
    /// The parts of the engine beside a signature of `openssl speed`, as Markdown.
    fn write_parts(&self, parts: &PartFigures, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PartFigures { unit, nonce, multiplication, inversion, s, check, encode } = parts;
        let rates = self.batches.iter().flat_map(|batch| &batch.pairs).filter_map(|pair| pair.openssl);
        let openssl = median(rates.collect()).map(|rate| self.cores as f64 * 1e9 / rate);
        let ratio = openssl.map_or_else(|| "-".to_owned(), |openssl| format!("{:.1}", openssl / parts.signing()));
        let openssl = openssl.map_or_else(|| "absent".to_owned(), |openssl| format!("{openssl:.0}"));
        writeln!(
            out,
            "\n| ns a signature | nonce | k·G | 1/k | s | all of signing | `openssl speed` | ratio | check | COPY row |"
        )?;
        writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        writeln!(
            out,
            "| engine, {unit} | {nonce:.0} | {multiplication:.0} | {inversion:.0} | {s:.0} | {:.0} | {openssl} | {ratio} | \
             {check:.0} | {encode:.0} |",
            parts.signing()
        )
    }
}

/// Markdown's tables for a terminal: without bars, every column as wide as it needs, the first to the left and numbers to the right.
fn aligned(markdown: &str) -> String {
    let tables = markdown.split("\n\n").map(|block| {
        let rows: Vec<Vec<&str>> = block
            .lines()
            .filter(|line| !line.starts_with("| ---"))
            .map(|line| line.trim_matches(['|', ' ']).split(" | ").collect())
            .collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let line = |row: &Vec<&str>| match row.as_slice() {
            [text] => (*text).to_owned(),
            [first, rest @ ..] => {
                let rest = rest.iter().zip(&widths[1..]).map(|(cell, width)| format!("  {cell:>width$}"));
                format!("{first:<0$}", widths[0]) + &rest.collect::<String>()
            }
            [] => String::new(),
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    tables.collect::<Vec<_>>().join("\n\n") + "\n"
}

/// The middle value; of an even number, the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    if values.len() % 2 == 1 { Some(*upper) } else { Some((values.get(middle - 1)? + upper) / 2.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_for_people_has_columns_and_no_bars() {
        let markdown = "10 records\n\n| batch size | rate |\n| ---: | ---: |\n| 50 | 123456 |\n| 5000 | 7 |\n";
        assert_eq!(aligned(markdown), "10 records\n\nbatch size    rate\n50          123456\n5000             7\n");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
