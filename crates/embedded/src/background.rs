//! Servers that run without a parent: `make start` and `make stop`.
//!
//! A file `background` in the data-dir says that they are wanted; whether they run is read from the process list. While they
//! run, `Servers::start` on the directory uses them, any number of runs at a time.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::account::Account;
use crate::data_dir::{DataDirError, Place, write_private};
use crate::options::Options;
use crate::servers::{DATABASE_URL, NATS_URL, Servers, StartError, remove_traces};
use crate::sweep;

const MARK: &str = "background";

/// What runs in a data-dir.
#[derive(Clone, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    Down,
    /// Servers without a parent.
    Up {
        /// The ledger's database.
        database_url: String,
        /// NATS, with its token: a secret.
        nats_url: String,
    },
    /// A run has the directory, with servers of its own.
    InUse {
        /// Which process.
        holder: String,
    },
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "Down",
            Self::Up { .. } => "Up",
            Self::InUse { .. } => "InUse",
        })
    }
}

/// Starts both servers on the data-dir and leaves them running; when they run already, only tells where.
pub fn up(dir: &Path) -> Result<Status, StartError> {
    let place = Place::kept(dir)?;
    if let Some((database_url, nats_url)) = join(&place)? {
        return Ok(Status::Up { database_url, nats_url });
    }
    place.lock_alone()?;
    let mark = place.file(MARK);
    let options = Options::kept(&place.root);
    let servers = Servers::start_in(place, &options, false)?;
    write_private(&mark, "", &Account::Caller)?;
    let (database_url, nats_url) = servers.leave_running();
    Ok(Status::Up { database_url, nats_url })
}

/// Stops the background servers of the data-dir; false when there were none. Refuses while a run uses them.
pub fn down(dir: &Path) -> Result<bool, StartError> {
    let place = match Place::existing(dir) {
        Err(DataDirError::Nothing { .. }) => return Ok(false),
        place => place?,
    };
    place.lock_alone()?;
    let (servers, _) = place.servers()?;
    let (postgres, nats) = sweep::running(&servers);
    sweep::end_leftovers(&servers);
    remove_traces(&place);
    let _ = fs::remove_file(place.file(MARK));
    Ok(!postgres.is_empty() || !nats.is_empty())
}

/// Looks without changing anything.
pub fn status(dir: &Path) -> Result<Status, StartError> {
    let place = match Place::existing(dir) {
        Err(DataDirError::Nothing { .. }) => return Ok(Status::Down),
        place => place?,
    };
    match join(&place) {
        Ok(Some((database_url, nats_url))) => return Ok(Status::Up { database_url, nats_url }),
        Ok(None) => {}
        Err(DataDirError::InUse { holder, .. }) => return Ok(Status::InUse { holder }),
        Err(error) => return Err(error.into()),
    }
    match place.lock_shared() {
        Err(DataDirError::InUse { holder, .. }) => Ok(Status::InUse { holder }),
        outcome => Ok(outcome.map(|()| Status::Down)?),
    }
}

/// The URLs of living background servers, with the directory's lock shared from now on; `None` and unlocked without them.
pub(crate) fn join(place: &Place) -> Result<Option<(String, String)>, DataDirError> {
    if !place.file(MARK).exists() {
        return Ok(None);
    }
    place.lock_shared()?;
    let (servers, _) = place.servers()?;
    let (postgres, nats) = sweep::running(&servers);
    if !postgres.is_empty() && !nats.is_empty() {
        let url = |name| fs::read_to_string(place.file(name)).ok().filter(|url| !url.is_empty());
        if let (Some(database_url), Some(nats_url)) = (url(DATABASE_URL), url(NATS_URL)) {
            return Ok(Some((database_url, nats_url)));
        }
    }
    place.unlock()?;
    Ok(None)
}
