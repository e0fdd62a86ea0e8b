//! Bringing the schema up to date, and refusing to work with one that is too old or too new.

use std::error::Error as StdError;
use std::time::Duration;

use deadpool_postgres::Object;
use refinery_core::{Migration, Runner};
use vaultstream_signing::Digest;

use crate::class::{self, Class, ErrorKind};
use crate::connection::Ledger;
use crate::error::{self, QueryError};

// `MIGRATIONS`: name and text of every file of `migrations/`.
include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// All rights. Applied after the migrations.
const GRANTS: &str = include_str!("../../../migrations/grants.sql");

const HISTORY: &str = "vaultstream.schema_history";

const ACTION: &str = "migrate the ledger";

/// One program at a time migrates a database; the lock belongs to the database, not to the server.
const MIGRATION_LOCK: i64 = 0x5653_4d49_4752_4154;

/// How often a program that waits for the lock asks for it.
const LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What migrating did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The ledger's version now.
    pub version: u32,
    /// How many migrations ran; zero when it was up to date.
    pub applied: usize,
}

/// Why the ledger cannot be migrated or used.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer program has migrated it to a schema that this one does not understand.
    #[error(
        "the ledger needs schema version {needs}, and this vaultstream only knows {knows}: use a newer vaultstream"
    )]
    LedgerNewer {
        /// Least version it accepts.
        needs: u32,
        /// Newest version this program knows.
        knows: u32,
    },
    /// No ledger here: likely another database was meant.
    #[error(
        "there is no VaultStream ledger in {place}: wrong URL? `vaultstream run` or `vaultstream migrate` would create one"
    )]
    NoLedger {
        /// Host and database.
        place: String,
    },
    /// A ledger that is older than this program needs.
    #[error("the ledger is at schema version {found}, this program needs {needs}: run `vaultstream migrate`")]
    NotMigrated {
        /// Its version.
        found: u32,
        /// Version this program needs.
        needs: u32,
    },
    /// The role may not create the schema.
    #[error("the role {role} may not create a ledger in this database: GRANT CREATE ON DATABASE {database} TO {role};")]
    MayNotCreate {
        /// The role, as SQL writes it.
        role: String,
        /// The database, as SQL writes it.
        database: String,
    },
    /// Another role owns the ledger.
    #[error(
        "the role {role} may not migrate the ledger, which the role {owner} owns: run `vaultstream migrate` as {owner} once"
    )]
    NotOwner {
        /// The role, as SQL writes it.
        role: String,
        /// Who may, as SQL writes it.
        owner: String,
    },
    /// The role lacks another right.
    #[error("no permission to migrate the ledger")]
    NoPermission(#[source] Box<dyn StdError + Send + Sync>),
    /// The schema is there and is not this program's, or was changed by hand.
    #[error("the ledger's migrations differ from those of this program")]
    Diverged(#[source] Box<dyn StdError + Send + Sync>),
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl MigrateError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::LedgerNewer { .. }
            | Self::NoLedger { .. }
            | Self::NotMigrated { .. }
            | Self::MayNotCreate { .. }
            | Self::NotOwner { .. }
            | Self::NoPermission(_) => ErrorKind::Refused,
            Self::Diverged(_) => ErrorKind::Permanent,
            Self::Query(error) => error.kind(),
        }
    }
}

/// The newest schema version that this program knows, and needs.
#[must_use]
pub fn schema_version() -> u32 {
    let versions = MIGRATIONS.iter().filter_map(|(name, _)| name.strip_prefix('V')?.split_once("__")?.0.parse().ok());
    versions.max().unwrap_or(0)
}

/// Says in the ledger which rights were granted last: the comment on its schema.
fn rights_mark() -> String {
    format!("VaultStream; rights {}", vaultstream_signing::merkle::to_hex(&Digest::of(GRANTS.as_bytes()).0))
}

/// Grants all rights and leaves the mark, in one transaction.
fn grants() -> String {
    format!("{GRANTS}\nCOMMENT ON SCHEMA vaultstream IS '{}'", rights_mark())
}

fn runner() -> Result<Runner, refinery_core::Error> {
    let migrations: Result<Vec<_>, _> = MIGRATIONS.iter().map(|(name, sql)| Migration::unapplied(name, sql)).collect();
    Ok(Runner::new(&migrations?))
}

impl Ledger {
    /// Applies the migrations that are missing. Safe with any number of programs at once, and a no-op for a role that may
    /// change nothing as long as nothing is missing.
    ///
    /// # Errors
    ///
    /// See [`MigrateError`].
    pub async fn migrate(&self) -> Result<Migrated, MigrateError> {
        match self.check_version().await {
            Ok(version) if version > schema_version() || self.has_rights().await? => {
                return Ok(Migrated { version, applied: 0 });
            }
            Ok(_) | Err(MigrateError::NoLedger { .. } | MigrateError::NotMigrated { .. }) => {}
            Err(error) => return Err(error),
        }
        self.check_rights().await?;
        // Closed afterwards in any case, which releases the lock.
        let client = Object::take(self.client(ACTION).await?);
        let applied = self.migrate_with(client).await?;
        Ok(Migrated { version: self.check_version().await?, applied })
    }

    async fn migrate_with(&self, mut client: deadpool_postgres::ClientWrapper) -> Result<usize, MigrateError> {
        self.lock(&client).await?;
        let mut runner = runner().map_err(|error| MigrateError::Diverged(Box::new(error)))?;
        // Migrations newer than this program are fine as long as meta says that they only expand.
        runner = runner.set_abort_missing(false);
        runner.set_migration_table_name(HISTORY);
        let existing = client
            .query_one("SELECT pg_catalog.to_regnamespace('vaultstream') IS NOT NULL AS existing", &[])
            .await
            .map_err(classify)?;
        if !existing.get::<_, bool>("existing") {
            client.batch_execute("CREATE SCHEMA IF NOT EXISTS vaultstream").await.map_err(classify)?;
        }
        let report = runner.run_async(&mut *client).await.map_err(|error| {
            // Without Postgres among its causes it is about the migrations themselves.
            match error::class(&error) {
                Some(Class::NoPermission) => no_permission(error),
                Some(class) => QueryError::inside(ACTION, class, error).into(),
                None => MigrateError::Diverged(Box::new(error)),
            }
        })?;
        client.batch_execute(&grants()).await.map_err(classify)?;
        // A pooler may keep the server's session, and with it a lock that is not released.
        client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await.map_err(classify)?;
        Ok(report.applied_migrations().len())
    }

    /// Whether the rights of this version are granted, as far as this role could change them. They are not when a program was
    /// killed after its last migration.
    async fn has_rights(&self) -> Result<bool, MigrateError> {
        let sql = "SELECT obj_description(oid, 'pg_namespace') IS NOT DISTINCT FROM $1 OR NOT pg_has_role(nspowner, 'USAGE') \
             AS granted FROM pg_namespace WHERE nspname = 'vaultstream'";
        let row = self.query_one(ACTION, sql, &[&rights_mark()]).await?;
        Ok(row.get("granted"))
    }

    /// Waits for the lock.
    async fn lock(&self, client: &deadpool_postgres::ClientWrapper) -> Result<(), MigrateError> {
        let mut waited = Duration::ZERO;
        loop {
            // Any login can take the lock. Only one that could migrate is waited for.
            let sql = "SELECT pg_try_advisory_lock($1) OR NOT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                   AND (l.classid::bigint << 32 | l.objid::bigint) = $1 \
                   AND has_database_privilege(a.usesysid, l.database, 'CREATE')) AS locked";
            let row = client.query_one(sql, &[&MIGRATION_LOCK]).await.map_err(classify)?;
            if row.get("locked") {
                return Ok(());
            }
            if waited.is_zero() {
                tracing::info!(ledger = self.place(), "another program is migrating the ledger, waiting for it");
            }
            waited += LOCK_POLL_INTERVAL;
            tokio::time::sleep(LOCK_POLL_INTERVAL).await;
        }
    }

    /// Makes sure that the role may migrate. Changes nothing.
    pub(crate) async fn check_rights(&self) -> Result<(), MigrateError> {
        let sql = "SELECT quote_ident(current_user) AS role, quote_ident(current_database()) AS database, \
             has_database_privilege(current_database(), 'CREATE') AS may_create, \
             (SELECT quote_ident(pg_get_userbyid(nspowner)) FROM pg_namespace WHERE nspname = 'vaultstream') AS owner, \
             (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = 'vaultstream') AS is_owner";
        let row = self.query_one(ACTION, sql, &[]).await?;
        let (role, database): (String, String) = (row.get("role"), row.get("database"));
        let owner: Option<String> = row.get("owner");
        match (row.get::<_, bool>("may_create"), owner, row.get::<_, Option<bool>>("is_owner")) {
            (false, None, _) => Err(MigrateError::MayNotCreate { role, database }),
            (_, Some(owner), Some(false)) => Err(MigrateError::NotOwner { role, owner }),
            _ => Ok(()),
        }
    }

    /// Makes sure that program and ledger understand each other; returns the ledger's version.
    ///
    /// # Errors
    ///
    /// `NotMigrated`, `LedgerNewer`, or that Postgres failed.
    pub async fn check_version(&self) -> Result<u32, MigrateError> {
        let knows = schema_version();
        let sql = "SELECT (SELECT coalesce(max(version), 0)::int FROM vaultstream.schema_history) AS version, \
             (SELECT least_program FROM vaultstream.meta) AS least_program";
        let row = match self.query_one("read the ledger's version", sql, &[]).await {
            Ok(row) => row,
            // Undefined table, or no such schema.
            Err(error) if matches!(error.code(), Some("42P01" | "3F000")) => {
                return Err(MigrateError::NoLedger { place: self.place().to_owned() });
            }
            Err(error) => return Err(error.into()),
        };
        let found = u32::try_from(row.get::<_, i32>("version")).unwrap_or(0);
        let needs = row.get::<_, Option<i32>>("least_program");
        let needs = needs.and_then(|least| u32::try_from(least).ok()).unwrap_or(0);
        if needs > knows {
            Err(MigrateError::LedgerNewer { needs, knows })
        } else if found < knows {
            Err(MigrateError::NotMigrated { found, needs: knows })
        } else {
            Ok(found)
        }
    }
}

fn classify(error: tokio_postgres::Error) -> MigrateError {
    match class::class_of(&error) {
        Class::NoPermission => no_permission(error),
        _ => QueryError::new(ACTION, error).into(),
    }
}

/// The server's report names the right; the layers above it add nothing.
fn no_permission(error: impl StdError + Send + Sync + 'static) -> MigrateError {
    match error::report(&error).cloned() {
        Some(report) => MigrateError::NoPermission(Box::new(report)),
        None => MigrateError::NoPermission(Box::new(error)),
    }
}
