//! Whether somebody's table can be signed: what is there, what type it is, and whether its key is one.

use deadpool_postgres::Transaction;
use vaultstream_api::TableSource;

use crate::error::QueryError;

/// Why a table cannot be signed. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Schemas that no job may read.
    #[error("spec.source.table.schema: tables of schema {0} cannot be signed, choose one of your own")]
    ReservedSchema(String),
    /// Missing or not granted: which of the two is not said.
    #[error(
        "spec.source.table: table {table} does not exist or {reader} may not read it: create it, or GRANT USAGE on its schema and SELECT on it to {reader}"
    )]
    NoTable {
        /// Qualified name.
        table: String,
        /// Who reads.
        reader: String,
    },
    /// Missing or not granted.
    #[error(
        "spec.source.table.{member}: column {column} of table {table} does not exist or {reader} may not read it: name another, or GRANT SELECT on it to {reader}"
    )]
    NoColumn {
        /// `key` or `payload`.
        member: &'static str,
        /// The column.
        column: String,
        /// Qualified name.
        table: String,
        /// Who reads.
        reader: String,
    },
    /// A view, a foreign table and the like.
    #[error("spec.source.table.name: {table} is not a table: only ordinary and partitioned tables can be signed")]
    NotATable {
        /// Qualified name.
        table: String,
    },
    /// The key is no integer.
    #[error("spec.source.table.key: column {column} is of type {found}: it has to be smallint, integer or bigint")]
    KeyType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// The payload is of a type that has no bytes of its own.
    #[error(
        "spec.source.table.payload: column {column} is of type {found}: it has to be bytea, text, varchar, json, jsonb or uuid"
    )]
    PayloadType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
    /// The key may be NULL.
    #[error(
        "spec.source.table.key: column {column} may be NULL: ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"
    )]
    KeyNullable {
        /// The column.
        column: String,
        /// Qualified name.
        table: String,
    },
    /// Two rows may have the same key.
    #[error(
        "spec.source.table.key: column {column} has no valid unique index on it alone, without a condition: CREATE UNIQUE INDEX ON {table} ({column})"
    )]
    KeyNotUnique {
        /// The column.
        column: String,
        /// Qualified name.
        table: String,
    },
    /// Rows would be hidden from us.
    #[error(
        "spec.source.table: row-level security hides rows of {table} from {reader}: grant BYPASSRLS to {reader}, or disable it"
    )]
    RowSecurity {
        /// Qualified name.
        table: String,
        /// Who reads.
        reader: String,
    },
    /// More batches than a job may have.
    #[error("spec.batchSize: the table needs more than {most} batches of {size} rows: choose a larger batchSize")]
    TooManyBatches {
        /// Most batches of a job.
        most: i64,
        /// The batch size.
        size: u32,
    },
    /// The server.
    #[error(transparent)]
    Query(#[from] QueryError),
}

const ACTION: &str = "look at the source table";

fn failed(error: tokio_postgres::Error) -> SourceError {
    QueryError::new(ACTION, error).into()
}

/// Checks the table with the rights of the session's present role; answers the type of the payload's column.
pub(super) async fn check(tx: &Transaction<'_>, source: &TableSource) -> Result<String, SourceError> {
    let TableSource { schema, name, key, payload } = source;
    let lower = schema.to_ascii_lowercase();
    if lower == "vaultstream" || lower == "information_schema" || lower.starts_with("pg_") {
        return Err(SourceError::ReservedSchema(schema.clone()));
    }
    let table = format!("{schema}.{name}");
    let reader: String = tx.query_one("SELECT current_user::text", &[]).await.map_err(failed)?.get(0);
    let found = tx
        .query_opt(
            "SELECT c.oid, c.relkind::text, row_security_active(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1 AND c.relname = $2 AND has_schema_privilege(n.oid, 'USAGE') \
               AND has_any_column_privilege(c.oid, 'SELECT')",
            &[schema, name],
        )
        .await
        .map_err(failed)?;
    let Some(found) = found else { return Err(SourceError::NoTable { table, reader }) };
    let (oid, kind): (u32, &str) = (found.get(0), found.get(1));
    if kind != "r" && kind != "p" {
        return Err(SourceError::NotATable { table });
    }
    let key_column = column(tx, oid, "key", key, &table, &reader).await?;
    let payload_column = column(tx, oid, "payload", payload, &table, &reader).await?;
    if !matches!(key_column.type_name.as_str(), "int2" | "int4" | "int8") {
        return Err(SourceError::KeyType { column: key.clone(), found: key_column.shown });
    }
    if !matches!(payload_column.type_name.as_str(), "bytea" | "text" | "varchar" | "json" | "jsonb" | "uuid") {
        return Err(SourceError::PayloadType { column: payload.clone(), found: payload_column.shown });
    }
    if !key_column.not_null {
        return Err(SourceError::KeyNullable { column: key.clone(), table });
    }
    let unique = tx
        .query_opt(
            "SELECT 1 FROM pg_index WHERE indrelid = $1 AND indisunique AND indisvalid AND indislive \
               AND indpred IS NULL AND indnkeyatts = 1 AND indkey[0] = $2 LIMIT 1",
            &[&oid, &key_column.number],
        )
        .await
        .map_err(failed)?;
    if unique.is_none() {
        return Err(SourceError::KeyNotUnique { column: key.clone(), table });
    }
    if found.get(2) {
        return Err(SourceError::RowSecurity { table, reader });
    }
    Ok(payload_column.type_name)
}

struct Column {
    number: i16,
    type_name: String,
    /// As SQL writes it.
    shown: String,
    not_null: bool,
}

async fn column(
    tx: &Transaction<'_>,
    table_oid: u32,
    member: &'static str,
    name: &str,
    table: &str,
    reader: &str,
) -> Result<Column, SourceError> {
    let row = tx
        .query_opt(
            "SELECT a.attnum, t.typname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull \
             FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid \
             WHERE a.attrelid = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped \
               AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')",
            &[&table_oid, &name],
        )
        .await
        .map_err(failed)?;
    match row {
        Some(row) => Ok(Column { number: row.get(0), type_name: row.get(1), shown: row.get(2), not_null: row.get(3) }),
        None => Err(SourceError::NoColumn {
            member,
            column: name.to_owned(),
            table: table.to_owned(),
            reader: reader.to_owned(),
        }),
    }
}
