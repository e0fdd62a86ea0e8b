//! Where a run happens: given servers, private ones, or one of each.

use std::path::{Path, PathBuf};

use vaultstream_embedded::{Options, Servers, kek_file};
use vaultstream_ledger::{ConnectOptions, Ledger};
use vaultstream_signing::{Kek, KekRing};
use vaultstream_streams::Streams;

use crate::{args::SiteArgs, error::Failure};

/// Everything a job needs around it. Private servers stop when this is dropped.
pub struct Site {
    /// The ledger, migrated.
    pub ledger: Ledger,
    /// The streams.
    pub streams: Streams,
    /// Where the KEK is.
    pub kek_file: PathBuf,
    /// Whether the data goes away at the end.
    pub temporary: bool,
    /// The private servers, if any.
    pub servers: Option<Servers>,
}

impl Site {
    /// Starts what was not given and connects.
    ///
    /// # Errors
    /// One sentence with what to mend.
    pub async fn open(args: &SiteArgs, connections: usize) -> Result<Self, Failure> {
        let given = |url: &Option<String>| url.clone().filter(|url| !url.trim().is_empty());
        let (database, nats) = (given(&args.database_url), given(&args.nats_url));
        if let (None, [option, ..]) = (&nats, args.nats.login().as_slice()) {
            return Err(Failure::bad_input(format!(
                "{option} needs --nats-url: without a URL a private NATS is started, which only this run can log in to"
            )));
        }
        let kek = kek_path(args, database.is_some())?;
        let servers = start(args, database.is_none(), nats.is_none()).await?;
        let private = |url: fn(&Servers) -> &str| servers.as_ref().map(|servers| url(servers).to_owned());
        let database = database.or_else(|| private(Servers::database_url)).unwrap_or_default();
        let nats = nats.or_else(|| private(Servers::nats_url)).unwrap_or_default();
        let ledger = connect_ledger(&database, connections, *args.connect_timeout).await?;
        let streams =
            vaultstream_streams::ConnectOptions { patience: *args.connect_timeout, ..args.nats.connect_options(nats) };
        let streams = Streams::connect(&streams).await.map_err(|error| Failure::input(&error))?;
        // Only now: nothing is left in a database that cannot be used.
        ledger.migrate().await.map_err(|error| Failure::input(&error))?;
        let kek_file = match (kek, &servers) {
            (Some(path), _) => path,
            (None, Some(servers)) => servers.kek_file().map_err(|error| Failure::input(&error))?,
            (None, None) => return Err(no_kek()),
        };
        Ok(Self { ledger, streams, kek_file, temporary: servers.is_some() && args.data_dir.is_none(), servers })
    }

    /// The key-encryption keys.
    ///
    /// # Errors
    /// When the file is missing or holds no key.
    pub fn keks(&self) -> Result<KekRing, Failure> {
        read_kek(&self.kek_file).map(KekRing::new)
    }
}

/// A key-encryption key of a file.
///
/// # Errors
/// When the file is missing or holds none.
pub(crate) fn read_kek(path: &Path) -> Result<Kek, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::bad_input(format!("failed to read the key-encryption key {}: {error}", path.display()))
    })?;
    Kek::fingerprinted(&text)
        .map_err(|error| Failure::bad_input(format!("{} is not a valid key file: {error}", path.display())))
}

/// Connects to a ledger.
///
/// # Errors
/// One sentence with what to mend.
pub async fn connect_ledger(url: &str, connections: usize, patience: std::time::Duration) -> Result<Ledger, Failure> {
    Ledger::connect(&ConnectOptions {
        url: url.to_owned(),
        max_connections: connections,
        application_name: "vaultstream".to_owned(),
        patience,
        tls: vaultstream_ledger::TlsFiles::default(),
        source_role: false,
    })
    .await
    .map_err(|error| Failure::input(&error))
}

fn kek_path(args: &SiteArgs, foreign_database: bool) -> Result<Option<PathBuf>, Failure> {
    match (&args.kek_file, &args.data_dir) {
        (Some(path), _) => Ok(Some(path.clone())),
        (None, Some(dir)) if foreign_database => kek_file(dir).map(Some).map_err(|error| Failure::input(&error)),
        (None, None) if foreign_database => Err(no_kek()),
        (None, _) => Ok(None),
    }
}

fn no_kek() -> Failure {
    Failure::bad_input(
        "--database-url needs --kek-file FILE or --data-dir DIR: private keys are stored encrypted, and without the same key \
         encryption key the job cannot be resumed; `openssl rand -base64 32 > kek` makes one",
    )
}

async fn start(args: &SiteArgs, postgres: bool, nats: bool) -> Result<Option<Servers>, Failure> {
    if !postgres && !nats {
        return Ok(None);
    }
    let options = args.data_dir.as_ref().map_or_else(Options::temporary, Options::kept);
    let options = Options { postgres, nats, ..options };
    let started = tokio::task::spawn_blocking(move || Servers::start(&options)).await;
    match started {
        Ok(Ok(servers)) => Ok(Some(servers)),
        Ok(Err(error)) => Err(Failure::input(&error)),
        Err(error) => Err(Failure::of(&error)),
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Stopping our own server is no outage.
        self.streams.leave();
    }
}
