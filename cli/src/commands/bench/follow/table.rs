//! The table that grows.

use std::time::Duration;

use rand::Rng as _;
use tokio_postgres::Client;
use vaultstream_ledger::arrivals::{self, ArrivalsError, Enable, TableName};

use crate::{environment::Environment, error::Failure};

/// Where the table is.
const SCHEMA: &str = "vaultstream_bench";
/// What it is called there.
const NAME: &str = "orders";

/// How long the trigger waits for the end of what writes to the table.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

/// A table in a schema of its own, and what notes its new rows.
pub(super) struct BenchTable<'a> {
    environment: &'a Environment,
    sql: Client,
}

impl<'a> BenchTable<'a> {
    /// Makes the schema.
    ///
    /// # Errors
    /// Also when a schema of that name exists: only the user can say whether it may be dropped.
    pub(super) async fn make(environment: &'a Environment) -> Result<Self, Failure> {
        let sql = environment.session().await?;
        let taken = sql.query("SELECT FROM pg_namespace WHERE nspname = $1", &[&SCHEMA]).await.map_err(failed)?;
        if !taken.is_empty() {
            return Err(Failure::bad_input(format!(
                "the schema {SCHEMA} is there already, perhaps of a benchmark that was killed: DROP SCHEMA {SCHEMA} CASCADE removes it"
            )));
        }
        sql.batch_execute(&format!("CREATE SCHEMA {SCHEMA}")).await.map_err(failed)?;
        Ok(Self { environment, sql })
    }

    /// Makes the table anew, empty, with or without the trigger, and has the server write to disk what came before.
    pub(super) async fn renew(&self, with_trigger: bool) -> Result<(), Failure> {
        let sql = format!(
            "DROP TABLE IF EXISTS {SCHEMA}.{NAME}; CREATE TABLE {SCHEMA}.{NAME} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), \
               placed timestamptz NOT NULL DEFAULT clock_timestamp(), doc bytea NOT NULL)"
        );
        self.unfollow().await?;
        self.sql.batch_execute(&sql).await.map_err(failed)?;
        if with_trigger {
            let wish = Enable { table: Self::name(), key: None, readers: Vec::new(), lock_timeout: LOCK_TIMEOUT };
            let enabled = arrivals::enable(&self.environment.ledger, &wish).await;
            enabled.map_err(|error| Failure::of(&error))?;
        }
        self.environment.ledger.checkpoint().await.map_err(|error| Failure::of(&error))
    }

    /// Removes the trigger with its tables, if it is there.
    async fn unfollow(&self) -> Result<(), Failure> {
        let there = self.sql.query("SELECT FROM pg_tables WHERE (schemaname, tablename) = ($1, $2)", &[&SCHEMA, &NAME]);
        if there.await.map_err(failed)?.is_empty() {
            return Ok(());
        }
        match arrivals::disable(&self.environment.ledger, &Self::name(), true, LOCK_TIMEOUT).await {
            Ok(_) | Err(ArrivalsError::NotEnabled { .. }) => Ok(()),
            Err(error) => Err(Failure::of(&error)),
        }
    }

    /// Removes everything.
    pub(super) async fn remove(&self) -> Result<(), Failure> {
        self.sql.batch_execute(&format!("DROP SCHEMA {SCHEMA} CASCADE")).await.map_err(failed)
    }

    fn name() -> TableName {
        TableName { schema: SCHEMA.to_owned(), name: NAME.to_owned() }
    }

    /// The table as a manifest names it.
    pub(super) fn source() -> serde_json::Value {
        serde_json::json!({"table": {"schema": SCHEMA, "name": NAME, "columns": ["id", "placed", "doc"]}})
    }

    /// The table as SQL names it.
    pub(super) fn sql_name() -> String {
        format!("{SCHEMA}.{NAME}")
    }

    /// A session, for statements that are not timed.
    pub(super) fn sql(&self) -> &Client {
        &self.sql
    }

    /// Sessions for those who insert.
    pub(super) async fn sessions(&self, number: usize) -> Result<Vec<Client>, Failure> {
        let mut sessions = Vec::with_capacity(number);
        for _ in 0..number {
            sessions.push(self.environment.session().await?);
        }
        Ok(sessions)
    }
}

/// A row's document.
pub(super) fn document(bytes: u32) -> Vec<u8> {
    let mut document = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    rand::rng().fill_bytes(&mut document);
    document
}

/// A statement of the benchmark failed.
pub(super) fn failed(error: tokio_postgres::Error) -> Failure {
    Failure::of(&error)
}
