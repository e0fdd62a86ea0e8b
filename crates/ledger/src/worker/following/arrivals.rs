//! Arrivals: the keys of rows that the table's trigger wrote down.

use std::time::Duration;

use uuid::Uuid;
use vaultstream_api::Source;

use crate::connection::Ledger;
use crate::copy::{CopyError, int8};
use crate::copy_out::{ReadError, stream};
use crate::error::QueryError;
use crate::jobs::Job;
use crate::queries::{Params, Queries};
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
    /// Where each is in the table, as `ctid`.
    places: Vec<String>,
    /// Which transaction wrote each, as `xmin`.
    writers: Vec<String>,
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
        Self::of(0, "")
    }

    fn of(table: u32, name: &str) -> Self {
        let (places, writers, rows) = (Vec::new(), Vec::new(), Vec::new());
        Self { table, name: name.to_owned(), places, writers, rows, oldest: None, left: 0, left_oldest: None }
    }

    /// Whether there were no more.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.left_oldest.is_none()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
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

/// Reads arrivals that are visible, about in the order in which they were written: as they lie in the table, which has no index.
///
/// # Errors
///
/// When Postgres fails.
pub async fn read_arrivals(ledger: &Ledger, job: &Job, arrivals: &Arrivals) -> Result<Arrived, TableError> {
    let columns = job.key_columns().len();
    let keys: Vec<String> = (1..=columns).map(|at| format!("a.k{at}")).collect();
    let sql = format!(
        "SELECT a.tableoid::int8, a.ctid::text, a.xmin::text, greatest(extract(epoch FROM clock_timestamp() - a.arrived_at) * 1000000, 0)::int8, \
         ROW(NULL::int8, {})::text FROM {} AS a LIMIT {}",
        keys.join(", "),
        arrivals.table,
        READ_LIMIT + 1
    );
    let mut arrived = Arrived::of(arrivals.oid, &arrivals.table);
    let session = ledger.source.session(ACTION).await?;
    let Some(client) = session.client() else { return Ok(arrived) };
    let read = stream::<5, ReadError>(client, &sql, |[table, place, writer, age, row]| {
        arrived.table = u32::try_from(int8(table)?).unwrap_or_default();
        let age = Duration::from_micros(int8(age)?.unsigned_abs());
        if arrived.places.len() == READ_LIMIT {
            arrived.left_oldest = Some(age);
            return Ok(());
        }
        let text = |field: Option<&[u8]>| field.and_then(|field| std::str::from_utf8(field).ok()).map(str::to_owned);
        arrived.places.push(text(place).ok_or(CopyError::NotText)?);
        arrived.writers.push(text(writer).ok_or(CopyError::NotText)?);
        arrived.rows.push(text(row).ok_or(CopyError::NotText)?);
        arrived.oldest = arrived.oldest.max(Some(age));
        Ok(())
    });
    read.await.map_err(ReadError::into_query)?;
    if !arrived.is_all() {
        let sql = "SELECT reltuples::int8 AS rows FROM pg_class WHERE oid = $1";
        let rows = Queries::over(client, ACTION).query_opt(sql, &[&arrivals.oid]).await?;
        let rows = rows.map_or(0, |row| row.get::<_, i64>("rows"));
        arrived.left = (rows - i64::try_from(READ_LIMIT).unwrap_or(i64::MAX)).max(1);
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
    // By their place alone, one that was written there since would be deleted. The transaction that wrote it had not committed when these were
    // read, so it wrote none of them.
    let sql = format!(
        "DELETE FROM {} WHERE ctid = ANY ($1::text[]::tid[]) AND xmin = ANY ($2::text[]::xid[]) AND tableoid = $3",
        arrived.name
    );
    let params: Params<'_> = &[&arrived.places, &arrived.writers, &arrived.table];
    Queries::over(client, ACTION).execute(&sql, params).await?;
    vaultstream_faults::point("arrivals-deleted");
    session.settle();
    Ok(())
}

/// The job was to follow a table, and has none.
#[derive(Debug, thiserror::Error)]
#[error("the job has no table")]
struct NoTable;
