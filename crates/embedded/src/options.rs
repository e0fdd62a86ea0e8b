//! Options of the servers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the servers keep their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataDir {
    /// A new directory under the system's temporary directory, removed when the servers stop.
    Temporary,
    /// A directory that is kept, and created if it is missing.
    Kept(PathBuf),
}

/// A callback for work beside the servers' start that takes time.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&str) + Send + Sync>);

impl Listener {
    /// Calls `tell` with a short description.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, words: &str) {
        (self.0)(words);
    }
}

impl Default for Listener {
    /// A listener that does nothing.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// Which servers to start, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the data is.
    pub data_dir: DataDir,
    /// Start Postgres.
    pub postgres: bool,
    /// Start nats-server.
    pub nats: bool,
    /// Lines for postgresql.conf that override ours, as name and value (`("max_connections", "200")`).
    pub postgres_settings: Vec<(String, String)>,
    /// A fixed port for NATS on 127.0.0.1; `None` lets the system pick a free one.
    pub nats_port: Option<u16>,
    /// Told about work that takes time.
    pub listener: Listener,
}

impl Options {
    /// Both servers, on a directory that is removed at the end.
    pub fn temporary() -> Self {
        Self::on(DataDir::Temporary)
    }

    /// Both servers, on a directory that is kept.
    pub fn kept(dir: impl AsRef<Path>) -> Self {
        Self::on(DataDir::Kept(dir.as_ref().to_owned()))
    }

    fn on(data_dir: DataDir) -> Self {
        Self {
            data_dir,
            postgres: true,
            nats: true,
            postgres_settings: Vec::new(),
            nats_port: None,
            listener: Listener::default(),
        }
    }

    /// The same options without nats-server.
    #[must_use]
    pub fn postgres_only(self) -> Self {
        Self { nats: false, ..self }
    }

    /// The same options without Postgres.
    #[must_use]
    pub fn nats_only(self) -> Self {
        Self { postgres: false, ..self }
    }

    /// The same options with a listener.
    #[must_use]
    pub fn listened_to_by(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    /// One more line for postgresql.conf.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.postgres_settings.push((name.to_owned(), value.to_owned()));
        self
    }
}
