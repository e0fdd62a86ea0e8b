//! A transaction that reads a job's records: in the ledger the generated ones, in the source's database those of a table.
//!
//! ```text
//! generated records: BEGIN ─────────────────────────────────────▶ read
//! a table:           BEGIN ─▶ lock it ─▶ what is it? ─▶ runs no code ─▶ read
//! ```

use vaultstream_api::Source;

use crate::connection::{Ledger, Session};
use crate::copy_out::{INDEX_ONLY, ReadError};
use crate::error::QueryError;
use crate::jobs::Job;
use crate::source::{Facts, KeyExpressions, NoFacts, ReadFrom, ViewUse, runs_no_code};

/// A session in such a transaction, whose planner walks indexes. A table keeps its definition until the transaction ends.
///
/// # Errors
///
/// `Gone` when the table is gone, `Source` when reading it could run code that is not of Postgres itself.
pub(super) async fn begin(ledger: &Ledger, job: &Job, action: &str) -> Result<Session, ReadError> {
    let Source::Table(table) = &job.spec.source else {
        let session = Session::new(ledger.client(action).await.map_err(ReadError::from_query)?);
        if let Some(client) = session.client() {
            client.batch_execute(&format!("BEGIN READ ONLY; {INDEX_ONLY}")).await.map_err(ReadError::from)?;
        }
        return Ok(session);
    };
    let session = ledger.source.session(action).await.map_err(ReadError::from_query)?;
    if let Some(client) = session.client() {
        let from = ReadFrom::of(job);
        let plans = if from.row_key.as_ref().is_none_or(KeyExpressions::is_indexed) { INDEX_ONLY } else { "" };
        let begin = format!("BEGIN READ ONLY; {}; {}; {plans}", from.lock(), Facts::sql(table));
        let messages = client.simple_query(&begin).await.map_err(ReadError::from)?;
        let facts = Facts::read(&messages).ok_or_else(|| QueryError::other(action, NoFacts))?;
        runs_no_code(&facts, ViewUse::planned(job, &facts, ledger.source.is_another))?;
    }
    Ok(session)
}
