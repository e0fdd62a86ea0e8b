//! `vaultstream bench`: what this machine signs, alone and through the whole path.
//!
//! Absolute figures move with the machine; ratios within one run hold. So raw signing and the whole path take turns on the
//! same cores in one process, and the median of the pairs' ratios is what counts.

mod path;
mod processes;
mod raw;
mod report;

use std::{num::NonZeroU32, process::ExitCode, time::Duration};

use clap::{Args, ValueEnum};
use vaultstream_signing::Backend;

use crate::{
    args::SiteArgs,
    error::Failure,
    output,
    progress::Progress,
    run,
    site::{Site, Wanted},
};

/// `vaultstream bench`.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// Records that each run of the whole path signs.
    #[arg(long, default_value_t = 1_000_000)]
    pub records: u64,

    /// Records of a batch; several, with commas between them, are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "5000")]
    pub batch_size: Vec<NonZeroU32>,

    /// Bytes of each record's payload.
    #[arg(long, default_value_t = 64)]
    pub payload_bytes: u32,

    /// Signing keys.
    #[arg(long, default_value_t = 100)]
    pub keys: u32,

    /// What signs in the whole path: multibuffer, native or reference. Default: the fastest that this processor has.
    #[arg(long, env = "VAULTSTREAM_BACKEND")]
    pub backend: Option<Backend>,

    /// Pairs of raw signing and whole path; the median counts.
    #[arg(long, default_value = "5")]
    pub pairs: NonZeroU32,

    /// How long raw signing is measured, each time.
    #[arg(long, default_value = "3s")]
    pub raw_time: humantime::Duration,

    /// A table for people, a Markdown table, or one JSON object on stdout.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: BenchOutput,

    /// Where Postgres and NATS are.
    #[command(flatten)]
    pub site: SiteArgs,
}

/// `--output` of a benchmark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BenchOutput {
    /// For people.
    #[default]
    Text,
    /// For a document.
    Markdown,
    /// For programs.
    Json,
}

/// Measures and prints.
///
/// # Errors
/// One sentence.
pub async fn run(args: BenchArgs) -> Result<ExitCode, Failure> {
    let backend = Backend::choose(args.backend).map_err(|error| Failure::input(&error))?;
    let progress = Progress::new(args.output == BenchOutput::Text);
    let wanted = Wanted { connections: run::CONNECTIONS, tables: Vec::new() };
    let site = Site::open(&args.site, &wanted, &progress).await?;
    progress.hide();
    let mut report = report::Report::new(&args, backend);
    for present in Backend::present() {
        output::remark(format_args!("raw signing with {present}"));
        report.raw(present, alone(present, *args.raw_time).await?);
    }
    for batch_size in &args.batch_size {
        let mut pairs = Vec::new();
        for pair in 1..=args.pairs.get() {
            output::remark(format_args!("batch size {batch_size}: pair {pair} of {}", args.pairs));
            let time = *args.raw_time;
            let openssl = tokio::task::spawn_blocking(move || raw::openssl(time));
            let openssl = openssl.await.map_err(|error| Failure::of(&error))?;
            let raw = alone(backend, time).await?;
            let path = path::sign(&site, backend, &args, batch_size.get()).await?;
            pairs.push(report::Pair { openssl, raw, path });
        }
        report.batch_size(batch_size.get(), pairs);
    }
    report.print(args.output)?;
    Ok(ExitCode::SUCCESS)
}

/// On threads of its own, so that a signal is heard meanwhile.
async fn alone(backend: Backend, time: Duration) -> Result<f64, Failure> {
    let measured = tokio::task::spawn_blocking(move || raw::signatures_per_second(backend, time));
    measured.await.map_err(|error| Failure::of(&error))?
}
