//! Where a run happens: given servers, private ones, or one of each.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use vaultstream_api::TableSource;
use vaultstream_embedded::{Listener, Options, Servers, kek_file};
use vaultstream_ledger::{
    ConnectOptions, Ledger,
    steps::{self, SourceError, StepError},
};
use vaultstream_signing::{Kek, KekRing};
use vaultstream_streams::Streams;

use crate::{
    args::{NatsArgs, SiteArgs},
    error::Failure,
    ledger,
    place::{By, Place},
    progress::Progress,
};

/// Everything a job needs around it. Private servers stop when this is dropped.
pub struct Site {
    /// The ledger, migrated.
    pub ledger: Ledger,
    /// The streams.
    pub streams: Streams,
    /// Where the KEK is.
    pub kek_file: PathBuf,
    /// Where the ledger is.
    pub place: Place,
    /// The private servers, if any.
    pub servers: Option<Servers>,
    database_url: String,
}

/// What a site has to be good for.
#[derive(Clone, Debug, Default)]
pub struct Wanted<'a> {
    /// Connections to the ledger at once.
    pub connections: usize,
    /// Tables that are about to be signed.
    pub tables: Vec<&'a TableSource>,
}

impl Site {
    /// Starts what was not given and connects. Nothing is made in a database before everything else is known to be right.
    ///
    /// # Errors
    /// One sentence with what to mend.
    pub async fn open(args: &SiteArgs, wanted: &Wanted<'_>, progress: &Progress) -> Result<Self, Failure> {
        let place = Place::of(args.database_url.as_deref(), args.data_dir.as_deref());
        let nats = args.nats_url.clone().filter(|url| !url.trim().is_empty());
        if let (None, [option, ..]) = (&nats, args.nats.login().as_slice()) {
            return Err(Failure::bad_input(format!(
                "{option} needs --nats-url: without a URL a private NATS is started, which only this run can log in to"
            )));
        }
        let kek_file = kek_path(args, &place)?;
        if let Some(kek) = &kek_file {
            read_kek(kek)?;
        }
        let servers = start(&place, nats.is_none(), progress).await?;
        let kek_file = match (kek_file, &servers) {
            (Some(path), _) => path,
            (None, Some(servers)) => servers.kek_file().map_err(|error| Failure::input(&error))?,
            (None, None) => return Err(no_kek(&place)),
        };
        let kek = read_kek(&kek_file)?;
        let private = |url: fn(&Servers) -> &str| servers.as_ref().map(|servers| url(servers).to_owned());
        let given = place.database.as_ref().map(|(url, _)| url.clone());
        let database_url = given.or_else(|| private(Servers::database_url)).unwrap_or_default();
        let nats = nats.or_else(|| private(Servers::nats_url)).unwrap_or_default();
        progress.moment("connecting to Postgres and NATS");
        let ledger = connect_ledger(&database_url, wanted.connections, *args.connect_timeout).await?;
        let found = ledger.preflight(&kek).await.map_err(|error| Failure::input(&error))?;
        if found.version.is_none() {
            look_before_migrating(&ledger, wanted, &place).await?;
        }
        let streams = connect_streams(&args.nats, nats, *args.connect_timeout).await?;
        ledger::bring_up_to_date(&ledger, &place).await?;
        Ok(Self { ledger, streams, kek_file, place, servers, database_url })
    }

    /// The ledger on a connection that nothing else waits for: after an interruption others may hang.
    pub(crate) async fn fresh_ledger(&self, patience: Duration) -> Result<Ledger, Failure> {
        connect_ledger(&self.database_url, 1, patience).await
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

/// Connects to NATS.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn connect_streams(login: &NatsArgs, url: String, patience: Duration) -> Result<Streams, Failure> {
    let options = vaultstream_streams::ConnectOptions { patience, ..login.connect_options(url) };
    Streams::connect(&options).await.map_err(|error| Failure::input(&error))
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

/// In a database without a ledger nothing is made for a table that cannot be signed. Where there is one the job itself may be
/// over, and its table gone.
async fn look_before_migrating(ledger: &Ledger, wanted: &Wanted<'_>, place: &Place) -> Result<(), Failure> {
    for table in &wanted.tables {
        match steps::look_at_table(ledger, table).await {
            // Planning waits for what passes.
            Ok(()) | Err(StepError::Query(_)) => {}
            Err(StepError::Source(error @ SourceError::NoTable(_))) if place.database.is_none() => {
                return Err(Failure::bad_input(format!(
                    "{error}; this run has a private Postgres: to sign a table of another one, give --database-url URL"
                )));
            }
            Err(error) => return Err(Failure::input(&error)),
        }
    }
    Ok(())
}

fn kek_path(args: &SiteArgs, place: &Place) -> Result<Option<PathBuf>, Failure> {
    let given = place.database.is_some();
    match (&args.kek_file, &place.data_dir) {
        (Some(path), _) => Ok(Some(path.clone())),
        (None, Some(dir)) if given => kek_file(dir).map(Some).map_err(|error| Failure::input(&error)),
        (None, None) if given => Err(no_kek(place)),
        (None, _) => Ok(None),
    }
}

fn no_kek(place: &Place) -> Failure {
    let (who, instead) = match &place.database {
        Some((_, By::Shared)) => (
            "DATABASE_URL of the environment names a database for the ledger, which",
            "; for a private Postgres instead, give --data-dir DIR alone, or unset DATABASE_URL",
        ),
        Some((_, By::Ours)) => ("VAULTSTREAM_DATABASE_URL", ""),
        _ => ("--database-url", ""),
    };
    Failure::bad_input(format!(
        "{who} needs --kek-file FILE or --data-dir DIR: private keys are stored encrypted, and without the same \
         key-encryption key the job cannot be resumed; `openssl rand -base64 32 > kek` makes one{instead}"
    ))
}

async fn start(place: &Place, nats: bool, progress: &Progress) -> Result<Option<Servers>, Failure> {
    let postgres = place.database.is_none();
    let what = match (postgres, nats) {
        (false, false) => return Ok(None),
        (true, true) => "starting Postgres and NATS",
        (true, false) => "starting Postgres",
        (false, true) => "starting NATS",
    };
    progress.stage(what);
    let options = place.data_dir.as_ref().map_or_else(Options::temporary, Options::kept);
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

impl Drop for Site {
    fn drop(&mut self) {
        // Stopping our own server is no outage.
        self.streams.leave();
    }
}
