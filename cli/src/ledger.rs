//! Commands that read a ledger: which one, and which job in it.

use std::process::ExitCode;

use vaultstream_embedded::{Attached, attach};
use vaultstream_ledger::{Job, Ledger, MigrateError, Migrated, jobs, schema_version};

use crate::{
    args::{JobArgs, LedgerArgs},
    error::Failure,
    output,
    place::Place,
    site::connect_ledger,
};

/// Connections of a command that reads.
const CONNECTIONS: usize = 4;

/// A ledger, and the private Postgres that serves it, if any.
pub(crate) struct OpenLedger {
    /// The ledger.
    pub(crate) ledger: Ledger,
    /// Where it is.
    pub(crate) place: Place,
    _attached: Option<Attached>,
}

/// Opens the ledger that the arguments name, and says which it is.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn open(args: &LedgerArgs) -> Result<OpenLedger, Failure> {
    let opened = connect(args).await?;
    let version = opened.ledger.check_version().await.map_err(|error| Failure::input(&error))?;
    opened.place.tell(&opened.ledger, version, "");
    Ok(opened)
}

async fn connect(args: &LedgerArgs) -> Result<OpenLedger, Failure> {
    let patience = *args.connect_timeout;
    let place = Place::of(args.database_url.as_deref(), args.data_dir.as_deref());
    let (url, attached) = match (&place.database, &place.data_dir) {
        (Some((url, _)), _) => (url.clone(), None),
        (None, Some(dir)) => {
            let dir = dir.clone();
            let attached = tokio::task::spawn_blocking(move || attach(&dir))
                .await
                .map_err(|error| Failure::of(&error))?
                .map_err(|error| Failure::input(&error))?;
            (attached.database_url().to_owned(), Some(attached))
        }
        (None, None) => return Err(which()),
    };
    let ledger = connect_ledger(&url, CONNECTIONS, patience).await?;
    Ok(OpenLedger { ledger, place, _attached: attached })
}

/// Nobody said which ledger is meant.
pub(crate) fn which() -> Failure {
    Failure::bad_input(
        "which ledger? give --data-dir DIR of `vaultstream run`, or --database-url URL (or VAULTSTREAM_DATABASE_URL)",
    )
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

/// Makes or updates the schema, and says which ledger it is before anything is changed.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn bring_up_to_date(ledger: &Ledger, place: &Place) -> Result<Migrated, Failure> {
    let newest = schema_version();
    match ledger.check_version().await {
        Ok(version) => {
            place.tell(ledger, version, "");
            return Ok(Migrated { version, applied: 0 });
        }
        Err(MigrateError::NoLedger { .. }) => place.tell(ledger, newest, ", made now"),
        Err(MigrateError::NotMigrated { found, .. }) => place.tell(ledger, newest, &format!(", until now {found}")),
        Err(error) => return Err(Failure::input(&error)),
    }
    ledger.migrate().await.map_err(|error| Failure::input(&error))
}

/// `vaultstream migrate`.
///
/// # Errors
/// One sentence with what to mend.
pub(crate) async fn migrate(args: LedgerArgs) -> Result<ExitCode, Failure> {
    let opened = connect(&args).await?;
    let migrated = bring_up_to_date(&opened.ledger, &opened.place).await?;
    match migrated.applied {
        0 => output::line(format_args!("the ledger is up to date (schema version {})", migrated.version)),
        applied => output::line(format_args!(
            "the ledger was migrated to schema version {} ({applied} migrations)",
            migrated.version
        )),
    }?;
    Ok(ExitCode::SUCCESS)
}
