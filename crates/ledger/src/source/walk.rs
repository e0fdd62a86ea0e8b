//! Finding the next row of a range, even where the server cannot read one.

use tokio_postgres::Client;

use super::read_from::ReadFrom;
use crate::error::QueryError;
use crate::queries::Queries;

const ACTION: &str = "find the next record";

/// The savepoint that a failed statement goes back to. The transaction's locks and settings are older and survive.
pub(crate) const SAVEPOINT: &str = "SAVEPOINT before_read";
pub(crate) const ROLLBACK: &str = "ROLLBACK TO SAVEPOINT before_read";
pub(crate) const RELEASE: &str = "RELEASE SAVEPOINT before_read";

/// The next row.
pub(crate) enum Next {
    /// This id.
    Row(i64),
    /// A row with this id, which the server cannot read.
    Unreadable(i64, QueryError),
    /// The range has no more rows.
    Nothing,
}

/// The row with the least id from `first` to `last`. Expects [`SAVEPOINT`], and leaves the transaction usable.
///
/// # Errors
///
/// When Postgres fails for another reason than a row that it cannot read.
pub(crate) async fn next_row(client: &Client, from: &ReadFrom, first: i64, last: i64) -> Result<Next, QueryError> {
    let mut error = match probe(client, from, first, last).await? {
        Ok(found) => return Ok(found.map_or(Next::Nothing, Next::Row)),
        Err(error) => error,
    };
    // Somewhere in the range is a row that cannot be read: before it, everything can.
    let (mut first, mut last) = (first, last);
    while first < last {
        let middle = midpoint(first, last);
        match probe(client, from, first, middle).await? {
            Ok(Some(id)) => return Ok(Next::Row(id)),
            Ok(None) => first = middle.saturating_add(1),
            Err(at_fault) => (last, error) = (middle, at_fault),
        }
    }
    Ok(Next::Unreadable(first, error))
}

/// Rounded down, whatever the signs.
fn midpoint(first: i64, last: i64) -> i64 {
    i64::try_from((i128::from(first) + i128::from(last)).div_euclid(2)).unwrap_or(first)
}

async fn probe(
    client: &Client,
    from: &ReadFrom,
    first: i64,
    last: i64,
) -> Result<Result<Option<i64>, QueryError>, QueryError> {
    let queries = Queries::over(client, ACTION);
    match queries.query_opt(&from.keys(first, last, 1), &[]).await {
        Ok(row) => Ok(Ok(row.map(|row| row.get("key")))),
        Err(error) if error.is_fault_of_a_record() => {
            queries.batch(ROLLBACK).await?;
            Ok(Err(error))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::midpoint;

    #[test]
    fn a_range_is_halved_until_it_is_one_id_whatever_its_ends() {
        for (first, last, wanted) in
            [(i64::MIN, i64::MAX, 17), (-3, 4, -3), (-3, 4, 4), (i64::MAX - 1, i64::MAX, i64::MAX)]
        {
            let (mut low, mut high, mut halved) = (first, last, 0);
            while low < high {
                let middle = midpoint(low, high);
                assert!((low..high).contains(&middle), "{low} {high} {middle}");
                (low, high) = if wanted > middle { (middle + 1, high) } else { (low, middle) };
                halved += 1;
            }
            assert_eq!((low, halved <= 64), (wanted, true));
        }
    }
}
