//! Where arrivals of a table are.

use tokio_postgres::Client;

use crate::error::QueryError;
use crate::queries::Queries;

/// Where arrivals of a table are, as the catalog says now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// The arrivals table.
    pub oid: u32,
    /// Its name, quoted and with its schema.
    pub table: String,
    /// The table of the one job that follows, likewise.
    pub follower: String,
    /// The key's columns.
    pub columns: Vec<String>,
    /// What the trigger does.
    pub trigger: TriggerState,
}

/// What a table's trigger does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerState {
    /// It fires.
    Enabled,
    /// It does not fire.
    Disabled,
    /// It fires for replicas only.
    ReplicaOnly,
    /// There is none.
    Missing,
}

pub(crate) async fn find(client: &Client, schema: &str, table: &str) -> Result<Option<Arrivals>, QueryError> {
    let sql = "SELECT a.oid, quote_ident(n.nspname) || '.' || quote_ident(a.relname) AS arrivals, \
        quote_ident(n.nspname) || '.' || quote_ident('vaultstream_follower_' || c.oid) AS follower, t.tgenabled::text AS enabled, \
        ARRAY(SELECT col_description(a.oid, g) FROM generate_series(3, (SELECT count(*)::int FROM pg_attribute WHERE attrelid = a.oid AND attnum > 0)) g ORDER BY g) AS columns \
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class a ON a.relnamespace = n.oid AND a.relname = 'vaultstream_arrivals_' || c.oid \
        LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'vaultstream_arrivals' WHERE n.nspname = $1 AND c.relname = $2";
    let row = Queries::over(client, "look for the table's trigger").query_opt(sql, &[&schema, &table]).await?;
    Ok(row.map(|row| Arrivals {
        oid: row.get("oid"),
        table: row.get("arrivals"),
        follower: row.get("follower"),
        columns: row.get("columns"),
        trigger: match row.get::<_, Option<&str>>("enabled") {
            Some("O" | "A") => TriggerState::Enabled,
            Some("R") => TriggerState::ReplicaOnly,
            Some(_) => TriggerState::Disabled,
            None => TriggerState::Missing,
        },
    }))
}
