//! One COPY … TO STDOUT, its rows shown as they come.

use std::pin::pin;

use deadpool_postgres::ClientWrapper;
use futures_util::{StreamExt, future};
use vaultstream_signing::copy::{CopyError, Rows};

use crate::error::QueryError;

/// Why records or signatures could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What was to be read is gone, or may not be read: the job was deleted, its table dropped, a grant revoked.
    #[error("the job's records or signatures are gone, or cannot be read by this role")]
    Gone(#[source] QueryError),
    /// What came is not what was asked for.
    #[error("the database sent rows that were not asked for")]
    Copy(#[from] CopyError),
    /// Rows came out of order or outside the ranges.
    #[error("the database sent row {0} out of order")]
    OutOfOrder(i64),
    /// Postgres failed.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl From<tokio_postgres::Error> for ReadError {
    fn from(error: tokio_postgres::Error) -> Self {
        let error = QueryError::new("read records", error);
        match error.code() {
            // Undefined table, column or schema; no permission; no such role.
            Some("42P01" | "42703" | "3F000" | "42501" | "22023") => Self::Gone(error),
            _ => Self::Query(error),
        }
    }
}

/// Runs one COPY … TO STDOUT BINARY in a transaction that makes the planner walk an index. `before` are statements for
/// that transaction. BEGIN and the COPY are sent without waiting for each other.
pub(crate) async fn copy_out<const N: usize, E: From<ReadError> + From<CopyError>>(
    client: &ClientWrapper,
    before: &str,
    query: &str,
    mut visit: impl FnMut([Option<&[u8]>; N]) -> Result<(), E>,
) -> Result<(), E> {
    let begin = format!("BEGIN READ ONLY; {before}SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off");
    let copy = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let (begun, stream) = future::join(client.batch_execute(&begin), client.copy_out(&copy)).await;
    begun.map_err(ReadError::from)?;
    let mut stream = pin!(stream.map_err(ReadError::from)?);
    let mut rows = Rows::<N>::new();
    while let Some(message) = stream.next().await {
        rows.feed(&message.map_err(ReadError::from)?, &mut visit)?;
    }
    rows.finish()?;
    client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
    Ok(())
}
