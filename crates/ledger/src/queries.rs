//! Requests to Postgres. Each says what it is for, so that its failure does, too.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, SimpleQueryMessage};

use crate::connection::Ledger;
use crate::error::QueryError;

/// The parameters of a statement.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Requests over one connection, inside or outside of a transaction, all for the same purpose.
pub(crate) struct Queries<'a> {
    client: &'a Client,
    action: &'a str,
}

impl<'a> Queries<'a> {
    /// `action` completes the sentence "failed to …".
    pub(crate) fn over(client: &'a Client, action: &'a str) -> Self {
        Self { client, action }
    }

    /// The connection itself, for what has an error of its own.
    pub(crate) fn client(&self) -> &'a Client {
        self.client
    }

    /// All rows.
    pub(crate) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, QueryError> {
        self.client.query(sql, params).await.map_err(|error| self.failed(error))
    }

    /// The only row.
    pub(crate) async fn query_one(&self, sql: &str, params: Params<'_>) -> Result<Row, QueryError> {
        self.client.query_one(sql, params).await.map_err(|error| self.failed(error))
    }

    /// The only row, or `None`.
    pub(crate) async fn query_opt(&self, sql: &str, params: Params<'_>) -> Result<Option<Row>, QueryError> {
        self.client.query_opt(sql, params).await.map_err(|error| self.failed(error))
    }

    /// The number of rows that were changed.
    pub(crate) async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64, QueryError> {
        self.client.execute(sql, params).await.map_err(|error| self.failed(error))
    }

    /// Several statements without parameters, in one round trip.
    pub(crate) async fn batch(&self, sql: &str) -> Result<(), QueryError> {
        self.client.batch_execute(sql).await.map_err(|error| self.failed(error))
    }

    /// The same, with their rows as text.
    pub(crate) async fn simple(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, QueryError> {
        self.client.simple_query(sql).await.map_err(|error| self.failed(error))
    }

    /// A failure of the driver, as one of these requests.
    pub(crate) fn failed(&self, error: Error) -> QueryError {
        QueryError::new(self.action, error)
    }
}

/// One request each, over a connection of the pool.
impl Ledger {
    pub(crate) async fn query(&self, action: &str, sql: &str, params: Params<'_>) -> Result<Vec<Row>, QueryError> {
        Queries::over(&*self.client(action).await?, action).query(sql, params).await
    }

    pub(crate) async fn query_one(&self, action: &str, sql: &str, params: Params<'_>) -> Result<Row, QueryError> {
        Queries::over(&*self.client(action).await?, action).query_one(sql, params).await
    }

    pub(crate) async fn query_opt(
        &self,
        action: &str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>, QueryError> {
        Queries::over(&*self.client(action).await?, action).query_opt(sql, params).await
    }

    /// For statements that are always the same and frequent: the connection keeps them prepared.
    pub(crate) async fn query_prepared(
        &self,
        action: &str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, QueryError> {
        let client = self.client(action).await?;
        let failed = |error| QueryError::new(action, error);
        let statement = client.prepare_cached(sql).await.map_err(failed)?;
        client.query(&statement, params).await.map_err(failed)
    }

    pub(crate) async fn execute(&self, action: &str, sql: &str, params: Params<'_>) -> Result<u64, QueryError> {
        Queries::over(&*self.client(action).await?, action).execute(sql, params).await
    }

    pub(crate) async fn batch(&self, action: &str, sql: &str) -> Result<(), QueryError> {
        Queries::over(&*self.client(action).await?, action).batch(sql).await
    }
}
