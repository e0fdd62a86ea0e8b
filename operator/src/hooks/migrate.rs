//! What the chart runs before an installation or an upgrade, with the login of the ledger's owner, which no running program has.
//!
//! ```text
//! the operator's own login: the owner's? ── yes ─▶ refused, nothing is changed
//!        │ no, or not there yet
//!        ▼
//! the owner's Secret: there? ── yes ─▶ migrate, make the declared logins
//!        │ no                               │
//!        ▼                                  ▼
//! may the operator's login drive jobs, and is the ledger migrated? ── no ─▶ refused
//! ```

use std::time::Duration;

use vaultstream_connection::{ConnectionFolder, Unreadable};
use vaultstream_ledger::{
    ConnectError, Ledger, MigrateError,
    logins::{self, LoginError, Ownership, ProgramKind},
};
use vaultstream_program::chain;

use super::declared::{DeclarationError, Declared};
use crate::{api_client, cluster_id::cluster_id, config::Migrate};

/// Connections: one, and one to migrate with.
const CONNECTION_LIMIT: usize = 2;

/// How long the operator's own login is tried.
const OWN_LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Why an installation or an upgrade is refused.
#[derive(Debug, thiserror::Error)]
pub enum MigrateHookError {
    /// The API server's address is unknown.
    #[error("failed to find the API server")]
    Client(#[source] kube::Error),
    /// A file of a Secret cannot be read.
    #[error(transparent)]
    Secret(#[from] Unreadable),
    /// The owner cannot log in.
    #[error("failed to log in as the ledger's owner")]
    Connect(#[from] ConnectError),
    /// The operator's own login may too much or too little.
    #[error("the operator's Secret cannot be used")]
    Login(#[from] LoginError),
    /// The ledger cannot be migrated, or has not been.
    #[error("the ledger cannot be used")]
    Ledger(#[from] MigrateError),
    /// A declared login cannot be made.
    #[error(transparent)]
    Declaration(#[from] DeclarationError),
}

/// Migrates, or checks that this is not needed.
///
/// # Errors
/// [`MigrateHookError`].
pub(crate) async fn migrate(args: Migrate) -> Result<(), MigrateHookError> {
    let own = ConnectionFolder::new(&args.connection_dir);
    if let Some(ledger) = own_ledger(&own).await? {
        logins::check_ownership(&ledger, ProgramKind::Operator, args.allow_owner).await?;
    }
    let owner = ConnectionFolder::new(&args.owner_dir);
    if owner.path().join("DATABASE_URL").exists() {
        as_owner(&owner, &args).await?;
    }
    let Some(ledger) = own_ledger(&own).await? else { return Ok(()) };
    match logins::check_ownership(&ledger, ProgramKind::Operator, args.allow_owner).await? {
        // The operator migrates by itself.
        Ownership::Owner => {}
        Ownership::None => {
            logins::check_driver(&ledger).await?;
            ledger.check_version().await?;
        }
    }
    tracing::info!(ledger = ledger.place(), "the operator may use the ledger");
    Ok(())
}

/// The ledger by the operator's own login; `None`, and a line in the log, where that cannot log in: the operator says so, too, and waits.
async fn own_ledger(folder: &ConnectionFolder) -> Result<Option<Ledger>, MigrateHookError> {
    if !folder.path().join("DATABASE_URL").exists() {
        tracing::warn!("the operator has no Secret with a DATABASE_URL yet");
        return Ok(None);
    }
    match connect(folder, OWN_LOGIN_TIMEOUT).await? {
        Ok(ledger) => Ok(Some(ledger)),
        Err(error) => {
            tracing::warn!(error = chain(&error), "the operator cannot log in yet");
            Ok(None)
        }
    }
}

async fn as_owner(folder: &ConnectionFolder, args: &Migrate) -> Result<(), MigrateHookError> {
    let declared = Declared::of(folder)?;
    let ledger = connect(folder, *args.connect_timeout).await??;
    let migrated = ledger.migrate().await?;
    tracing::info!(ledger = ledger.place(), version = migrated.version, applied = migrated.applied, "migrated");
    let cluster = if declared.has_tenants() {
        let client = api_client::connect().await.map_err(MigrateHookError::Client)?;
        cluster_id(args.cluster_id.as_deref(), &args.operator_namespace, &client).await
    } else {
        String::new()
    };
    Ok(declared.make(&ledger, &cluster).await?)
}

async fn connect(folder: &ConnectionFolder, patience: Duration) -> Result<Result<Ledger, ConnectError>, Unreadable> {
    let mut options = folder.ledger()?;
    options.max_connections = CONNECTION_LIMIT;
    options.application_name = "vaultstream-migrate".to_owned();
    options.patience = patience;
    Ok(Ledger::connect(&options).await)
}
