//! Checks of a source table: before a job is planned, while it is, and before it is signed.

use tokio_postgres::Client;
use vaultstream_api::{JsonForm, Source, TableSource};

use super::advice::{child, refuse};
use super::error::{SourceError, TableError};
use super::facts::{Facts, NoFacts};
use super::follow::can_be_followed;
use super::judge::{Fit, ViewUse, judge, runs_no_code, unchanged};
use super::names::is_reserved;
use super::types::is_json;
use crate::connection::{Ledger, SourcePool};
use crate::error::QueryError;
use crate::jobs::Job;
use crate::queries::Queries;

const ACTION: &str = "look at the source table";

/// Checks a table as planning will, also whether it can be followed if it is, and changes nothing. The database of the ledger need not hold one.
///
/// # Errors
///
/// Why the table cannot be signed, or that Postgres failed.
pub async fn look_at_table(ledger: &Ledger, source: &TableSource, is_followed: bool) -> Result<(), TableError> {
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Ok(()) };
    let queries = Queries::over(client, ACTION);
    queries.batch("BEGIN READ ONLY").await?;
    check(client, source, &ledger.source, is_followed).await?;
    queries.batch("ROLLBACK").await?;
    session.settle();
    Ok(())
}

/// Makes sure that the table of a planned job is still the one that was planned. Each transaction that reads it checks that, too; this is
/// for before there is anything to read.
///
/// # Errors
///
/// The change, or that Postgres failed.
pub async fn check_planned(ledger: &Ledger, job: &Job) -> Result<(), TableError> {
    let Source::Table(table) = &job.spec.source else { return Ok(()) };
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Ok(()) };
    unchanged(job, table, &facts(client, table).await?)?;
    session.settle();
    Ok(())
}

/// Judges a table with the rights of the session, which is one of `pool`.
pub(crate) async fn check(
    client: &Client,
    source: &TableSource,
    pool: &SourcePool,
    is_followed: bool,
) -> Result<Fit, TableError> {
    if is_reserved(&source.schema) {
        return Err(SourceError::ReservedSchema(source.schema.clone()).into());
    }
    let facts = facts(client, source).await?;
    let fit = match judge(source, &facts) {
        Ok(fit) => fit,
        Err(unfit) => return Err(refuse(client, &facts, source, unfit, pool.for_others).await?.into()),
    };
    if source.json == JsonForm::Jcs && !fit.signed_types.iter().any(|name| is_json(name)) {
        return Err(SourceError::NoJson.into());
    }
    runs_no_code(&facts, ViewUse::named(pool.is_another))?;
    if let Some(child) = child(client, &fit.table).await? {
        return Err(SourceError::HasChildren { table: facts.table, child }.into());
    }
    if !is_followed {
        return Ok(fit);
    }
    can_be_followed(client, source, &fit.key.columns).await?;
    Ok(fit.with_ordinals())
}

impl Facts {
    /// That this many rows have no key.
    pub(crate) fn null_keys(&self, source: &TableSource, rows: i64) -> SourceError {
        let (key, table) = (self.key_names.join(", "), self.table.clone());
        SourceError::NullKeys { member: source.key.member(), key, table, rows }
    }
}

/// What the catalog says.
pub(crate) async fn facts(client: &Client, source: &TableSource) -> Result<Facts, QueryError> {
    let messages = Queries::over(client, ACTION).simple(&Facts::sql(source)).await?;
    Facts::read(&messages).ok_or_else(|| QueryError::other(ACTION, NoFacts))
}
