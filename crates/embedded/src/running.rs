//! Files of a data-dir that are valid only while servers run on it.

use std::fs;

use crate::data_dir::{DataDirError, OpenDataDir};
use crate::sweep;

/// Present after background servers were started, until they are stopped.
pub(crate) const MARK: &str = "background";
/// The URL of the ledger's database.
pub(crate) const DATABASE_URL: &str = "database-url";
/// The URL of NATS with its token: a secret.
pub(crate) const NATS_URL: &str = "nats-url";
/// The path of a socket directory outside the data-dir.
pub(crate) const SOCKET_DIR: &str = "socket-dir";

/// The URLs of background servers that run; the directory's lock is then held shared. `None`, and no lock, without them.
pub(crate) fn join(data_dir: &OpenDataDir) -> Result<Option<(String, String)>, DataDirError> {
    if !data_dir.file(MARK).exists() {
        return Ok(None);
    }
    data_dir.lock_shared()?;
    let (servers, _) = data_dir.servers()?;
    let (postgres, nats) = sweep::running(&servers);
    if !postgres.is_empty() && !nats.is_empty() {
        let url = |name| fs::read_to_string(data_dir.file(name)).ok().filter(|url| !url.is_empty());
        if let (Some(database_url), Some(nats_url)) = (url(DATABASE_URL), url(NATS_URL)) {
            return Ok(Some((database_url, nats_url)));
        }
    }
    data_dir.unlock()?;
    Ok(None)
}

/// Removes what is valid only while the servers run: their URLs, and a socket directory outside the data-dir.
pub(crate) fn remove_traces(data_dir: &OpenDataDir) {
    let note = data_dir.file(SOCKET_DIR);
    if let Ok(dir) = fs::read_to_string(&note) {
        let _ = fs::remove_dir_all(dir);
    }
    for name in [SOCKET_DIR, DATABASE_URL, NATS_URL] {
        let _ = fs::remove_file(data_dir.file(name));
    }
}
