//! For commands that only read a data-dir's ledger: whoever runs its Postgres now, or nobody.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::background;
use crate::data_dir::{DataDirError, Place, unusable};
use crate::options::Options;
use crate::postgres::Postgres;
use crate::process::LOOK_AGAIN;
use crate::servers::{DATABASE_URL, Servers, StartError};

/// A run that has the directory but is not ready gets this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the data-dir's ledger cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Its Postgres does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A run holds the directory and its Postgres does not answer.
    #[error(
        "another run uses this data-dir, and its Postgres was not ready within {seconds} s: wait for that run, or stop it"
    )]
    NotReady {
        /// How long it was given.
        seconds: u64,
    },
}

/// The ledger of a data-dir, reachable while this lives.
#[derive(Debug)]
pub struct Attached {
    database_url: String,
    /// Postgres alone, when nobody else ran it.
    own: Option<Servers>,
    /// Held shared by everyone who reads through another's Postgres.
    readers: File,
}

impl Attached {
    /// The URL of the ledger's database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }
}

impl Drop for Attached {
    /// Others that read through our Postgres come to their end first.
    fn drop(&mut self) {
        if self.own.is_some()
            && let Err(error) = self.readers.lock()
        {
            tracing::warn!(%error, "failed to wait for other readers of the data-dir");
        }
    }
}

/// Uses the Postgres of the run or the background servers that have the data-dir now; without any, starts Postgres alone and
/// stops it at the end, when nobody else reads through it any more. Never starts NATS, and never makes a data-dir.
pub fn attach(dir: &Path) -> Result<Attached, AttachError> {
    let place = Place::existing(dir)?;
    let readers = readers(&place)?;
    if let Some((database_url, _)) = background::join(&place)? {
        return Ok(Attached { database_url, own: None, readers });
    }
    let end = Instant::now() + PATIENCE;
    loop {
        match place.lock_alone() {
            Ok(()) => return alone(place, readers),
            Err(DataDirError::InUse { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // Before the URL is looked for: its owner may be waiting for the last reader.
        if readers.try_lock_shared().is_ok() {
            match fs::read_to_string(place.file(DATABASE_URL)) {
                Ok(database_url) if !database_url.is_empty() => {
                    return Ok(Attached { database_url, own: None, readers });
                }
                _ => readers.unlock().map_err(unusable(&place.root))?,
            }
        }
        if Instant::now() > end {
            return Err(AttachError::NotReady { seconds: PATIENCE.as_secs() });
        }
        sleep(LOOK_AGAIN);
    }
}

fn readers(place: &Place) -> Result<File, DataDirError> {
    let path = place.file("readers");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(unusable(&path))
}

fn alone(place: Place, readers: File) -> Result<Attached, AttachError> {
    let (servers, _) = place.servers()?;
    if Postgres::made_by(&servers).is_none() {
        return Err(DataDirError::Nothing { path: place.root.clone() }.into());
    }
    let options = Options::kept(&place.root).postgres_only();
    let own = Servers::start_in(place, &options, true)?;
    Ok(Attached { database_url: own.database_url().to_owned(), own: Some(own), readers })
}
