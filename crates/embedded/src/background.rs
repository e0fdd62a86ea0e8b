//! Servers that run without a parent: `make start` and `make stop`.
//!
//! A file `background` in the data-dir records that they were started; whether they run is read from the process list. While
//! they run, `Servers::start` on the directory uses them, any number of runs at a time.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::account::Account;
use crate::data_dir::{DataDirError, OpenDataDir, write_private};
use crate::options::Options;
use crate::running::{MARK, join, remove_traces};
use crate::servers::{Servers, StartError};
use crate::sweep;

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
    /// A run holds the directory and has started servers itself.
    InUse {
        /// The process that holds it.
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

/// Starts both servers on the data-dir, unless they run already, and leaves them running. Returns their URLs.
pub fn up(dir: &Path) -> Result<Status, StartError> {
    let data_dir = OpenDataDir::kept(dir)?;
    if let Some((database_url, nats_url)) = join(&data_dir)? {
        return Ok(Status::Up { database_url, nats_url });
    }
    data_dir.lock_alone()?;
    let mark = data_dir.file(MARK);
    let options = Options::kept(&data_dir.root);
    let servers = Servers::start_in(data_dir, &options, false)?;
    write_private(&mark, "", &Account::Caller)?;
    let (database_url, nats_url) = servers.leave_running();
    Ok(Status::Up { database_url, nats_url })
}

/// Stops the background servers of the data-dir. Returns false when none were running.
///
/// # Errors
/// Also while a run uses them.
pub fn down(dir: &Path) -> Result<bool, StartError> {
    let data_dir = match OpenDataDir::existing(dir) {
        Err(DataDirError::Nothing { .. }) => return Ok(false),
        data_dir => data_dir?,
    };
    data_dir.lock_alone()?;
    let (servers, _) = data_dir.servers()?;
    let (postgres, nats) = sweep::running(&servers);
    sweep::end_leftovers(&servers);
    remove_traces(&data_dir);
    let _ = fs::remove_file(data_dir.file(MARK));
    Ok(!postgres.is_empty() || !nats.is_empty())
}

/// Reads what runs, without changing anything.
pub fn status(dir: &Path) -> Result<Status, StartError> {
    let data_dir = match OpenDataDir::existing(dir) {
        Err(DataDirError::Nothing { .. }) => return Ok(Status::Down),
        data_dir => data_dir?,
    };
    match join(&data_dir) {
        Ok(Some((database_url, nats_url))) => return Ok(Status::Up { database_url, nats_url }),
        Ok(None) => {}
        Err(DataDirError::InUse { holder, .. }) => return Ok(Status::InUse { holder }),
        Err(error) => return Err(error.into()),
    }
    match data_dir.lock_shared() {
        Err(DataDirError::InUse { holder, .. }) => Ok(Status::InUse { holder }),
        outcome => Ok(outcome.map(|()| Status::Down)?),
    }
}
