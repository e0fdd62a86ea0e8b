//! Whether the server is there, and having it write its memory back.

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

    /// Has the server write back what it holds in memory; needs the rights of `pg_checkpoint`.
    ///
    /// # Errors
    ///
    /// When Postgres fails or the role may not.
    pub async fn checkpoint(&self) -> Result<(), QueryError> {
        self.batch("checkpoint the database", "CHECKPOINT").await
    }
}
