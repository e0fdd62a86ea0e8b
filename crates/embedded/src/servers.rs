//! The two servers of one data-dir, from start to stop.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread::sleep;

use parking_lot::Mutex;
use rustix::process::Signal;

use crate::account::Account;
use crate::data_dir::{DataDirError, OpenDataDir, write_private};
use crate::kek::{KekError, kek_file};
use crate::nats::{Nats, NatsError};
use crate::options::{DataDir, Options};
use crate::postgres::{Postgres, PostgresError, socket_dir};
use crate::process::{POLL_INTERVAL, Process};
use crate::programs::{self, ProgramsError};
use crate::running::{DATABASE_URL, NATS_URL, SOCKET_DIR, join, remove_traces};
use crate::sweep;

/// Why the servers do not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A program is missing.
    #[error(transparent)]
    Programs(#[from] ProgramsError),
    /// Postgres does not start.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// nats-server does not start.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// This process did not start the server.
    #[error("this process has not started {server}")]
    NotStarted {
        /// `Postgres` or `nats-server`.
        server: &'static str,
    },
}

#[derive(Debug, Default)]
struct Running {
    postgres: Option<Process>,
    nats: Option<Process>,
    nats_port: Option<u16>,
}

/// A private Postgres and nats-server. They stop when this is dropped, and when the process ends in any way.
pub struct Servers {
    data_dir: OpenDataDir,
    temporary: bool,
    /// False for background servers, which outlive this process.
    ours: bool,
    postgres: Option<Postgres>,
    nats: Option<Nats>,
    running: Mutex<Running>,
    database_url: String,
    nats_url: String,
}

impl Servers {
    /// Both servers on a directory that is removed at the end.
    pub fn temporary() -> Result<Self, StartError> {
        Self::start(&Options::temporary())
    }

    /// Starts the servers of the options, and returns when they accept connections. On a kept directory whose servers run in the background
    /// ([`crate::background::up`]), those are used and left running at the end.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        static SWEEP: Once = Once::new();
        let data_dir = match &options.data_dir {
            DataDir::Temporary => {
                SWEEP.call_once(|| sweep::remove_abandoned(&options.listener));
                OpenDataDir::temporary()?
            }
            DataDir::Kept(dir) => {
                let data_dir = OpenDataDir::kept(dir)?;
                if let Some(urls) = join(&data_dir)? {
                    return Ok(Self::borrowed(data_dir, urls));
                }
                data_dir.lock_alone()?;
                data_dir
            }
        };
        Self::start_in(data_dir, options, true)
    }

    /// Uses the background servers of a data-dir whose lock the caller shares.
    pub(crate) fn borrowed(data_dir: OpenDataDir, (database_url, nats_url): (String, String)) -> Self {
        let running = Mutex::default();
        Self { data_dir, temporary: false, ours: false, postgres: None, nats: None, running, database_url, nats_url }
    }

    /// Starts servers in a data-dir whose lock the caller holds.
    pub(crate) fn start_in(data_dir: OpenDataDir, options: &Options, bound_to_us: bool) -> Result<Self, StartError> {
        let temporary = options.data_dir == DataDir::Temporary;
        let mut servers = Self::borrowed(data_dir, (String::new(), String::new()));
        servers.temporary = temporary;
        servers.ours = true;
        let (dir, account) = servers.data_dir.servers()?;
        sweep::end_leftovers(&dir);
        if options.postgres {
            servers.begin_postgres(&dir, &account, options, bound_to_us)?;
        }
        if options.nats {
            servers.begin_nats(&dir, &account, options, bound_to_us)?;
        }
        Ok(servers)
    }

    fn begin_postgres(
        &mut self,
        dir: &Path,
        account: &Account,
        options: &Options,
        bound_to_us: bool,
    ) -> Result<(), StartError> {
        let postgres = Postgres {
            bin: programs::postgres_bin(account, Postgres::made_by(dir))?,
            socket_dir: socket_dir(dir, &self.data_dir.file(SOCKET_DIR), account)?,
            servers: dir.to_owned(),
            account: account.clone(),
            extra: options.postgres_settings.clone(),
            bound_to_us,
            temporary: self.temporary,
        };
        postgres.prepare()?;
        self.running.lock().postgres = Some(postgres.start()?);
        self.database_url = postgres.url("vaultstream");
        write_private(&self.data_dir.file(DATABASE_URL), &self.database_url, &Account::Caller)?;
        self.postgres = Some(postgres);
        Ok(())
    }

    fn begin_nats(
        &mut self,
        dir: &Path,
        account: &Account,
        options: &Options,
        bound_to_us: bool,
    ) -> Result<(), StartError> {
        let nats = Nats {
            program: programs::nats_server(account)?,
            servers: dir.to_owned(),
            account: account.clone(),
            bound_to_us,
            token: Nats::new_token()?,
        };
        let (process, port) = nats.start(options.nats_port)?;
        let mut running = self.running.lock();
        running.nats = Some(process);
        running.nats_port = Some(port);
        drop(running);
        self.nats_url = nats.url(port);
        write_private(&self.data_dir.file(NATS_URL), &self.nats_url, &Account::Caller)?;
        self.nats = Some(nats);
        Ok(())
    }

    /// The URL of the ledger's database; empty when Postgres was not asked for.
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The URL of NATS with its token: a secret. Empty when NATS was not asked for.
    pub fn nats_url(&self) -> &str {
        &self.nats_url
    }

    /// The data-dir, absolute.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir.root
    }

    /// The data-dir's key-encryption key file, created if it is missing; see [`kek_file`].
    pub fn kek_file(&self) -> Result<PathBuf, KekError> {
        kek_file(&self.data_dir.root)
    }

    /// The process id of the Postgres we started, while it runs.
    pub fn postgres_pid(&self) -> Option<u32> {
        self.running.lock().postgres.as_mut().and_then(Process::living_id)
    }

    /// The process id of the nats-server we started, while it runs.
    pub fn nats_pid(&self) -> Option<u32> {
        self.running.lock().nats.as_mut().and_then(Process::living_id)
    }

    /// Why our Postgres ended by itself. `None` while it runs, or when it was stopped.
    pub fn failure(&self) -> Option<StartError> {
        let ended = self.running.lock().postgres.as_mut().is_some_and(Process::has_ended);
        let postgres = self.postgres.as_ref().filter(|_| ended)?;
        Some(postgres.ended().into())
    }

    /// Creates an empty database in our Postgres, one for each test, and returns its URL.
    pub fn create_database(&self) -> Result<String, StartError> {
        let postgres = self.own_postgres()?;
        let name = format!("scratch_{:016x}", rand::random::<u64>());
        postgres.create_database(&name)?;
        Ok(postgres.url(&name))
    }

    /// Starts our Postgres again under the same URL, unless it runs.
    pub fn start_postgres(&self) -> Result<(), StartError> {
        let postgres = self.own_postgres()?;
        let mut running = self.running.lock();
        if running.postgres.as_mut().is_none_or(Process::has_ended) {
            running.postgres = Some(postgres.start()?);
        }
        Ok(())
    }

    /// Stops our Postgres in an orderly way: it closes all sessions.
    pub fn stop_postgres(&self) {
        if let Some(mut process) = self.running.lock().postgres.take() {
            Postgres::stop(&mut process);
        }
    }

    /// Kills our Postgres like a crash: it does not write its buffers.
    pub fn kill_postgres(&self) {
        if let Some(mut process) = self.running.lock().postgres.take() {
            process.signal(Signal::KILL);
            process.end(&[]);
        }
    }

    /// Stops and starts our Postgres.
    pub fn restart_postgres(&self) -> Result<(), StartError> {
        self.stop_postgres();
        self.start_postgres()
    }

    /// Starts our nats-server again under the same URL, unless it runs.
    pub fn start_nats(&self) -> Result<(), StartError> {
        let nats = self.own_nats()?;
        let mut running = self.running.lock();
        if running.nats.as_mut().is_none_or(Process::has_ended) {
            running.nats = Some(nats.start(running.nats_port)?.0);
        }
        Ok(())
    }

    /// Stops our nats-server in an orderly way.
    pub fn stop_nats(&self) {
        if let Some(mut process) = self.running.lock().nats.take() {
            Nats::stop(&mut process);
        }
    }

    /// Kills our nats-server like a crash.
    pub fn kill_nats(&self) {
        if let Some(mut process) = self.running.lock().nats.take() {
            process.end(&[]);
        }
    }

    /// Stops and starts our nats-server; its streams are kept.
    pub fn restart_nats(&self) -> Result<(), StartError> {
        self.stop_nats();
        self.start_nats()
    }

    /// Kills our nats-server, removes everything JetStream has stored, and starts it again under the same URL.
    pub fn wipe_jetstream(&self) -> Result<(), StartError> {
        let nats = self.own_nats()?;
        self.kill_nats();
        nats.wipe()?;
        self.start_nats()
    }

    /// Stops the servers within bounded time, and removes a temporary directory. Dropping does the same.
    pub fn stop(self) {}

    /// Leaves the servers running when this is dropped.
    pub(crate) fn leave_running(mut self) -> (String, String) {
        self.ours = false;
        (self.database_url.clone(), self.nats_url.clone())
    }

    fn own_postgres(&self) -> Result<&Postgres, StartError> {
        self.postgres.as_ref().ok_or(StartError::NotStarted { server: "Postgres" })
    }

    fn own_nats(&self) -> Result<&Nats, StartError> {
        self.nats.as_ref().ok_or(StartError::NotStarted { server: "nats-server" })
    }
}

impl fmt::Debug for Servers {
    /// Leaves out the URLs: that of NATS contains the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers")
            .field("data_dir", &self.data_dir.root)
            .field("postgres_pid", &self.postgres_pid())
            .field("nats_pid", &self.nats_pid())
            .finish_non_exhaustive()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        self.stop_nats();
        if self.temporary {
            if let Some(mut process) = self.running.lock().postgres.take() {
                Postgres::abandon(&mut process);
            }
        } else {
            self.stop_postgres();
        }
        remove_traces(&self.data_dir);
        if self.temporary {
            remove(&self.data_dir);
        }
    }
}

/// Removes a temporary directory. A server's last helper process may still write files, so it is tried several times.
fn remove(data_dir: &OpenDataDir) {
    for _ in 0..100 {
        match data_dir.remove() {
            Ok(()) => return,
            Err(error) => tracing::debug!(%error, "the temporary directory is still being written to"),
        }
        sleep(POLL_INTERVAL);
    }
    tracing::warn!(dir = %data_dir.root.display(), "failed to remove the temporary directory");
}
