//! Whether a job that follows its table has every row of it.

use tokio_postgres::types::ToSql;
use vaultstream_api::Source;
use vaultstream_signing::RowKey;

use super::records;
use super::unsigned::{keys_page, places, without, without_an_ordinal};
use crate::connection::Ledger;
use crate::copy_out::ReadError;
use crate::jobs::{Job, RowKeyColumns};
use crate::queries::Queries;
use crate::source::arrivals;

const ACTION: &str = "look whether each row of the table has arrived";

/// What became of the rows that the table has now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How many there are.
    pub rows: u64,
    /// Those that have arrived, and that the job has not planned yet.
    pub waiting: u64,
    /// Those that no trigger has seen, and no look through the table has found yet.
    pub unseen: u64,
    /// The keys of the first of these.
    pub keys: Vec<RowKey>,
}

/// Looks through the whole table, page by page. The first `most` rows that were not seen are named. `None` for a job that follows no table.
///
/// A row is planned, waits, or was not seen, in this order of looking: its arrival is written when it is committed, and deleted only once it is
/// planned. So what is in neither place is looked for in the ledger once more.
///
/// # Errors
///
/// `Gone` when the table is gone or may not be read.
pub async fn coverage(ledger: &Ledger, job: &Job, most: usize) -> Result<Option<Coverage>, ReadError> {
    let (Source::Table(table), Some(columns), true) = (&job.spec.source, job.ordinals(), job.follow.is_some()) else {
        return Ok(None);
    };
    let (mut found, mut after) = (Coverage::default(), None);
    loop {
        let keys = keys_page(ledger, job, table, columns, after.as_ref()).await?;
        let Some(last) = keys.last().cloned() else { return Ok(Some(found)) };
        found.rows += keys.len() as u64;
        let lone = those(&keys, without_an_ordinal(ledger, job, columns, &keys).await?);
        if !lone.is_empty() {
            let absent = those(&lone, without_an_arrival(ledger, job, columns, &lone).await?);
            let unseen = those(&absent, without_an_ordinal(ledger, job, columns, &absent).await?);
            found.waiting += (lone.len() - absent.len()) as u64;
            found.unseen += unseen.len() as u64;
            let room = most.saturating_sub(found.keys.len());
            found.keys.extend(unseen.into_iter().take(room));
        }
        after = Some(last);
    }
}

fn those(keys: &[RowKey], places: Vec<usize>) -> Vec<RowKey> {
    places.into_iter().filter_map(|place| keys.get(place).cloned()).collect()
}

/// The places of those of these keys that no arrival has; all of them where nothing notes arrivals.
async fn without_an_arrival(
    ledger: &Ledger,
    job: &Job,
    columns: &RowKeyColumns,
    keys: &[RowKey],
) -> Result<Vec<usize>, ReadError> {
    let Source::Table(table) = &job.spec.source else { return Ok(Vec::new()) };
    let session = records::begin(ledger, job, ACTION).await?;
    let Some(client) = session.client() else { return Ok(Vec::new()) };
    let arrivals = arrivals::find(client, &table.schema, &table.name).await.map_err(ReadError::from_query)?;
    let absent = match arrivals {
        None => (0..keys.len()).collect(),
        Some(arrivals) => {
            // Arrivals have no index.
            client.batch_execute("SET LOCAL enable_seqscan = on").await.map_err(ReadError::from)?;
            let (sql, arrays) = without(&arrivals.table, columns, keys);
            let params: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|array| array as &(dyn ToSql + Sync)).collect();
            places(&Queries::over(client, ACTION).query(&sql, &params).await.map_err(ReadError::from_query)?)
        }
    };
    client.batch_execute("COMMIT").await.map_err(ReadError::from)?;
    session.settle();
    Ok(absent)
}
