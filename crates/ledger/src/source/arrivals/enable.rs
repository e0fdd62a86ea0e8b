//! Making what notes new rows of a table.

use std::time::Duration;

use super::error::ArrivalsError;
use super::find::{Found, found};
use super::lock::{Mode, begin, end, lock};
use super::make::{KeyColumn, Made, unmade};
use super::relation::{Relation, relation};
use super::rights::{become_owner, check, close, grant, readers};
use super::state::TableName;
use crate::connection::Ledger;
use crate::queries::Queries;

const ACTION: &str = "have new rows of the source table noted";

/// What is wished.
#[derive(Clone, Debug)]
pub struct Enable {
    /// The table.
    pub table: TableName,
    /// The key's columns. Default: the ones that it has been followed by, else the primary key.
    pub key: Option<Vec<String>>,
    /// Roles that may read and delete arrivals, beside those that may already.
    pub readers: Vec<String>,
    /// How long to wait for transactions that use the table.
    pub lock_timeout: Duration,
}

/// What is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enabled {
    /// The table, as SQL writes it.
    pub table: String,
    /// Its owner, as SQL writes it.
    pub owner: String,
    /// The key's columns.
    pub key: Vec<String>,
    /// Roles that may read and delete arrivals, beside the owner.
    pub readers: Vec<String>,
    /// What was done for that.
    pub outcome: Outcome,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// New rows were not noted before.
    Made,
    /// All was there and in use; at most readers were added.
    Kept,
    /// Something was missing, disabled or of another name. The arrivals table is another one, by which a job that follows knows that it has to
    /// look through the whole table for rows that were not noted.
    MadeAnew,
}

/// Has new rows of a table noted from now on. All or nothing. Waits for the transactions that have written to it.
///
/// # Errors
///
/// See [`ArrivalsError`].
pub async fn enable(ledger: &Ledger, wish: &Enable) -> Result<Enabled, ArrivalsError> {
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Err(ArrivalsError::Standby) };
    let queries = Queries::over(client, ACTION);
    begin(&queries, wish.lock_timeout).await?;
    let enabled = end(&queries, inside(&queries, wish).await).await;
    if enabled.is_ok() {
        session.settle();
    }
    enabled
}

async fn inside(queries: &Queries<'_>, wish: &Enable) -> Result<Enabled, ArrivalsError> {
    let table = relation(queries, &wish.table).await?;
    table.can_have_triggers()?;
    become_owner(queries, &table).await?;
    check(queries, &table.schema, &wish.readers).await?;
    let before = found(queries.client(), table.oid).await?;
    // What is to be dropped is locked as for that from the beginning: two sessions that want more than they have would wait for each other.
    let mode = if before.as_ref().is_some_and(|found| !found.is_whole()) { Mode::All } else { Mode::Writers };
    if !before.as_ref().is_some_and(Found::is_whole) {
        lock(queries, &table, mode, wish.lock_timeout).await?;
    }
    // What was seen before the lock may be another table by now.
    let again = relation(queries, &wish.table).await?;
    again.can_have_triggers()?;
    let there = found(queries.client(), again.oid).await?;
    let key = key(queries, &again, wish, there.as_ref()).await?;
    let outcome = match &there {
        Some(found) if found.is_whole() => Outcome::Kept,
        Some(_) => Outcome::MadeAnew,
        None => Outcome::Made,
    };
    let names = there.unwrap_or_else(|| again.names());
    if outcome != Outcome::Kept {
        make(queries, &again, &key, &names).await?;
    }
    grant(queries, &names, &wish.readers).await?;
    Ok(Enabled {
        readers: readers(queries, &names).await?,
        table: again.shown,
        owner: again.owner,
        key: key.into_iter().map(|column| column.name).collect(),
        outcome,
    })
}

/// The key: what was named has to be what the table is followed by, if it is.
async fn key(
    queries: &Queries<'_>,
    table: &Relation,
    wish: &Enable,
    there: Option<&Found>,
) -> Result<Vec<KeyColumn>, ArrivalsError> {
    let followed_by = there.map(|found| found.columns_now.as_slice()).filter(|columns| !columns.is_empty());
    let named = wish.key.as_deref();
    if let (Some(is), Some(wished)) = (followed_by, named)
        && is != wished
    {
        let (is, wished) = (is.join(", "), wished.join(", "));
        return Err(ArrivalsError::OtherKey { table: table.shown.clone(), is, wished });
    }
    table.key(queries, &wish.table, named.or(followed_by)).await
}

/// Makes all of it, in place of what was there of it. Who could read arrivals still can.
async fn make(queries: &Queries<'_>, table: &Relation, key: &[KeyColumn], names: &Found) -> Result<(), ArrivalsError> {
    let could_read = readers(queries, names).await?;
    queries.batch(&unmade(names)).await?;
    let taken = "SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.oid = to_regclass($1) \
         OR (c.oid = to_regclass($2) AND NOT $3) LIMIT 1";
    let (arrivals, follower) = (names.arrivals_table(), names.follower_table());
    if let Some(row) = queries.query_opt(taken, &[&arrivals, &follower, &names.has_follower]).await? {
        return Err(ArrivalsError::Taken { name: row.get("name"), table: table.shown.clone() });
    }
    let made = Made { table: &table.shown, partitioned: table.is_partitioned(), key, names };
    queries.batch(&made.statements()).await?;
    close(queries, names).await?;
    Ok(grant(queries, names, &could_read).await?)
}
