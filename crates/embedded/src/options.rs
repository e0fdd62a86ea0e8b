//! What a caller chooses.

use std::path::{Path, PathBuf};

/// Where the servers keep their data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataDir {
    /// A new directory under the system's temporary directory, removed when the servers stop.
    Temporary,
    /// A directory that stays; made when missing.
    Kept(PathBuf),
}

/// Which servers to start, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the data lives.
    pub data_dir: DataDir,
    /// Start Postgres.
    pub postgres: bool,
    /// Start nats-server.
    pub nats: bool,
    /// Lines for postgresql.conf that win over ours, as name and value (`("max_connections", "200")`).
    pub postgres_settings: Vec<(String, String)>,
    /// A fixed port for NATS on 127.0.0.1; `None` lets the system pick a free one.
    pub nats_port: Option<u16>,
}

impl Options {
    /// Both servers, on a directory that is removed at the end.
    pub fn temporary() -> Self {
        Self::on(DataDir::Temporary)
    }

    /// Both servers, on a directory that stays.
    pub fn kept(dir: impl AsRef<Path>) -> Self {
        Self::on(DataDir::Kept(dir.as_ref().to_owned()))
    }

    fn on(data_dir: DataDir) -> Self {
        Self { data_dir, postgres: true, nats: true, postgres_settings: Vec::new(), nats_port: None }
    }

    /// Without nats-server.
    #[must_use]
    pub fn postgres_only(self) -> Self {
        Self { nats: false, ..self }
    }

    /// Without Postgres.
    #[must_use]
    pub fn nats_only(self) -> Self {
        Self { postgres: false, ..self }
    }

    /// One more line for postgresql.conf.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.postgres_settings.push((name.to_owned(), value.to_owned()));
        self
    }
}
