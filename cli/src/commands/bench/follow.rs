//! `vaultstream bench --follow`: a table that grows, and a job that follows it.
//!
//! ```text
//! table ──▶ cost: insertions with and without the trigger, in turn
//!   └─────▶ run: writers ──rows──▶ table ──arrivals──▶ worker ──▶ signatures ──▶ latency of each row
//! ```

mod cost;
mod report;
mod run;
mod table;
mod writers;

use std::process::ExitCode;

use vaultstream_signing::Backend;

use self::table::BenchTable;
use crate::{args::BenchArgs, environment::Environment, error::Failure, output};

/// Measures and prints.
///
/// # Errors
/// One sentence.
pub(super) async fn bench(environment: &Environment, backend: Backend, args: &BenchArgs) -> Result<ExitCode, Failure> {
    let table = BenchTable::make(environment).await?;
    let measured = measure(environment, &table, backend, args).await;
    let removed = table.remove().await;
    let report = measured?;
    removed?;
    report.print(args.output)?;
    Ok(ExitCode::SUCCESS)
}

async fn measure(
    environment: &Environment,
    table: &BenchTable<'_>,
    backend: Backend,
    args: &BenchArgs,
) -> Result<report::Report, Failure> {
    let mut costs = Vec::new();
    for pair in 1..=args.pairs.get() {
        output::remark(format_args!("what the trigger costs: pair {pair} of {}", args.pairs));
        costs.push(cost::measure(table, args, pair % 2 == 0).await?);
    }
    let mut runs = Vec::new();
    for batch_size in &args.batch_size {
        let growth = &args.growth;
        output::remark(format_args!(
            "batch size {batch_size}: {} rows a second for {}",
            growth.insert_rate, growth.insert_time
        ));
        runs.push(run::follow(environment, table, backend, args, batch_size.get()).await?);
    }
    Ok(report::Report::new(args, backend, &costs, runs))
}
