//! Removes what killed runs left: servers that still run, and temporary directories.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Signal, geteuid};

use crate::data_dir::{OpenDataDir, TEMPORARY_PREFIX};
use crate::options::Listener;
use crate::process::{Mark, Process};

/// Time for an orderly end before the next signal.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// The process ids of the Postgres and the nats-server of this directory, whichever process started them.
pub(crate) fn running(servers: &Path) -> (Vec<u32>, Vec<u32>) {
    let (data, conf) = (servers.join("postgres"), servers.join("nats/nats.conf"));
    let postgres = Mark { program: "postgres", option: "-D", value: &data };
    let nats = Mark { program: "nats-server", option: "-c", value: &conf };
    (postgres.find(), nats.find())
}

/// Ends the servers of this directory. The caller holds the directory's lock, so no living run needs them.
pub(crate) fn end_leftovers(servers: &Path) {
    let (postgres, nats) = running(servers);
    for pid in postgres {
        tracing::info!(pid, "stopping a Postgres that an earlier run left behind");
        Process::Stranger(pid).end(&[(Signal::INT, STOP_TIMEOUT), (Signal::QUIT, STOP_TIMEOUT)]);
    }
    for pid in nats {
        tracing::info!(pid, "stopping a nats-server that an earlier run left behind");
        Process::Stranger(pid).end(&[(Signal::TERM, STOP_TIMEOUT)]);
    }
}

/// Removes temporary directories of runs of this user that were killed before they could.
pub(crate) fn remove_abandoned(listener: &Listener) {
    for entry in fs::read_dir(env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(TEMPORARY_PREFIX)).unwrap_or_default();
        let ours = digits.len() == 8
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            && entry.metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == geteuid().as_raw());
        if !ours {
            continue;
        }
        let Ok(data_dir) = OpenDataDir::existing(&entry.path()) else { continue };
        if data_dir.lock_alone().is_err() {
            continue;
        }
        // This may take long: the directory may be large, and its servers slow to end.
        listener.tell(&format!("removing what a killed run left in {}", data_dir.root.display()));
        if let Ok(servers) = data_dir.file("servers").canonicalize() {
            end_leftovers(&servers);
        }
        match data_dir.remove() {
            Ok(()) => tracing::info!(dir = %data_dir.root.display(), "removed the files of a run that was killed"),
            Err(error) => {
                tracing::warn!(dir = %data_dir.root.display(), %error, "failed to remove an abandoned directory")
            }
        }
    }
}
