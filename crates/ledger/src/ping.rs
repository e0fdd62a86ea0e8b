//! Whether the server is there and since when, and having it write its memory back.

use std::time::SystemTime;

use crate::connection::Ledger;
use crate::error::QueryError;

impl Ledger {
    /// One cheap round trip.
    ///
    /// # Errors
    ///
    /// When the server does not answer.
    pub async fn ping(&self) -> Result<(), QueryError> {
        self.batch("reach the ledger", "SELECT 1").await
    }

    /// When the server started: another time after a restart, and when another server has taken its place.
    ///
    /// # Errors
    ///
    /// When Postgres fails.
    pub async fn server_started(&self) -> Result<SystemTime, QueryError> {
        Ok(self.query_one("ask when the server started", "SELECT pg_postmaster_start_time()", &[]).await?.get(0))
    }

    /// Has the server write back what it holds in memory; needs the rights of `pg_checkpoint`.
    ///
    /// # Errors
    ///
    /// When Postgres fails or the role may not.
    pub async fn checkpoint(&self) -> Result<(), QueryError> {
        self.batch("checkpoint the database", "CHECKPOINT").await
    }
}
