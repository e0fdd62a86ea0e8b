//! A column of a job's row.

use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::QueryError;

/// What is done when one cannot be read.
pub(super) const READ: &str = "read a job";

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, QueryError> {
    row.try_get(column).map_err(|error| QueryError::new(READ, error))
}
