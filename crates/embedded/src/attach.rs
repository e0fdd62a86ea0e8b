//! For commands that only read a data-dir's ledger: whoever runs its Postgres now, or nobody.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::background;
use crate::data_dir::{DataDirError, Place};
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
    #[error("the run that uses the data-dir has no Postgres ready after {seconds} s: wait for it or stop it")]
    NotReady {
        /// How long it was given.
        seconds: u64,
    },
}

/// The ledger of a data-dir, reachable while this lives.
#[derive(Debug)]
pub struct Attached {
    database_url: String,
    /// Postgres alone, when nobody else runs it.
    _own: Option<Servers>,
}

impl Attached {
    /// The URL of the ledger's database.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }
}

/// Uses the Postgres of the run or the background servers that have the data-dir now; without any, starts Postgres alone and
/// stops it at the end. Never starts NATS, and never makes a data-dir.
pub fn attach(dir: &Path) -> Result<Attached, AttachError> {
    let place = Place::existing(dir)?;
    if let Some((database_url, _)) = background::join(&place)? {
        return Ok(Attached { database_url, _own: None });
    }
    let end = Instant::now() + PATIENCE;
    loop {
        match place.lock_alone() {
            Ok(()) => return alone(place),
            Err(DataDirError::InUse { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        match fs::read_to_string(place.file(DATABASE_URL)) {
            Ok(database_url) if !database_url.is_empty() => return Ok(Attached { database_url, _own: None }),
            _ if Instant::now() > end => return Err(AttachError::NotReady { seconds: PATIENCE.as_secs() }),
            _ => sleep(LOOK_AGAIN),
        }
    }
}

fn alone(place: Place) -> Result<Attached, AttachError> {
    let (servers, _) = place.servers()?;
    if Postgres::made_by(&servers).is_none() {
        return Err(DataDirError::Nothing { path: place.root.clone() }.into());
    }
    let options = Options::kept(&place.root).postgres_only();
    let own = Servers::start_in(place, &options, true)?;
    Ok(Attached { database_url: own.database_url().to_owned(), _own: Some(own) })
}
