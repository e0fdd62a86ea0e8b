//! What there is to say of tables whose new rows are noted.

use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::error::ArrivalsError;
use super::find::{Found, found};
use super::relation::named;
use super::rights::readers;
use super::state::{TableName, TriggerState};
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::queries::Queries;

const ACTION: &str = "look at the arrivals of source tables";

/// A table whose new rows are noted, or were.
#[derive(Clone, Debug)]
pub struct Status {
    /// The table, as SQL writes it.
    pub table: String,
    /// Whether new rows are noted. [`TriggerState::Missing`] also when the arrivals table is gone, and inserts fail.
    pub trigger: TriggerState,
    /// The key's columns, by their present names; none where the trigger is missing.
    pub key: Vec<String>,
    /// What they were called when the trigger was made, where that is something else: inserts fail since.
    pub renamed_from: Option<Vec<String>>,
    /// Rows that wait to be planned; `None` when the login may not read them.
    pub waiting: Option<i64>,
    /// How long the oldest of them has waited.
    pub oldest: Option<Duration>,
    /// Roles that may read and delete arrivals, beside the owner.
    pub readers: Vec<String>,
    /// The job that follows.
    pub follower: Option<Follower>,
}

/// A job that follows a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// The job's uid.
    pub job: Uuid,
    /// Since when.
    pub since: SystemTime,
}

/// The table of this name, or all tables of the database whose new rows are noted, by name.
///
/// # Errors
///
/// See [`ArrivalsError`].
pub async fn status(ledger: &Ledger, table: Option<&TableName>) -> Result<Vec<Status>, ArrivalsError> {
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Ok(Vec::new()) };
    let queries = Queries::over(client, ACTION);
    let tables = match table {
        Some(name) => {
            let table = named(&queries, name).await?;
            vec![(table.oid, table.shown)]
        }
        None => all(&queries).await?,
    };
    let mut told = Vec::with_capacity(tables.len());
    for (oid, shown) in tables {
        match (found(client, oid).await?, table) {
            (Some(found), _) => told.push(of_table(&queries, shown, found).await?),
            (None, Some(_)) => return Err(ArrivalsError::NotEnabled { table: shown }),
            (None, None) => {}
        }
    }
    session.settle();
    Ok(told)
}

/// Tables with a trigger, and those that have lost it.
async fn all(queries: &Queries<'_>) -> Result<Vec<(u32, String)>, QueryError> {
    let sql = "SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS shown FROM pg_class c \
           JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN ( \
             SELECT t.tgrelid FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgparentid = 0 \
               AND t.tgname IN ('vaultstream_arrivals', 'vaultstream_changed_keys') AND p.proname ~ '^vaultstream_note_[0-9]+$' \
             UNION SELECT s.oid FROM pg_class a JOIN pg_class s ON s.oid::text = substr(a.relname, 22) \
               AND s.relnamespace = a.relnamespace WHERE a.relname ~ '^vaultstream_arrivals_[0-9]+$' AND a.relkind = 'r' \
               AND s.relkind IN ('r', 'p')) ORDER BY 2";
    let rows = queries.query(sql, &[]).await?;
    Ok(rows.iter().map(|row| (row.get("oid"), row.get("shown"))).collect())
}

async fn of_table(queries: &Queries<'_>, table: String, found: Found) -> Result<Status, QueryError> {
    let (mut waiting, mut oldest, mut job) = (None, None, None);
    if found.oid.is_some() && may_read(queries, &found.arrivals_table()).await? {
        let (rows, age) = count(queries, &found).await?;
        (waiting, oldest) = (Some(rows), age);
    }
    if found.has_follower && may_read(queries, &found.follower_table()).await? {
        job = follower(queries, &found).await?;
    }
    let trigger = if found.oid.is_some() { found.trigger } else { TriggerState::Missing };
    let is_renamed = !found.columns_now.is_empty() && found.columns != found.columns_now;
    let readers = readers(queries, &found).await?;
    let key = if found.columns_now.is_empty() { found.columns.clone() } else { found.columns_now };
    let renamed_from = is_renamed.then_some(found.columns);
    Ok(Status { table, trigger, key, renamed_from, waiting, oldest, readers, follower: job })
}

async fn may_read(queries: &Queries<'_>, table: &str) -> Result<bool, QueryError> {
    let sql = "SELECT has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(c.relnamespace, 'USAGE') FROM pg_class c \
         WHERE c.oid = (SELECT x.oid FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace \
                         WHERE quote_ident(n.nspname) || '.' || x.relname = $1)";
    Ok(queries.query_opt(sql, &[&table]).await?.is_some_and(|row| row.get(0)))
}

/// How many arrivals wait, and for how long the oldest one has.
pub(super) async fn count(queries: &Queries<'_>, found: &Found) -> Result<(i64, Option<Duration>), QueryError> {
    let sql = format!(
        "SELECT count(*) AS waiting, extract(epoch FROM clock_timestamp() - min(arrived_at))::float8 AS oldest FROM ONLY {}",
        found.arrivals_table()
    );
    let row = queries.query_one(&sql, &[]).await?;
    let oldest: Option<f64> = row.get("oldest");
    Ok((row.get("waiting"), oldest.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or_default())))
}

/// The job that follows.
pub(super) async fn follower(queries: &Queries<'_>, found: &Found) -> Result<Option<Follower>, QueryError> {
    let sql = format!("SELECT job, since FROM ONLY {}", found.follower_table());
    let row = queries.query_opt(&sql, &[]).await?;
    Ok(row.map(|row| Follower { job: row.get("job"), since: row.get("since") }))
}
