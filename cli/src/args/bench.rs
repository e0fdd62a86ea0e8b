//! `vaultstream bench`.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};
use vaultstream_signing::Backend;

use super::environment::EnvironmentArgs;

/// `vaultstream bench`.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// Records that each run of the whole path signs.
    #[arg(long, default_value_t = 1_000_000, conflicts_with = "follow")]
    pub records: u64,

    /// Records of a batch, with --follow 500 unless given. Several sizes, separated by commas, are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "5000", default_value_if("follow", "true", "500"))]
    pub batch_size: Vec<NonZeroU32>,

    /// Bytes of each record's payload.
    #[arg(long, default_value_t = 64)]
    pub payload_bytes: u32,

    /// Signing keys.
    #[arg(long, default_value_t = 100)]
    pub keys: u32,

    /// What signs in the whole path: engine, native or reference. Default: the fastest that this processor has.
    #[arg(long, env = "VAULTSTREAM_BACKEND")]
    pub backend: Option<Backend>,

    /// Number of pairs of raw signing and whole path, or with --follow of insertions with and without the trigger. The median of the pairs is
    /// reported.
    #[arg(long, default_value = "5")]
    pub pairs: NonZeroU32,

    /// How long raw signing is measured, or with --follow inserting single rows, each time.
    #[arg(long, default_value = "3s")]
    pub raw_time: humantime::Duration,

    /// What --follow measures.
    #[command(flatten)]
    pub growth: GrowthArgs,

    /// A table for people, a Markdown table, or one JSON object on stdout.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: BenchFormat,

    /// Where Postgres and NATS are.
    #[command(flatten)]
    pub environment: EnvironmentArgs,
}

/// A table that grows.
#[derive(Args, Clone, Debug)]
pub struct GrowthArgs {
    /// Measure a job that follows a table that grows, instead: how long after its insert each row is signed, and what the trigger costs those
    /// who insert.
    #[arg(long)]
    pub follow: bool,

    /// Rows that are inserted a second, each in a transaction of its own.
    #[arg(long, default_value = "5000", requires = "follow")]
    pub insert_rate: NonZeroU32,

    /// How long rows are inserted.
    #[arg(long, default_value = "1m", requires = "follow")]
    pub insert_time: humantime::Duration,

    /// How long a row waits at most for its batch to be full: the job's spec.follow.maxDelay.
    #[arg(long, default_value = "1s", requires = "follow")]
    pub max_delay: humantime::Duration,
}

/// `--output` of a benchmark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BenchFormat {
    /// For people.
    #[default]
    Text,
    /// For a document.
    Markdown,
    /// For programs.
    Json,
}
