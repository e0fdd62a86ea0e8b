//! For commands that only read the ledger of a data-dir, whether its Postgres runs or not.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::data_dir::{DataDirError, OpenDataDir, unusable};
use crate::options::Options;
use crate::postgres::Postgres;
use crate::process::POLL_INTERVAL;
use crate::running::{DATABASE_URL, join};
use crate::servers::{Servers, StartError};

/// How long a run that holds the directory may take until its Postgres is ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// Why the data-dir's ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Its Postgres does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A run holds the directory, and its Postgres is not ready.
    #[error(
        "another run uses this data-dir, and its Postgres was not ready within {seconds} s: wait for that run, or stop it"
    )]
    NotReady {
        /// The time it was given.
        seconds: u64,
    },
}

/// The ledger of a data-dir, reachable while this lives.
#[derive(Debug)]
pub struct Attached {
    database_url: String,
    /// Our own Postgres, when none was running.
    own: Option<Servers>,
    /// Locked shared by every process that reads through the Postgres of another.
    readers: File,
}

impl Attached {
    /// The URL of the ledger's database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }
}

impl Drop for Attached {
    /// Waits for the processes that read through our Postgres.
    fn drop(&mut self) {
        if self.own.is_some()
            && let Err(error) = self.readers.lock()
        {
            tracing::warn!(%error, "failed to wait for other readers of the data-dir");
        }
    }
}

/// Uses the Postgres of the run or of the background servers that hold the data-dir; without any, starts Postgres alone and
/// stops it at the end, once no other process reads through it. Never starts NATS, and never creates a data-dir.
pub fn attach(dir: &Path) -> Result<Attached, AttachError> {
    let data_dir = OpenDataDir::existing(dir)?;
    let readers = readers(&data_dir)?;
    if let Some((database_url, _)) = join(&data_dir)? {
        return Ok(Attached { database_url, own: None, readers });
    }
    let end = Instant::now() + READY_TIMEOUT;
    loop {
        match data_dir.lock_alone() {
            Ok(()) => return alone(data_dir, readers),
            Err(DataDirError::InUse { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // Locked before the URL is read: the owner of the Postgres may be waiting for its last reader.
        if readers.try_lock_shared().is_ok() {
            match fs::read_to_string(data_dir.file(DATABASE_URL)) {
                Ok(database_url) if !database_url.is_empty() => {
                    return Ok(Attached { database_url, own: None, readers });
                }
                _ => readers.unlock().map_err(unusable(&data_dir.root))?,
            }
        }
        if Instant::now() > end {
            return Err(AttachError::NotReady { seconds: READY_TIMEOUT.as_secs() });
        }
        sleep(POLL_INTERVAL);
    }
}

fn readers(data_dir: &OpenDataDir) -> Result<File, DataDirError> {
    let path = data_dir.file("readers");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(unusable(&path))
}

fn alone(data_dir: OpenDataDir, readers: File) -> Result<Attached, AttachError> {
    let (servers, _) = data_dir.servers()?;
    if Postgres::made_by(&servers).is_none() {
        return Err(DataDirError::Nothing { path: data_dir.root.clone() }.into());
    }
    let options = Options::kept(&data_dir.root).postgres_only();
    let own = Servers::start_in(data_dir, &options, true)?;
    Ok(Attached { database_url: own.database_url().to_owned(), own: Some(own), readers })
}
