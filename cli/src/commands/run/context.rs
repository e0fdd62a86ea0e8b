//! What a run needs beside its jobs.

use vaultstream_worker::Worker;

use crate::{args::RunArgs, environment::Environment, interrupt::Interrupt, progress::ProgressDisplay};

/// A run under way.
#[derive(Clone, Copy)]
pub(super) struct RunContext<'a> {
    pub(super) environment: &'a Environment,
    pub(super) worker: &'a Worker,
    pub(super) args: &'a RunArgs,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a ProgressDisplay,
}
