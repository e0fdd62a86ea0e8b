//! `vaultstream bench`.

use std::num::NonZeroU32;

use clap::{Args, ValueEnum};
use vaultstream_signing::Backend;

use super::environment::EnvironmentArgs;

/// `vaultstream bench`.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// Records that each run of the whole path signs.
    #[arg(long, default_value_t = 1_000_000)]
    pub records: u64,

    /// Records of a batch. Several sizes, separated by commas, are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "5000")]
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

    /// Number of pairs of raw signing and whole path. The median of the pairs is reported.
    #[arg(long, default_value = "5")]
    pub pairs: NonZeroU32,

    /// How long raw signing is measured, each time.
    #[arg(long, default_value = "3s")]
    pub raw_time: humantime::Duration,

    /// A table for people, a Markdown table, or one JSON object on stdout.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: BenchFormat,

    /// Where Postgres and NATS are.
    #[command(flatten)]
    pub environment: EnvironmentArgs,
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
