//! A program from its command line to its exit code: 0 it did what it was started for, 1 it failed, 2 bad input.

use std::{fmt, io::Write as _, num::NonZeroUsize, process::ExitCode};

use clap::Parser;

use crate::{
    LogFormat, chain,
    logs::Logs,
    usage::{self, NotRun},
};

/// How a program ends that failed.
pub trait ExitStatus: std::error::Error + From<std::io::Error> {
    /// 2 for what the user has to mend, 1 for everything else.
    fn exit_code(&self) -> u8;
}

/// What surrounds the work of a program without a terminal.
#[derive(Clone, Debug)]
pub struct Shell {
    /// What it is called.
    pub name: &'static str,
    /// The form of its log lines and what is logged; `None` for a command that logs nothing.
    pub logs: Option<(LogFormat, String)>,
    /// Threads of its runtime; `None` for one on each core.
    pub threads: Option<NonZeroUsize>,
}

/// Reads the command line of the program `name`. Help goes to stdout, a mistake to stderr.
///
/// # Errors
/// With the exit code to end with, once everything is said.
pub fn parse<P: Parser>(name: &str) -> Result<P, ExitCode> {
    usage::parse().map_err(|not_run| match not_run {
        // Colours are for terminals, and a reader that went away misses it.
        NotRun::Asked(help) => help.print().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        NotRun::Nothing(help) => {
            let _ = help.print();
            ExitCode::from(2)
        }
        NotRun::Wrong(sentence) => {
            report(name, sentence);
            ExitCode::from(2)
        }
    })
}

/// Says on stderr what the program `name` failed at. Lines that begin with two spaces are tips and follow without the name.
pub fn report(name: &str, failure: impl fmt::Display) {
    let mut stderr = std::io::stderr().lock();
    for line in failure.to_string().lines() {
        // When stderr is closed, there is nowhere to report that.
        let _ = if line.starts_with("  ") { writeln!(stderr, "{line}") } else { writeln!(stderr, "{name}: {line}") };
    }
}

impl Shell {
    /// Starts logs and a runtime, and does the work.
    pub fn run<E: ExitStatus>(self, work: impl Future<Output = Result<(), E>>) -> ExitCode {
        let Self { name, logs, threads } = self;
        if let Some((format, filter)) = logs
            && let Err(sentence) = (Logs { format, filter, writer: std::io::stderr }).start()
        {
            report(name, sentence);
            return ExitCode::from(2);
        }
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        if let Some(threads) = threads {
            runtime.worker_threads(threads.get());
        }
        let runtime = match runtime.enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return end(name, &E::from(error)),
        };
        let tracing = {
            let _within = runtime.enter();
            match vaultstream_trace::start(name) {
                Ok(tracing) => tracing,
                Err(error) => {
                    report(name, chain(&error));
                    return ExitCode::from(2);
                }
            }
        };
        let ended = runtime.block_on(work);
        if let Some(tracing) = tracing {
            tracing.shut_down();
        }
        match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => end(name, &error),
        }
    }
}

fn end(name: &str, error: &impl ExitStatus) -> ExitCode {
    report(name, chain(error));
    ExitCode::from(error.exit_code())
}
