//! The private Postgres: its cluster, its settings, its start and its end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::account::Account;
use crate::data_dir::{DataDirError, is_private_dir, unusable, write_private};
use crate::launch::{Launch, log_to, spawn};
use crate::log_file::{self, LogMark};
use crate::process::{POLL_INTERVAL, Process};
use crate::wire::{self, WireError};

/// The role that owns everything, and the database of the ledger.
const NAME: &str = "vaultstream";
/// Length limit of a unix socket's path, without the final zero.
const MAX_SOCKET_PATH: usize = 107;
/// How long it may take to start: recovery after a crash replays at most max_wal_size.
const START_TIMEOUT: Duration = Duration::from_secs(300);
/// Free space below which Postgres cannot add a segment to its log.
const NO_ROOM: u64 = 16 << 20;
/// How long the shared memory of a killed server may exist: until its last backend has ended.
const SHARED_MEMORY_TIMEOUT: Duration = Duration::from_secs(20);

/// Sized for one machine that signs and stores at the same time. No setting weakens the durability of commits.
///
/// Vacuums after inserts are off: on tables that only grow they would read the new rows again while a job runs. Dead rows of
/// keys and batches are still vacuumed, and statistics are still gathered.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "''"),
    ("port", "5432"),
    ("unix_socket_permissions", "0700"),
    ("cluster_name", "vaultstream"),
    ("max_connections", "200"),
    ("shared_buffers", "256MB"),
    ("work_mem", "16MB"),
    ("maintenance_work_mem", "128MB"),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("wal_compression", "off"),
    ("wal_buffers", "16MB"),
    ("max_wal_size", "4GB"),
    ("min_wal_size", "256MB"),
    ("checkpoint_timeout", "30min"),
    ("autovacuum_vacuum_insert_threshold", "-1"),
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("log_line_prefix", "'%m [%p] '"),
    ("log_checkpoints", "off"),
    ("lc_messages", "C"),
];

/// Why Postgres does not run.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// A program could not be started.
    #[error("failed to start {program}", program = program.display())]
    Launch {
        /// The program.
        program: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// There is no space left.
    #[error("the disk is full: free some space on the file system of {path}, and run again", path = path.display())]
    DiskFull {
        /// The directory of its data.
        path: PathBuf,
    },
    /// initdb or postgres failed.
    #[error("{program} failed: {message} (its log: {log})", log = log.display())]
    GaveUp {
        /// `initdb` or `postgres`.
        program: &'static str,
        /// The error in its log.
        message: String,
        /// Its log.
        log: PathBuf,
    },
    /// It runs, but accepts no sessions.
    #[error("Postgres did not accept a connection within {seconds} s: see {log}", log = log.display())]
    NotReady {
        /// The time it was given.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// The last attempt's error.
        #[source]
        source: WireError,
    },
    /// The database could not be created.
    #[error("failed to create a database")]
    Database(#[source] WireError),
    /// A file of the cluster could not be written.
    #[error(transparent)]
    Files(#[from] DataDirError),
}

/// How the private Postgres is run.
#[derive(Debug)]
pub(crate) struct Postgres {
    pub(crate) bin: PathBuf,
    /// The servers' directory.
    pub(crate) servers: PathBuf,
    pub(crate) account: Account,
    pub(crate) extra: Vec<(String, String)>,
    /// Whether it ends with this process.
    pub(crate) bound_to_us: bool,
    /// Whether the data is removed at the end. Then initdb need not wait for the disk, and stopping writes nothing.
    pub(crate) temporary: bool,
    /// Where the socket is.
    pub(crate) socket_dir: PathBuf,
}

impl Postgres {
    /// The cluster's directory.
    pub(crate) fn data(servers: &Path) -> PathBuf {
        servers.join("postgres")
    }

    /// The major version of the cluster, if there is one.
    pub(crate) fn made_by(servers: &Path) -> Option<u32> {
        fs::read_to_string(Self::data(servers).join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    fn log(&self) -> PathBuf {
        self.servers.join("postgres.log")
    }

    fn socket(&self) -> PathBuf {
        self.socket_dir.join(".s.PGSQL.5432")
    }

    /// The URL of a database of this server, for libpq and for Rust clients.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgresql://{NAME}@{}/{database}", percent_encoded(&self.socket_dir))
    }

    /// Creates the cluster unless there is one, and writes its settings.
    pub(crate) fn prepare(&self) -> Result<(), PostgresError> {
        let data = Self::data(&self.servers);
        if !data.exists() {
            self.initdb(&data)?;
        }
        let mut text = String::from("# Written at every start.\n");
        let sockets = self.socket_dir.to_string_lossy().replace('\'', "''").replace('"', "\"\"");
        text.push_str(&format!("unix_socket_directories = '\"{sockets}\"'\n"));
        let extra = self.extra.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in SETTINGS.iter().copied().chain(extra) {
            text.push_str(&format!("{name} = {value}\n"));
        }
        write_private(&data.join("postgresql.conf"), &text, &self.account)?;
        write_private(&data.join("pg_hba.conf"), "local all all trust\n", &self.account)?;
        Ok(())
    }

    /// Creates the cluster under another name and renames it when it is complete: a run that is killed here leaves no incomplete
    /// cluster.
    fn initdb(&self, data: &Path) -> Result<(), PostgresError> {
        let draft = self.servers.join("postgres.new");
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(unusable(&draft))?;
        }
        let program = self.bin.join("initdb");
        let launch = Launch { program: &program, account: &self.account, on_parent_death: Some("KILL") };
        let failed = |source| PostgresError::Launch { program: program.clone(), source };
        let mut command = launch.command().map_err(failed)?;
        command.arg("-D").arg(&draft).args([
            "-U",
            NAME,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-instructions",
        ]);
        if self.temporary {
            command.arg("--no-sync");
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let output = spawn(command).and_then(|child| child.wait_with_output()).map_err(failed)?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let log = self.log();
            // A failure does no harm: the message repeats the last line.
            let _ = fs::write(&log, text.as_bytes());
            return Err(self.gave_up("initdb", &text));
        }
        fs::rename(&draft, data).map_err(unusable(data))?;
        Ok(())
    }

    /// Starts the server and waits until it accepts sessions in our database.
    pub(crate) fn start(&self) -> Result<Process, PostgresError> {
        let end = Instant::now() + SHARED_MEMORY_TIMEOUT;
        loop {
            let log = LogMark::at_end_of(&self.log());
            let mut process = self.launch()?;
            match self.wait_until_ready(&mut process, &log) {
                Ok(()) => return Ok(process),
                Err(PostgresError::GaveUp { message, .. })
                    if message.contains("pre-existing shared memory block") && Instant::now() < end =>
                {
                    sleep(POLL_INTERVAL * 10);
                }
                Err(error) => {
                    process.end(&[(Signal::QUIT, Duration::from_secs(10))]);
                    return Err(error);
                }
            }
        }
    }

    fn launch(&self) -> Result<Process, PostgresError> {
        let program = self.bin.join("postgres");
        let on_parent_death = self.bound_to_us.then_some("INT");
        let launch = Launch { program: &program, account: &self.account, on_parent_death };
        let failed = |source| PostgresError::Launch { program: program.clone(), source };
        let mut command = launch.command().map_err(failed)?;
        command.arg("-D").arg(Self::data(&self.servers));
        log_to(&mut command, &self.log()).map_err(failed)?;
        spawn(command).map(Process::Child).map_err(failed)
    }

    fn wait_until_ready(&self, process: &mut Process, log: &LogMark) -> Result<(), PostgresError> {
        let end = Instant::now() + START_TIMEOUT;
        loop {
            let source = match wire::execute(&self.socket(), NAME, NAME, "SELECT 1") {
                Ok(()) => return Ok(()),
                Err(WireError::Server { code, .. }) if code == "3D000" => return self.create_database(NAME),
                Err(error) => error,
            };
            if process.has_ended() {
                return Err(self.gave_up("postgres", &log.text_since()));
            }
            if Instant::now() > end {
                return Err(PostgresError::NotReady { seconds: START_TIMEOUT.as_secs(), log: self.log(), source });
            }
            sleep(POLL_INTERVAL);
        }
    }

    /// Creates an empty database.
    pub(crate) fn create_database(&self, name: &str) -> Result<(), PostgresError> {
        let statement = format!("CREATE DATABASE {name} TEMPLATE template0");
        wire::execute(&self.socket(), NAME, "postgres", &statement).map_err(PostgresError::Database)
    }

    /// Why it ended, according to its log, or to the disk when that had no space for a log.
    pub(crate) fn ended(&self) -> PostgresError {
        let room =
            rustix::fs::statvfs(&self.servers).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        if room < NO_ROOM {
            return PostgresError::DiskFull { path: self.servers.clone() };
        }
        self.gave_up("postgres", &log_file::tail(&self.log()))
    }

    fn gave_up(&self, program: &'static str, text: &str) -> PostgresError {
        if log_file::tells_of_full_disk(text) {
            return PostgresError::DiskFull { path: self.servers.clone() };
        }
        PostgresError::GaveUp { program, message: log_file::complaint(text), log: self.log() }
    }

    /// Stops it within a bounded time: sessions are closed, and buffers are written.
    pub(crate) fn stop(process: &mut Process) {
        process.end(&[(Signal::INT, Duration::from_secs(60)), (Signal::QUIT, Duration::from_secs(10))]);
    }

    /// Stops it within a bounded time without writing its buffers: its data is about to be removed.
    pub(crate) fn abandon(process: &mut Process) {
        process.end(&[(Signal::QUIT, Duration::from_secs(10))]);
    }
}

/// The directory of the socket: in the servers' directory, or a short path elsewhere when that one is too long. The file `note`
/// keeps the short path for the next start.
pub(crate) fn socket_dir(servers: &Path, note: &Path, account: &Account) -> Result<PathBuf, DataDirError> {
    let near = servers.join("run");
    if fits(&near) {
        account.private_dir(&near).map_err(unusable(&near))?;
        return Ok(near);
    }
    if let Some(noted) = fs::read_to_string(note).ok().map(PathBuf::from).filter(|dir| is_private_dir(dir, account)) {
        return Ok(noted);
    }
    let name = format!("vs-{:016x}", rand::random::<u64>());
    let bases = [std::env::temp_dir(), PathBuf::from("/tmp")];
    let usable = bases.into_iter().find(|base| fits(&base.join(&name)) && account.blocked_at(base).is_none());
    let dir = usable.unwrap_or_else(|| "/tmp".into()).join(name);
    account.private_dir(&dir).map_err(unusable(&dir))?;
    write_private(note, &dir.to_string_lossy(), &Account::Caller)?;
    Ok(dir)
}

fn fits(dir: &Path) -> bool {
    dir.join(".s.PGSQL.5432").as_os_str().len() <= MAX_SOCKET_PATH
}

/// The path as the host of a URL.
fn percent_encoded(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_the_host_of_a_url() {
        assert_eq!(percent_encoded(Path::new("/tmp/a b/ü")), "%2Ftmp%2Fa%20b%2F%C3%BC");
    }

    #[test]
    fn a_socket_path_of_108_bytes_does_not_fit() {
        let rest = "/.s.PGSQL.5432".len();
        assert!(fits(Path::new(&format!("/{}", "x".repeat(MAX_SOCKET_PATH - rest - 1)))));
        assert!(!fits(Path::new(&format!("/{}", "x".repeat(MAX_SOCKET_PATH - rest)))));
    }
}
