//! Whether a job has every row of the table that it follows.

use indicatif::HumanCount;
use serde::Serialize;
use vaultstream_ledger::{
    Job, Ledger,
    verify::{self, Coverage, ReadError},
};

use super::problem::{Problem, ProblemKind};
use crate::error::Failure;

/// What became of the rows that the table has now.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Covered {
    /// How many there are.
    pub(crate) rows: u64,
    /// Those that have arrived and are not planned yet.
    pub(crate) waiting: u64,
    /// Those that no trigger saw, and that the job does not have.
    pub(crate) unseen: u64,
}

/// Looks through the table. A table that cannot be read is a problem.
///
/// # Errors
/// When Postgres fails.
pub(super) async fn check(
    ledger: &Ledger,
    job: &Job,
    most: usize,
) -> Result<(Option<Covered>, Option<Problem>), Failure> {
    let Coverage { rows, waiting, unseen, keys } = match verify::coverage(ledger, job, most).await {
        Ok(Some(coverage)) => coverage,
        Ok(None) => return Ok((None, None)),
        Err(ReadError::Query(error)) => return Err(Failure::of(&error)),
        Err(error) => {
            let why = Failure::of(&error);
            let message = format!("the table cannot be looked through: {}", why.message());
            return Ok((None, Some(Problem::new(ProblemKind::NotCompared, message))));
        }
    };
    let covered = Covered { rows, waiting, unseen };
    if unseen == 0 {
        return Ok((Some(covered), None));
    }
    let named: Vec<String> = keys.iter().map(ToString::to_string).collect();
    let (are, more) = (if unseen == 1 { "row is" } else { "rows are" }, unseen - named.len() as u64);
    let more = if more > 0 { format!(" and {} more", HumanCount(more)) } else { String::new() };
    let message = format!(
        "{} {are} in the table which no trigger saw and the job does not have: {}{more}; the job finds them when it next looks through the \
         table (spec.follow.reconcileEvery), and `vaultstream source status` says whether the trigger fires",
        HumanCount(unseen),
        named.join(", ")
    );
    Ok((Some(covered), Some(Problem::new(ProblemKind::NotCovered, message))))
}
