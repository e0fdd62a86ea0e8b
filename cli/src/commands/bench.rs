//! `vaultstream bench`: how fast this machine signs, alone and through the whole path.
//!
//! Absolute figures depend on the machine and its load, ratios within one run much less. So raw signing and the whole path are
//! measured in turn, on the same cores and in one process, and the median of the pairs' ratios is reported. With `--follow` that is done with
//! insertions into a table that a job follows, and the job is measured while the table grows.

mod follow;
mod job;
mod parts;
mod path;
mod processes;
mod raw;
mod report;

use std::{process::ExitCode, time::Duration};

use vaultstream_signing::Backend;

use crate::{
    args::{BenchArgs, BenchFormat, SourceArgs},
    environment::Environment,
    error::Failure,
    output,
    progress::ProgressDisplay,
};

/// Measures and prints.
///
/// # Errors
/// One sentence.
pub(crate) async fn bench(args: BenchArgs) -> Result<ExitCode, Failure> {
    let backend = Backend::choose(args.backend).map_err(|error| Failure::input(&error))?;
    let progress = ProgressDisplay::of_run(args.output == BenchFormat::Text);
    let environment = Environment::open(&args.environment, &SourceArgs::default(), &[], &progress).await?;
    progress.hide();
    if args.growth.follow {
        return follow::bench(&environment, backend, &args).await;
    }
    let mut report = report::Report::new(&args, backend);
    for present in Backend::present() {
        output::remark(format_args!("raw signing with {present}"));
        report.raw(present, alone(present, *args.raw_time).await?);
    }
    if Backend::Engine.is_present() {
        output::remark(format_args!("the parts of engine"));
        let time = *args.raw_time;
        let measured = tokio::task::spawn_blocking(move || parts::measure(time)).await;
        report.parts(measured.map_err(|error| Failure::of(&error))??);
    }
    for batch_size in &args.batch_size {
        let mut pairs = Vec::new();
        for pair in 1..=args.pairs.get() {
            output::remark(format_args!("batch size {batch_size}: pair {pair} of {}", args.pairs));
            let time = *args.raw_time;
            let openssl = tokio::task::spawn_blocking(move || raw::openssl(time));
            let openssl = openssl.await.map_err(|error| Failure::of(&error))?;
            let raw = alone(backend, time).await?;
            let path = path::sign(&environment, backend, &args, batch_size.get()).await?;
            pairs.push(report::Pair { openssl, raw, path });
        }
        report.batch_size(batch_size.get(), pairs);
    }
    report.print(args.output)?;
    Ok(ExitCode::SUCCESS)
}

/// Measures on other threads, so that signals are handled meanwhile.
async fn alone(backend: Backend, time: Duration) -> Result<f64, Failure> {
    let measured = tokio::task::spawn_blocking(move || raw::signatures_per_second(backend, time));
    measured.await.map_err(|error| Failure::of(&error))?
}
