//! Removing what notes new rows of a table.

use std::time::Duration;

use uuid::Uuid;

use super::error::ArrivalsError;
use super::find::{Found, found};
use super::lock::{Mode, begin, end, lock};
use super::make::unmade;
use super::relation::relation;
use super::state::TableName;
use super::status::{count, follower};
use crate::connection::Ledger;
use crate::queries::Queries;

const ACTION: &str = "have new rows of the source table noted no more";

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// The table, as SQL writes it.
    pub table: String,
    /// Arrivals that were not planned.
    pub waiting: i64,
    /// The job that followed.
    pub job: Option<Uuid>,
}

/// Removes all that [`enable`](super::enable) made for a table. All or nothing. Waits for the transactions that use it.
///
/// # Errors
///
/// See [`ArrivalsError`]; `Followed` only without `force`.
pub async fn disable(
    ledger: &Ledger,
    table: &TableName,
    force: bool,
    lock_timeout: Duration,
) -> Result<Disabled, ArrivalsError> {
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Err(ArrivalsError::Standby) };
    let queries = Queries::over(client, ACTION);
    begin(&queries, lock_timeout).await?;
    let disabled = end(&queries, inside(&queries, table, force, lock_timeout).await).await;
    if disabled.is_ok() {
        session.settle();
    }
    disabled
}

async fn inside(
    queries: &Queries<'_>,
    name: &TableName,
    force: bool,
    lock_timeout: Duration,
) -> Result<Disabled, ArrivalsError> {
    let table = relation(queries, name).await?;
    table.is_own()?;
    let not_enabled = || ArrivalsError::NotEnabled { table: table.shown.clone() };
    may_drop(&table.shown, &found(queries.client(), table.oid).await?.ok_or_else(not_enabled)?, &table.login)?;
    lock(queries, &table, Mode::All, lock_timeout).await?;
    let found = found(queries.client(), table.oid).await?.ok_or_else(not_enabled)?;
    let job = if found.has_follower { follower(queries, &found).await? } else { None };
    if let (Some(job), false) = (&job, force) {
        return Err(ArrivalsError::Followed { table: table.shown.clone(), job: job.job });
    }
    let waiting = if found.oid.is_some() { count(queries, &found).await?.0 } else { 0 };
    queries.batch(&unmade(&found)).await?;
    if found.has_follower {
        queries.batch(&format!("DROP TABLE {}", found.follower_table())).await?;
    }
    Ok(Disabled { table: table.shown, waiting, job: job.map(|job| job.job) })
}

/// A table that changed its owner leaves its arrivals with the one before.
fn may_drop(table: &str, found: &Found, login: &str) -> Result<(), ArrivalsError> {
    match &found.owner {
        Some(owner) if !found.owns => Err(ArrivalsError::NotOwner {
            login: login.to_owned(),
            table: format!("{table} with {}", found.arrivals_table()),
            owner: owner.clone(),
        }),
        _ => Ok(()),
    }
}
