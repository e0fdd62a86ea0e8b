//! What those who verified jobs say of them: rows of migrations/V26__verdicts.sql. Nobody checks that.

use std::time::SystemTime;

use crate::connection::Ledger;
use crate::error::QueryError;
use crate::ids::JobId;

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Nothing was wrong.
    pub verified: bool,
    /// What was checked: `full`, `sample` or `sql`.
    pub mode: String,
    /// Signatures that were checked.
    pub signatures: u64,
    /// What was wrong.
    pub problems: Vec<String>,
    /// The version of the program that verified.
    pub version: String,
}

/// A verdict, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenVerdict {
    /// The verdict.
    pub verdict: Verdict,
    /// The login of whoever verified.
    pub by: String,
    /// When they had done so.
    pub at: SystemTime,
}

/// Problems that are kept of a verdict, and of how many bytes each.
const MOST_PROBLEMS: usize = 10;
const LONGEST: usize = 1_000;

/// Keeps the verdict of this login in place of its last one. False for a login that may not work on the job.
///
/// # Errors
///
/// When Postgres fails, and for a login that only reads.
pub async fn give(ledger: &Ledger, job: JobId, verdict: &Verdict) -> Result<bool, QueryError> {
    let sql = "SELECT vaultstream.give_verdict($1, $2, $3, $4, $5, $6) AS given";
    let signatures = i64::try_from(verdict.signatures).unwrap_or(i64::MAX);
    let problems: Vec<String> = verdict.problems.iter().take(MOST_PROBLEMS).map(|text| line(text)).collect();
    let Verdict { verified, mode, version, .. } = verdict;
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&job.0, verified, mode, &signatures, &problems.join("\n"), version];
    Ok(ledger.query_one("keep the verdict", sql, &params).await?.get("given"))
}

/// The text as one line of a length that fits.
fn line(text: &str) -> String {
    let line: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    line[..line.floor_char_boundary(LONGEST)].to_owned()
}

/// The verdict that counts: one that found something wrong, which only the same login takes back, else the last one.
///
/// # Errors
///
/// When Postgres fails.
pub async fn last(ledger: &Ledger, job: JobId) -> Result<Option<GivenVerdict>, QueryError> {
    let sql = "SELECT given_by, verified, mode, signatures, problems, version, given_at FROM vaultstream.tenant_verdicts \
         WHERE job_id = $1 ORDER BY verified, given_at DESC LIMIT 1";
    let rows = ledger.query_prepared("read the last verdict", sql, &[&job.0]).await?;
    Ok(rows.first().map(|row| {
        let problems: &str = row.get("problems");
        let verdict = Verdict {
            verified: row.get("verified"),
            mode: row.get("mode"),
            signatures: row.get::<_, i64>("signatures").unsigned_abs(),
            problems: problems.lines().map(str::to_owned).collect(),
            version: row.get("version"),
        };
        GivenVerdict { verdict, by: row.get("given_by"), at: row.get("given_at") }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_that_fits() {
        assert_eq!(line("a\nb\u{0}c"), "a b c");
        assert_eq!(line(&"\u{e9}".repeat(600)).len(), LONGEST);
    }
}
