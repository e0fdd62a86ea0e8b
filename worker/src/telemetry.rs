//! Structured logs to stderr: JSON for collectors, plain lines for people.

use tracing_subscriber::{EnvFilter, filter::ParseError, fmt::MakeWriter};

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    #[default]
    Pretty,
}

/// Sends logs at or above `filter` (`info`, or `vaultstream_worker=debug,info`) to `stderr`. What the NATS client logs by
/// itself is left out unless the filter names it: every failure comes back to us, and is told once.
///
/// # Errors
/// When the filter cannot be parsed.
pub fn start<W>(format: LogFormat, filter: &str, stderr: W) -> Result<(), ParseError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let ours = if filter.contains("async_nats") { filter.to_owned() } else { format!("{filter},async_nats=off") };
    let filter: EnvFilter = EnvFilter::builder().parse(ours)?;
    // A stderr that is gone is no reason to panic, which is what its complaint about that would end in.
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false);
    let subscriber = subscriber.with_ansi(colours()).with_writer(stderr);
    // A second start, as in tests that share a process, keeps the first one's settings.
    let _ = match format {
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Pretty => subscriber.with_target(false).compact().try_init(),
    };
    Ok(())
}

/// Whether stderr shows colours: it is a terminal, and neither NO_COLOR, CLICOLOR nor TERM say otherwise.
fn colours() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}
