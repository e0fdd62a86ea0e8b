//! One COPY … TO STDOUT, whose rows are passed on as they come.

use std::pin::pin;

use futures_util::{StreamExt, future};
use tokio_postgres::{Client, CopyOutStream, Statement};

use crate::copy::{CopyError, Rows};
use crate::error::QueryError;
use crate::source::SourceError;

const ACTION: &str = "read records";

/// Settings of a transaction that make the planner walk an index, whatever its statistics say.
pub(crate) const INDEX_ONLY: &str =
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off";

/// Why records or signatures could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The rows are gone, or may not be read: the job was deleted, its table dropped, a grant revoked.
    #[error("the job's records or signatures are gone, or cannot be read by this role")]
    Gone(#[source] QueryError),
    /// The source table is not what it was when the job was planned.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The server sent something else than the rows that were asked for.
    #[error("the database sent rows that were not asked for")]
    Copy(#[from] CopyError),
    /// Rows came out of order or outside the ranges.
    #[error("the database sent row {0} out of order")]
    OutOfOrder(i64),
    /// The ledger is damaged.
    #[error("the ledger lacks keys of the job's rows: it is damaged")]
    NoKeys,
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl From<tokio_postgres::Error> for ReadError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::from_query(QueryError::new(ACTION, error))
    }
}

impl ReadError {
    /// Tells a table that is gone or may not be read from other failures.
    pub(crate) fn from_query(error: QueryError) -> Self {
        match error.code() {
            // Undefined table, column or schema; no permission.
            Some("42P01" | "42703" | "3F000" | "42501") => Self::Gone(error),
            _ => Self::Query(error),
        }
    }

    /// As a failure of the request.
    pub(crate) fn into_query(self) -> QueryError {
        match self {
            Self::Gone(error) | Self::Query(error) => error,
            other => QueryError::other(ACTION, other),
        }
    }
}

/// Runs one COPY … TO STDOUT BINARY in a transaction that makes the planner walk an index. `before` are statements for
/// that transaction.
pub(crate) async fn copy_out<const N: usize, E: From<ReadError> + From<CopyError>>(
    client: &Client,
    before: &str,
    query: &str,
    visit: impl FnMut([Option<&[u8]>; N]) -> Result<(), E>,
) -> Result<(), E> {
    let begin = format!("BEGIN READ ONLY; {before}{INDEX_ONLY}");
    let (begun, stream) = future::join(client.batch_execute(&begin), self::begin(client, query)).await;
    begun.map_err(ReadError::from)?;
    show(stream.map_err(ReadError::from)?, visit).await?;
    client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
    Ok(())
}

/// Runs one COPY … TO STDOUT BINARY in the present transaction.
pub(crate) async fn stream<const N: usize, E: From<ReadError> + From<CopyError>>(
    client: &Client,
    query: &str,
    visit: impl FnMut([Option<&[u8]>; N]) -> Result<(), E>,
) -> Result<(), E> {
    show(begin(client, query).await.map_err(ReadError::from)?, visit).await
}

/// Begins one; [`show`] has to follow.
pub(crate) async fn begin(client: &Client, query: &str) -> Result<CopyOutStream, tokio_postgres::Error> {
    client.copy_out(&statement(query)).await
}

/// The first half of beginning one: the server knows the statement, and has run and planned nothing of it yet.
pub(crate) async fn prepare(client: &Client, query: &str) -> Result<Statement, tokio_postgres::Error> {
    client.prepare(&statement(query)).await
}

/// The second half.
pub(crate) async fn begin_prepared(
    client: &Client,
    prepared: &Statement,
) -> Result<CopyOutStream, tokio_postgres::Error> {
    client.copy_out(prepared).await
}

fn statement(query: &str) -> String {
    format!("COPY ({query}) TO STDOUT (FORMAT binary)")
}

/// Passes the rows of one that was begun to `visit`.
pub(crate) async fn show<const N: usize, E: From<ReadError> + From<CopyError>>(
    stream: CopyOutStream,
    mut visit: impl FnMut([Option<&[u8]>; N]) -> Result<(), E>,
) -> Result<(), E> {
    let mut stream = pin!(stream);
    let mut rows = Rows::<N>::new();
    while let Some(message) = stream.next().await {
        rows.feed(&message.map_err(ReadError::from)?, &mut visit)?;
    }
    Ok(rows.finish()?)
}
