//! What a driver knows of the streams of its job.

use std::time::{Duration, Instant};

use vaultstream_ledger::Job;
use vaultstream_streams::Limits;

/// How long streams are tried to be made under one name.
const CREATION_TIMEOUT: Duration = Duration::from_secs(30);

/// What is known of the streams of the present generation.
#[derive(Default)]
pub(crate) struct Checked {
    /// When they were found to be there.
    pub(crate) at: Option<Instant>,
    /// The limits that they were brought to.
    pub(crate) limits: Option<Limits>,
    /// When every server that holds them was first found to be down.
    pub(crate) offline: Option<Instant>,
    /// Key tokens that were there then, queued or held.
    pub(crate) tokens: u64,
}

/// Streams that are being made: in a cluster that has just lost a server that takes more than one try.
#[derive(Clone, Copy)]
pub(crate) struct Making {
    pub(crate) generation: i64,
    pub(crate) since: Instant,
}

impl Making {
    /// Whether they are still waited for.
    pub(crate) fn continues(&self, job: &Job) -> bool {
        self.generation == job.generation && self.since.elapsed() < CREATION_TIMEOUT
    }
}

impl Checked {
    /// Whether no key has a token.
    pub(crate) fn lacks_tokens(&self) -> bool {
        self.at.is_some() && self.tokens == 0
    }
}
