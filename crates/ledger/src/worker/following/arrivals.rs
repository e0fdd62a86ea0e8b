//! Arrivals: the keys of rows that the table's trigger wrote down.

use std::time::Duration;

use uuid::Uuid;
use vaultstream_api::Source;

use crate::connection::Ledger;
use crate::copy::{CopyError, int8};
use crate::copy_out::{ReadError, stream};
use crate::error::QueryError;
use crate::jobs::Job;
use crate::queries::Queries;
use crate::source::{self, Arrivals, SourceError, TableError};

const ACTION: &str = "read arrivals";

/// Arrivals that are read at a time.
const READ_LIMIT: usize = 20_000;

/// Arrivals of one reading.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The arrivals table, by its oid.
    pub(super) table: u32,
    /// Its name, quoted and with its schema.
    name: String,
    numbers: Vec<i64>,
    /// Their rows, each as a value of the type of the job's rows, without its ordinal.
    pub(super) rows: Vec<String>,
    /// How long ago the oldest of them arrived.
    pub(super) oldest: Option<Duration>,
    /// Arrivals that were left, about.
    pub(super) left: i64,
    /// How long ago the oldest of these arrived.
    pub(super) left_oldest: Option<Duration>,
}

impl Arrived {
    /// What there is to read where nothing notes arrivals: nothing.
    #[must_use]
    pub fn nothing() -> Self {
        let (table, name, numbers, rows) = (0, String::new(), Vec::new(), Vec::new());
        Self { table, name, numbers, rows, oldest: None, left: 0, left_oldest: None }
    }

    /// Whether there were no more.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.left_oldest.is_none()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How long ago the oldest of them arrived.
    #[must_use]
    pub fn oldest(&self) -> Option<Duration> {
        self.oldest
    }

    /// The arrivals table.
    #[must_use]
    pub fn table(&self) -> u32 {
        self.table
    }
}

/// What a job can follow.
#[derive(Debug)]
pub struct Looked {
    /// The arrivals that it may read: those that were written before the trigger was disabled, too.
    pub arrivals: Option<Arrivals>,
    /// Why rows that are inserted now are not noted there, with the command that mends it.
    pub fault: Option<SourceError>,
}

/// Looks whether the trigger fires, and makes sure that no other job follows.
///
/// # Errors
///
/// That Postgres failed, or the server is a standby.
pub async fn look(ledger: &Ledger, job: &Job) -> Result<Looked, TableError> {
    let Source::Table(table) = &job.spec.source else { return Err(QueryError::other(ACTION, NoTable).into()) };
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Err(QueryError::other(ACTION, NoTable).into()) };
    let (mut arrivals, mut fault) = source::find_arrivals(client, table, job.key_columns()).await?;
    if let Some(found) = &arrivals
        && let Some(another) = claim(&Queries::over(client, ACTION), job, found).await?
    {
        let (table, follower) = (format!("{}.{}", table.schema, table.name), found.follower.clone());
        fault = Some(SourceError::FollowedByAnother { table, job: another, follower });
        arrivals = None;
    }
    session.settle();
    Ok(Looked { arrivals, fault })
}

/// Notes in the source which job follows. The other one, if another does.
async fn claim(tx: &Queries<'_>, job: &Job, arrivals: &Arrivals) -> Result<Option<Uuid>, QueryError> {
    let follower = &arrivals.follower;
    let read = format!("SELECT job FROM {follower}");
    let found = match tx.query_opt(&read, &[]).await? {
        Some(row) => row.get("job"),
        None => {
            tx.execute(&format!("INSERT INTO {follower} (job) VALUES ($1) ON CONFLICT DO NOTHING"), &[&job.uid])
                .await?;
            tx.query_one(&read, &[]).await?.get("job")
        }
    };
    Ok((found != job.uid).then_some(found))
}

/// Reads the arrivals that are visible, the smallest numbers first.
///
/// # Errors
///
/// When Postgres fails.
pub async fn read_arrivals(ledger: &Ledger, job: &Job, arrivals: &Arrivals) -> Result<Arrived, TableError> {
    let columns = job.key_columns().len();
    let keys: Vec<String> = (1..=columns).map(|at| format!("a.k{at}")).collect();
    let sql = format!(
        "SELECT a.tableoid::int8, a.number, greatest(extract(epoch FROM clock_timestamp() - a.arrived_at) * 1000000, 0)::int8, \
         ROW(NULL::int8, {})::text FROM {} AS a ORDER BY a.number LIMIT {}",
        keys.join(", "),
        arrivals.table,
        READ_LIMIT + 1
    );
    let mut arrived = Arrived {
        table: arrivals.oid,
        name: arrivals.table.clone(),
        numbers: Vec::new(),
        rows: Vec::new(),
        oldest: None,
        left: 0,
        left_oldest: None,
    };
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Ok(arrived) };
    let read = stream::<4, ReadError>(client, &sql, |[table, number, age, row]| {
        arrived.table = u32::try_from(int8(table)?).unwrap_or_default();
        let age = Duration::from_micros(int8(age)?.unsigned_abs());
        if arrived.numbers.len() == READ_LIMIT {
            arrived.left_oldest = Some(age);
            return Ok(());
        }
        let row = row.and_then(|row| std::str::from_utf8(row).ok()).ok_or(CopyError::NotTexts)?;
        arrived.numbers.push(int8(number)?);
        arrived.rows.push(row.to_owned());
        arrived.oldest = arrived.oldest.max(Some(age));
        Ok(())
    });
    read.await.map_err(ReadError::into_query)?;
    if let (false, Some(last)) = (arrived.is_all(), arrived.numbers.last()) {
        let sql = format!("SELECT max(number) - $1 AS left FROM {}", arrivals.table);
        let row = Queries::over(client, ACTION).query_one(&sql, &[last]).await?;
        arrived.left = row.get::<_, Option<i64>>("left").unwrap_or(1).max(1);
    }
    session.settle();
    Ok(arrived)
}

/// Deletes arrivals whose rows the ledger has planned: those that were read, in the table that they were read in.
///
/// # Errors
///
/// When Postgres fails; what is left is read once more.
pub async fn delete_arrivals(ledger: &Ledger, arrived: &Arrived) -> Result<(), QueryError> {
    const ACTION: &str = "delete arrivals";
    if arrived.is_empty() {
        return Ok(());
    }
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Ok(()) };
    let sql = format!("DELETE FROM {} WHERE number = ANY ($1) AND tableoid = $2", arrived.name);
    Queries::over(client, ACTION).execute(&sql, &[&arrived.numbers, &arrived.table]).await?;
    vaultstream_faults::point("arrivals-deleted");
    session.settle();
    Ok(())
}

/// The job was to follow a table, and has none.
#[derive(Debug, thiserror::Error)]
#[error("the job has no table")]
struct NoTable;
