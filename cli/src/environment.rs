//! What a job is signed with: Postgres and NATS, given or private, and the key-encryption key.

use std::{path::PathBuf, sync::Arc, time::Duration};

use vaultstream_api::TableSource;
use vaultstream_certificates::Issuer;
use vaultstream_embedded::{Listener, Options, Servers, kek_file};
use vaultstream_ledger::{
    Ledger,
    planning::TableError,
    steps::{self, SourceError},
};
use vaultstream_program::cores;
use vaultstream_signing::Backend;
use vaultstream_streams::Streams;
use vaultstream_worker::{Certification, Worker, WorkerConfig, metrics::Metrics};

use crate::{
    args::{EnvironmentArgs, KeyServiceArgs, SourceArgs},
    connect,
    error::Failure,
    kek,
    location::{LedgerLocation, NamedBy},
    migration,
    progress::ProgressDisplay,
};

/// Connections to the ledger: six for the worker, and two for the program that drives the job and shows its progress.
const CONNECTIONS: usize = 8;

/// Memory for the worker's payloads, in bytes.
const WORKER_MEMORY: usize = 32 << 20;

/// Everything a job needs around it. Private servers stop when this is dropped.
pub(crate) struct Environment {
    /// The ledger, migrated.
    pub(crate) ledger: Ledger,
    /// The streams.
    pub(crate) streams: Streams,
    /// Where the ledger is.
    pub(crate) location: LedgerLocation,
    /// The private servers, if any.
    pub(crate) servers: Option<Servers>,
    /// `None` where a service has the only key-encryption key.
    kek_file: Option<PathBuf>,
    key_service: KeyServiceArgs,
    connect_timeout: Duration,
    database_url: String,
    source: SourceArgs,
}

impl Environment {
    /// Starts the servers that were not given and connects. Nothing is created in a database before everything else was
    /// checked, the tables that are about to be signed among it.
    ///
    /// # Errors
    /// One sentence with what to mend.
    pub(crate) async fn open(
        args: &EnvironmentArgs,
        source: &SourceArgs,
        tables: &[(&TableSource, bool)],
        progress: &ProgressDisplay,
    ) -> Result<Self, Failure> {
        let location = LedgerLocation::of(args.database_url.as_deref(), args.data_dir.as_deref());
        let nats = args.nats_url.clone().filter(|url| !url.trim().is_empty());
        if let (None, [option, ..]) = (&nats, args.nats.login().as_slice()) {
            return Err(Failure::bad_input(format!(
                "{option} needs --nats-url: without a URL a private NATS is started, which only this run can log in to"
            )));
        }
        let kek_file = kek_path(args, &location)?;
        if kek_file.is_some() || args.key_service.kek_url.is_some() {
            kek::wrappers(&args.key_service, kek_file.as_deref())?;
        }
        let servers = start(&location, nats.is_none(), progress).await?;
        let kek_file = match (kek_file, &args.key_service.kek_url, &servers) {
            (None, None, Some(servers)) => Some(servers.kek_file().map_err(|error| Failure::input(&error))?),
            (None, None, None) => return Err(no_kek(&location)),
            (given, _, _) => given,
        };
        let kek = kek_file.as_deref().map(kek::read).transpose()?;
        let private = |url: fn(&Servers) -> &str| servers.as_ref().map(|servers| url(servers).to_owned());
        let given = location.database.as_ref().map(|(url, _)| url.clone());
        let database_url = given.or_else(|| private(Servers::database_url)).unwrap_or_default();
        let nats = nats.or_else(|| private(Servers::nats_url)).unwrap_or_default();
        progress.moment("connecting to Postgres and NATS");
        let ledger = connect::ledger(&database_url, source, CONNECTIONS, *args.connect_timeout).await?;
        if source.url().is_some() {
            progress.moment("connecting to the source's database");
            let reached = ledger.reach_source(*args.connect_timeout).await;
            reached.map_err(|error| Failure::input(&error))?;
        }
        let found = ledger.preflight(kek.as_ref()).await.map_err(|error| Failure::input(&error))?;
        if found.version.is_none() {
            check_tables(&ledger, tables, location.database.is_none() && source.url().is_none()).await?;
        }
        let streams = connect::streams(&args.nats, nats, *args.connect_timeout).await?;
        migration::bring_up_to_date(&ledger, &location).await?;
        Ok(Self {
            ledger,
            streams,
            kek_file,
            key_service: args.key_service.clone(),
            connect_timeout: *args.connect_timeout,
            location,
            servers,
            database_url,
            source: source.clone(),
        })
    }

    /// Connects to the ledger anew: after an interruption the other connections may hang.
    ///
    /// # Errors
    /// When the ledger does not respond within `timeout`.
    pub(crate) async fn fresh_ledger(&self, timeout: Duration) -> Result<Ledger, Failure> {
        connect::ledger(&self.database_url, &self.source, 1, timeout).await
    }

    /// A session in the ledger's database beside those of the ledger, for statements of a user.
    ///
    /// # Errors
    /// When the server does not respond within the connect timeout.
    pub(crate) async fn session(&self) -> Result<tokio_postgres::Client, Failure> {
        connect::session(&self.database_url, self.connect_timeout).await
    }

    /// A worker that shares these connections, and has receipt keys certified by `issuer`.
    ///
    /// # Errors
    /// When there is no key-encryption key, or the system refuses a thread.
    pub(crate) fn worker(&self, backend: Backend, issuer: Option<Issuer>) -> Result<Worker, Failure> {
        let metrics = Arc::new(Metrics::new().map_err(|error| Failure::of(&error))?);
        let config = WorkerConfig {
            ledger: self.ledger.clone(),
            streams: self.streams.clone(),
            wrappers: kek::wrappers(&self.key_service, self.kek_file.as_deref())?,
            connect_timeout: self.connect_timeout,
            certification: Certification::Own(issuer),
            backend,
            threads: cores(),
            memory: WORKER_MEMORY,
        };
        Worker::new(config, metrics).map_err(|error| Failure::of(&error))
    }
}

/// Refuses tables that cannot be signed before a ledger is created for them. Where a ledger exists this is not checked: the job
/// may be finished, and its table gone.
async fn check_tables(ledger: &Ledger, tables: &[(&TableSource, bool)], in_private: bool) -> Result<(), Failure> {
    for (table, is_followed) in tables {
        match steps::look_at_table(ledger, table, *is_followed).await {
            // Planning waits until a failure that passes is over.
            Ok(()) | Err(TableError::Query(_)) => {}
            Err(TableError::Source(error @ SourceError::NoTable(_))) if in_private => {
                return Err(Failure::bad_input(format!(
                    "{error}; this run has a private Postgres: to sign a table of another one, give --source-url URL or --database-url URL"
                )));
            }
            Err(error) => return Err(Failure::input(&error)),
        }
    }
    Ok(())
}

fn kek_path(args: &EnvironmentArgs, location: &LedgerLocation) -> Result<Option<PathBuf>, Failure> {
    let given = location.database.is_some();
    match (&args.kek_file, &location.data_dir) {
        (Some(path), _) => Ok(Some(path.clone())),
        _ if args.key_service.kek_url.is_some() => Ok(None),
        (None, Some(dir)) if given => kek_file(dir).map(Some).map_err(|error| Failure::input(&error)),
        (None, None) if given => Err(no_kek(location)),
        (None, _) => Ok(None),
    }
}

fn no_kek(location: &LedgerLocation) -> Failure {
    let (who, instead) = match &location.database {
        Some((_, NamedBy::Shared)) => (
            "DATABASE_URL of the environment names a database for the ledger, which",
            "; for a private Postgres instead, give --data-dir DIR alone, or unset DATABASE_URL",
        ),
        Some((_, NamedBy::Ours)) => ("VAULTSTREAM_DATABASE_URL", ""),
        _ => ("--database-url", ""),
    };
    Failure::bad_input(format!(
        "{who} needs --kek-file FILE, --kek-url URL or --data-dir DIR: private keys are stored encrypted, and without the same \
         key-encryption key the job cannot be resumed; `openssl rand -base64 32 > kek` makes one{instead}"
    ))
}

async fn start(location: &LedgerLocation, nats: bool, progress: &ProgressDisplay) -> Result<Option<Servers>, Failure> {
    let postgres = location.database.is_none();
    let what = match (postgres, nats) {
        (false, false) => return Ok(None),
        (true, true) => "starting Postgres and NATS",
        (true, false) => "starting Postgres",
        (false, true) => "starting NATS",
    };
    progress.stage(what);
    let options = location.data_dir.as_ref().map_or_else(Options::temporary, Options::kept);
    let shown = progress.clone();
    let listener = Listener::new(move |words| shown.stage(words));
    let options = Options { postgres, nats, listener, ..options };
    let started = tokio::task::spawn_blocking(move || Servers::start(&options)).await;
    match started {
        Ok(Ok(servers)) => Ok(Some(servers)),
        Ok(Err(error)) => Err(Failure::input(&error)),
        Err(error) => Err(Failure::of(&error)),
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        // Stopping our own server is no outage.
        self.streams.leave();
    }
}
