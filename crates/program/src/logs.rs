//! Structured logs to stderr: JSON for collectors, plain lines for people.

use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, ParseError, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    #[default]
    Pretty,
}

/// Targets that log nothing unless the filter names them: every failure of theirs comes back to us and is logged once.
const SILENT: [&str; 2] = ["async_nats", "tls_listener"];

/// At `debug` this crate logs the parameters of statements, wrapped private keys among them.
const SECRETIVE: &str = "tokio_postgres";

type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// What is logged, in which form, and where to.
#[derive(Clone, Debug)]
pub struct Logs<W> {
    /// The form of a line.
    pub format: LogFormat,
    /// `info`, or `vaultstream_worker=debug,info`.
    pub filter: String,
    /// Stderr, or what stands for it.
    pub writer: W,
}

impl<W> Logs<W>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    /// Logs from now on. A second start, as in tests that share a process, keeps the first one's settings.
    ///
    /// # Errors
    /// One sentence when the filter cannot be parsed.
    pub fn start(self) -> Result<(), String> {
        let filter = self.filter.clone();
        let layer =
            self.layer().map_err(|error| format!("--log is {filter:?}, which is not a valid filter: {error}"))?;
        let _ = Registry::default().with(layer).try_init();
        Ok(())
    }

    fn layer<S>(self) -> Result<BoxedLayer<S>, ParseError>
    where
        S: Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
    {
        let mut directives = self.filter.clone();
        for target in SILENT.iter().filter(|target| !self.filter.contains(**target)) {
            directives.push_str(&format!(",{target}=off"));
        }
        let filter = EnvFilter::builder().parse(directives)?.and(filter_fn(reveals_nothing));
        // The library reports a closed stderr by printing to it, which panics.
        let lines = tracing_subscriber::fmt::layer().log_internal_errors(false);
        let lines = lines.with_ansi(colours()).with_writer(self.writer);
        Ok(match self.format {
            LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
            LogFormat::Pretty => lines.with_target(false).compact().with_filter(filter).boxed(),
        })
    }
}

/// False for what may show a secret, whatever the filter says.
fn reveals_nothing(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target().strip_prefix(SECRETIVE);
    let is_secretive = target.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    !is_secretive || LevelFilter::from_level(*metadata.level()) <= LevelFilter::from_level(Level::INFO)
}

/// Whether stderr shows colours: it is a terminal, and neither NO_COLOR, CLICOLOR nor TERM say otherwise.
fn colours() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(filter: &str, work: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let logs = Logs { format: LogFormat::Json, filter: filter.to_owned(), writer: move || writer.clone() };
        let subscriber = Registry::default().with(logs.layer().unwrap());
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn parameters_of_statements_are_never_logged() {
        for filter in ["trace", "tokio_postgres=trace", "info,tokio_postgres::query=debug"] {
            let lines = logged(filter, || {
                tracing::debug!(target: "tokio_postgres::query", "executing statement with parameters: [SECRET]");
                tracing::trace!(target: "tokio_postgres", "SECRET");
                tracing::info!(target: "tokio_postgres::connection", "a notice");
                tracing::warn!(target: "tokio_postgres_rustls", "another crate");
            });
            assert!(!lines.contains("SECRET"), "{filter}: {lines}");
        }
        let lines = logged("trace", || {
            tracing::info!(target: "tokio_postgres::connection", "a notice");
            tracing::debug!(target: "tokio_postgresql", "another crate");
        });
        assert!(lines.contains("a notice") && lines.contains("another crate"), "{lines}");
    }

    #[test]
    fn the_nats_client_is_silent_unless_it_is_named() {
        let event = || tracing::error!(target: "async_nats::connector", "connecting failed");
        assert_eq!(logged("debug", event), "");
        assert!(logged("info,async_nats=debug", event).contains("connecting failed"));
    }

    #[test]
    fn a_filter_that_cannot_be_parsed_is_named() {
        let logs = Logs { format: LogFormat::Pretty, filter: "worker=loud".to_owned(), writer: std::io::stderr };
        let error = logs.start().unwrap_err();
        assert!(error.starts_with("--log is \"worker=loud\", which is not a valid filter: "), "{error}");
    }
}
