//! Commands that read a ledger: which one, and which job in it.

use std::process::ExitCode;

use vaultstream_embedded::{Attached, attach};
use vaultstream_ledger::{Job, Ledger, jobs};

use crate::{
    args::{JobArgs, LedgerArgs},
    error::Failure,
    output,
    site::connect_ledger,
};

/// Connections of a command that reads.
const CONNECTIONS: usize = 4;

/// A ledger, and the private Postgres that serves it, if any.
pub(crate) struct OpenLedger {
    /// The ledger.
    pub(crate) ledger: Ledger,
    _attached: Option<Attached>,
}

/// Opens the ledger that the arguments name.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn open(args: &LedgerArgs) -> Result<OpenLedger, Failure> {
    let opened = connect(args).await?;
    opened.ledger.check_version().await.map_err(|error| Failure::input(&error))?;
    Ok(opened)
}

async fn connect(args: &LedgerArgs) -> Result<OpenLedger, Failure> {
    let patience = *args.connect_timeout;
    match (&args.data_dir, args.database_url.as_deref().filter(|url| !url.trim().is_empty())) {
        (_, Some(url)) => Ok(OpenLedger { ledger: connect_ledger(url, CONNECTIONS, patience).await?, _attached: None }),
        (Some(dir), None) => {
            let dir = dir.clone();
            let attached = tokio::task::spawn_blocking(move || attach(&dir))
                .await
                .map_err(|error| Failure::of(&error))?
                .map_err(|error| Failure::input(&error))?;
            let ledger = connect_ledger(attached.database_url(), CONNECTIONS, patience).await?;
            Ok(OpenLedger { ledger, _attached: Some(attached) })
        }
        (None, None) => Err(Failure::bad_input(
            "which ledger? give --database-url URL (or DATABASE_URL), or the --data-dir DIR of `vaultstream run`",
        )),
    }
}

/// The job that the arguments name.
///
/// # Errors
/// When there is none.
pub(crate) async fn find(ledger: &Ledger, args: &JobArgs) -> Result<Job, Failure> {
    let failed = |error: vaultstream_ledger::QueryError| Failure::of(&error);
    let found = match (&args.job, args.uid) {
        (_, Some(uid)) => {
            jobs::by_uid(ledger, uid).await.map_err(failed)?.ok_or_else(|| format!("no job has the uid {uid}"))
        }
        (Some(job), None) => jobs::newest(ledger, job.namespace.as_str(), job.name.as_str())
            .await
            .map_err(failed)?
            .ok_or_else(|| format!("there is no job {job} in this ledger; `vaultstream status` lists them")),
        (None, None) => Err("which job? give --job NS/NAME or --uid UID".to_owned()),
    };
    found.map_err(Failure::bad_input)
}

/// `vaultstream migrate`.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn migrate(args: LedgerArgs) -> Result<ExitCode, Failure> {
    let opened = connect(&args).await?;
    let migrated = opened.ledger.migrate().await.map_err(|error| Failure::input(&error))?;
    match migrated.applied {
        0 => output::line(format_args!("the ledger is up to date (schema version {})", migrated.version)),
        applied => output::line(format_args!(
            "the ledger was migrated to schema version {} ({applied} migrations)",
            migrated.version
        )),
    }?;
    Ok(ExitCode::SUCCESS)
}
