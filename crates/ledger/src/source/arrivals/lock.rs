//! Locks of a table that is in use, and transactions that are over.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::error::ArrivalsError;
use super::relation::Relation;
use crate::queries::Queries;

/// How a table is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// As `CREATE TRIGGER` does: until all transactions that have written to it are over. Others may read meanwhile.
    Writers,
    /// As `DROP TRIGGER` does: until all that have used it are over.
    All,
}

impl Mode {
    fn sql(self) -> &'static str {
        match self {
            Self::Writers => "SHARE ROW EXCLUSIVE",
            Self::All => "ACCESS EXCLUSIVE",
        }
    }

    /// The locks that it does not wait for.
    fn harmless(self) -> &'static [&'static str] {
        match self {
            Self::Writers => &["AccessShareLock", "RowShareLock"],
            Self::All => &[],
        }
    }
}

/// Begins a transaction that waits at most so long for each lock.
pub(super) async fn begin(queries: &Queries<'_>, timeout: Duration) -> Result<(), ArrivalsError> {
    // Zero would be without end.
    let milliseconds = timeout.as_millis().clamp(1, 2_147_483_647);
    Ok(queries.batch(&format!("BEGIN; SET LOCAL lock_timeout = {milliseconds}")).await?)
}

/// Locks a table with its partitions.
///
/// # Errors
///
/// [`ArrivalsError::Busy`], after which the transaction can only be rolled back.
pub(super) async fn lock(
    queries: &Queries<'_>,
    table: &Relation,
    mode: Mode,
    timeout: Duration,
) -> Result<(), ArrivalsError> {
    let locked = queries.batch(&format!("LOCK TABLE {} IN {} MODE", table.shown, mode.sql())).await;
    match locked {
        Err(error) if error.code() == Some(SqlState::LOCK_NOT_AVAILABLE.code()) => {
            queries.batch("ROLLBACK").await?;
            let holders = holders(queries, table, mode).await?;
            Err(ArrivalsError::Busy { table: table.shown.clone(), waited: timeout, holders })
        }
        locked => Ok(locked?),
    }
}

/// Commits what went well, and else leaves nothing behind.
pub(super) async fn end<T>(queries: &Queries<'_>, done: Result<T, ArrivalsError>) -> Result<T, ArrivalsError> {
    match done {
        Ok(done) => {
            queries.batch("COMMIT").await?;
            Ok(done)
        }
        Err(error) => {
            // The first error says more. A connection that is broken has no transaction.
            let _ = queries.batch("ROLLBACK").await;
            Err(error)
        }
    }
}

/// Who holds locks of a table that stand in the way, those that hold them longest first.
async fn holders(queries: &Queries<'_>, table: &Relation, mode: Mode) -> Result<String, ArrivalsError> {
    const SHOWN: usize = 3;
    let sql = "SELECT l.pid, quote_ident(a.usename) AS login, a.application_name AS program, \
           extract(epoch FROM clock_timestamp() - a.xact_start)::bigint AS seconds FROM pg_locks l \
           LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'relation' AND l.granted \
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
            AND l.pid IS DISTINCT FROM pg_backend_pid() AND l.mode <> ALL ($2::text[]) \
            AND (l.relation = $1 OR l.relation IN (SELECT relid FROM pg_partition_tree($1::oid::regclass))) \
          GROUP BY 1, 2, 3, 4 ORDER BY 4 DESC NULLS LAST, 1 LIMIT 20";
    let harmless = mode.harmless().to_vec();
    let rows = queries.query(sql, &[&table.oid, &harmless]).await?;
    if rows.is_empty() {
        return Ok("they are over now, so run the command again".to_owned());
    }
    let tell = |row: &tokio_postgres::Row| {
        let Some(pid) = row.get::<_, Option<i32>>("pid") else {
            return "a prepared transaction (see pg_prepared_xacts)".to_owned();
        };
        let mut told = format!("process {pid}");
        let login = row.get::<_, Option<String>>("login").map(|login| format!("login {login}"));
        let program = row.get::<_, Option<String>>("program").filter(|program| !program.is_empty());
        let age = row.get::<_, Option<i64>>("seconds").map(|seconds| format!("for {seconds} s"));
        let facts: Vec<String> = [login, program, age].into_iter().flatten().collect();
        if !facts.is_empty() {
            told.push_str(&format!(" ({})", facts.join(", ")));
        }
        told
    };
    let told: Vec<String> = rows.iter().take(SHOWN).map(tell).collect();
    let more = rows.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Ok(format!("{}{more}; have them end their transactions, or give a longer --lock-timeout", told.join(", ")))
}
