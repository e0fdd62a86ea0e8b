//! Whether the server is there, and having it write its memory back.

use std::time::Duration;

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

    /// One cheap round trip to the database of the tables that are signed.
    ///
    /// # Errors
    ///
    /// When its server does not answer, or refuses the login.
    pub async fn ping_source(&self) -> Result<(), QueryError> {
        self.source.ping().await
    }

    /// The same, waiting up to `patience` for a server that is down.
    ///
    /// # Errors
    ///
    /// As [`Ledger::ping_source`].
    pub async fn reach_source(&self, patience: Duration) -> Result<(), QueryError> {
        self.source.reach(patience).await
    }

    /// Whether tables are read with another login than the ledger's, perhaps on another server.
    #[must_use]
    pub fn has_another_source(&self) -> bool {
        self.source.is_another
    }

    /// The host and the database of the tables that are signed, for messages. Never holds a secret.
    #[must_use]
    pub fn source_place(&self) -> &str {
        self.source.place()
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
