//! Checks of a source table: before a job is planned, while it is, and while it signs.

use tokio_postgres::Client;
use vaultstream_api::{Source, TableSource};

use super::step::StepError;
use crate::connection::Ledger;
use crate::error::QueryError;
use crate::jobs::Job;
use crate::queries::Queries;
use crate::source::{self, Facts, Fit, SourceError};

const ACTION: &str = "look at the source table";

fn failed(error: tokio_postgres::Error) -> QueryError {
    QueryError::new(ACTION, error)
}

/// Checks a table as planning will, and changes nothing. The database need not hold a ledger.
///
/// # Errors
///
/// Why the table cannot be signed, or that Postgres failed.
pub async fn look_at_table(ledger: &Ledger, source: &TableSource) -> Result<(), StepError> {
    let mut client = ledger.client(ACTION).await?;
    let tx = client.build_transaction().read_only(true).start().await.map_err(failed)?;
    check(tx.client(), source, false).await?;
    Ok(tx.rollback().await.map_err(failed)?)
}

/// Makes sure that the table of a planned job is still the one that was planned. Workers check it, too, in every transaction that
/// reads; this is for programs that report on the job.
///
/// # Errors
///
/// The change, or that Postgres failed.
pub async fn check_source(ledger: &Ledger, job: &Job) -> Result<(), StepError> {
    let Source::Table(table) = &job.spec.source else { return Ok(()) };
    let mut client = ledger.client(ACTION).await?;
    let tx = client.build_transaction().read_only(true).start().await.map_err(failed)?;
    if ledger.settings.source_role {
        Queries::over(tx.client(), ACTION).batch("SET LOCAL ROLE vaultstream_source").await?;
    }
    source::unchanged(job, &facts(tx.client(), table).await?)?;
    Ok(tx.rollback().await.map_err(failed)?)
}

/// Judges a table with the rights of the session's present role, which is another's when `source_role` is set.
pub(super) async fn check(client: &Client, source: &TableSource, source_role: bool) -> Result<Fit, StepError> {
    if source::is_reserved(&source.schema) {
        return Err(SourceError::ReservedSchema(source.schema.clone()).into());
    }
    let facts = facts(client, source).await?;
    let fit = match source::judge(&facts) {
        Ok(fit) => fit,
        Err(unfit) => return Err(source::refuse(client, &facts, source, unfit, source_role).await?.into()),
    };
    match source::child(client, &fit.table).await? {
        Some(child) => Err(SourceError::HasChildren { table: facts.table, child }.into()),
        None => Ok(fit),
    }
}

/// What the catalog says.
pub(super) async fn facts(client: &Client, source: &TableSource) -> Result<Facts, StepError> {
    let messages = Queries::over(client, ACTION).simple(&Facts::sql(source)).await?;
    Facts::read(&messages).ok_or_else(|| QueryError::other(ACTION, source::NoFacts).into())
}
