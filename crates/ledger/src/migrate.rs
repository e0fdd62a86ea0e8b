//! Bringing the schema up to date, and refusing to work with one that is too old or too new.

use std::error::Error as StdError;
use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::error::SqlState;

use crate::class::{self, Class, Verdict};
use crate::connect::Ledger;
use crate::error::QueryError;

mod embedded {
    #![allow(missing_docs, unreachable_pub, reason = "generated")]
    refinery::embed_migrations!("../../migrations");
}

const HISTORY: &str = "vaultstream.schema_history";

/// One program at a time migrates a database; the lock is the database's, not the server's.
const MIGRATION_LOCK: i64 = 0x5653_4d49_4752_4154;

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
    /// A newer program has migrated it in a way that this one does not understand.
    #[error(
        "the ledger needs a program of schema version {needs} or later, this one knows {knows}: use a newer vaultstream"
    )]
    LedgerNewer {
        /// Least version it accepts.
        needs: u32,
        /// Newest version this program knows.
        knows: u32,
    },
    /// No ledger here, or one older than this program needs.
    #[error("the ledger is at schema version {found}, this program needs {needs}: run `vaultstream migrate`")]
    NotMigrated {
        /// Its version; 0 when there is none.
        found: u32,
        /// Version this program needs.
        needs: u32,
    },
    /// The role may not create the schema or what is in it.
    #[error(
        "no permission to migrate the ledger: the role needs CREATE on the database, or an owner of schema vaultstream has to run `vaultstream migrate`"
    )]
    NoPermission(#[source] Box<dyn StdError + Send + Sync>),
    /// The schema is there and is not this program's, or was changed by hand.
    #[error("the ledger's migrations are not the ones of this program")]
    Diverged(#[source] Box<dyn StdError + Send + Sync>),
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl MigrateError {
    /// What to do about it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::LedgerNewer { .. } | Self::NotMigrated { .. } | Self::NoPermission(_) => Verdict::Refused,
            Self::Diverged(_) => Verdict::Wrong,
            Self::Query(error) => error.verdict(),
        }
    }
}

/// The newest schema version that this program knows, and needs.
#[must_use]
pub fn schema_version() -> u32 {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|m| u32::try_from(m.version()).unwrap_or(0))
        .max()
        .unwrap_or(0)
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
            Ok(version) => return Ok(Migrated { version, applied: 0 }),
            Err(MigrateError::NotMigrated { .. }) => {}
            Err(error) => return Err(error),
        }
        // Closed afterwards, whatever happens: that is what surely gives up the lock.
        let client = Object::take(self.client("migrate the ledger").await?);
        self.migrate_with(client).await
    }

    async fn migrate_with(&self, mut client: deadpool_postgres::ClientWrapper) -> Result<Migrated, MigrateError> {
        client.batch_execute("SET client_min_messages = notice").await.map_err(classify)?;
        let mut waited = Duration::ZERO;
        loop {
            let row =
                client.query_one("SELECT pg_try_advisory_lock($1)", &[&MIGRATION_LOCK]).await.map_err(classify)?;
            if row.get(0) {
                break;
            }
            if waited.is_zero() {
                tracing::info!(ledger = self.place(), "another program is migrating the ledger, waiting for it");
            }
            waited += Duration::from_millis(100);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut runner = embedded::migrations::runner();
        // Migrations newer than this program are fine as long as meta says that they only expand.
        runner = runner.set_abort_missing(false);
        runner.set_migration_table_name(HISTORY);
        let existing = client
            .query_one("SELECT pg_catalog.to_regnamespace('vaultstream') IS NOT NULL", &[])
            .await
            .map_err(classify)?;
        if !existing.get::<_, bool>(0) {
            client.batch_execute("CREATE SCHEMA IF NOT EXISTS vaultstream").await.map_err(classify)?;
        }
        let report = runner.run_async(&mut *client).await.map_err(|error| {
            // Without Postgres among its causes it is about the migrations themselves.
            match class::class(&error) {
                Some(Class::NoPermission) => MigrateError::NoPermission(Box::new(error)),
                Some(class) => QueryError::inside("migrate the ledger", class, error).into(),
                None => MigrateError::Diverged(Box::new(error)),
            }
        })?;
        client
            .batch_execute("SELECT vaultstream.make_roles(); SELECT vaultstream.grant_worker()")
            .await
            .map_err(classify)?;
        drop(client);
        let version = self.check_version().await?;
        Ok(Migrated { version, applied: report.applied_migrations().len() })
    }

    /// Makes sure that program and ledger understand each other; answers the ledger's version.
    ///
    /// # Errors
    ///
    /// `NotMigrated`, `LedgerNewer`, or that Postgres failed.
    pub async fn check_version(&self) -> Result<u32, MigrateError> {
        const ACTION: &str = "read the ledger's version";
        let knows = schema_version();
        let client = self.client(ACTION).await?;
        let answer = client
            .query_one(
                "SELECT (SELECT coalesce(max(version), 0)::int FROM vaultstream.schema_history), \
                 (SELECT least_program FROM vaultstream.meta)",
                &[],
            )
            .await;
        let row = match answer {
            Ok(row) => row,
            Err(error) if matches!(error.code(), Some(&SqlState::UNDEFINED_TABLE | &SqlState::INVALID_SCHEMA_NAME)) => {
                return Err(MigrateError::NotMigrated { found: 0, needs: knows });
            }
            Err(error) => return Err(QueryError::new(ACTION, error).into()),
        };
        let found = u32::try_from(row.get::<_, i32>(0)).unwrap_or(0);
        let needs = row.get::<_, Option<i32>>(1).and_then(|least| u32::try_from(least).ok()).unwrap_or(0);
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
    let error = QueryError::new("migrate the ledger", error);
    if error.class() == Class::NoPermission { MigrateError::NoPermission(Box::new(error)) } else { error.into() }
}
