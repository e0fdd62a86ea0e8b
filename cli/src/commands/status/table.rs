//! Jobs as a table: one that fits into 80 columns, and one with uids and receipts.

use std::time::Duration;

use indicatif::HumanCount;

use super::row::JobRow;
use crate::{columns::columns, output::printable};

/// Live jobs and how far they are.
pub(super) fn live(rows: &[JobRow]) -> String {
    let head = ["JOB", "STATE", "DONE", "SIGNED", "TOTAL", "REJECTED", "RATE", "LEFT", "AGE"];
    let cells = rows.iter().map(|row| {
        [
            printable(&row.job).into_owned(),
            row.state.to_owned(),
            row.percent.map_or_else(String::new, percent),
            HumanCount(row.signed).to_string(),
            optional(row.total),
            HumanCount(row.rejected).to_string(),
            row.records_per_second.map_or_else(String::new, |rate| format!("{}/s", HumanCount(rate))),
            row.seconds_left.map_or_else(String::new, span),
            span(row.age_seconds),
        ]
    });
    table(&head, cells.collect())
}

/// All jobs that the ledger knows, superseded ones among them, with their uids and the digests of their receipts.
pub(super) fn with_uids(rows: &[JobRow]) -> String {
    let head = ["JOB", "STATE", "SIGNED", "AGE", "UID", "RECEIPT"];
    let cells = rows.iter().map(|row| {
        [
            printable(&row.job).into_owned(),
            format!("{}{}", row.state, if row.superseded { ", superseded" } else { "" }),
            HumanCount(row.signed).to_string(),
            span(row.age_seconds),
            row.uid.to_string(),
            row.receipt_digest.as_ref().map_or_else(String::new, |digest| format!("sha256:{digest}")),
        ]
    });
    table(&head, cells.collect())
}

/// The table, or that there is nothing to show.
fn table<const N: usize>(head: &[&str; N], rows: Vec<[String; N]>) -> String {
    if rows.is_empty() { "no jobs\n".to_owned() } else { columns(head, rows, 2) }
}

/// A number; empty when it is unknown.
fn optional(number: Option<u64>) -> String {
    number.map_or_else(String::new, |number| HumanCount(number).to_string())
}

/// A share in whole per cent, rounded down: 100% is shown only when nothing is missing.
pub(super) fn percent(percent: f64) -> String {
    format!("{}%", percent.floor())
}

/// A time in its two largest units: `2h 5m`.
pub(super) fn span(seconds: u64) -> String {
    let text = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use vaultstream_ledger::JobState;

    use super::{super::row::tests::row, *};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_stand_right() {
        let rows = [["default/a", "Signing", "7"], ["x", "Complete", "1,000"]].map(|row| row.map(str::to_owned));
        let expected = "JOB        STATE     SIGNED\ndefault/a  Signing        7\nx          Complete   1,000\n";
        assert_eq!(table(&["JOB", "STATE", "SIGNED"], rows.to_vec()), expected);
        assert_eq!(live(&[]), "no jobs\n");
    }

    #[test]
    fn shares_are_rounded_down_and_times_have_two_units() {
        assert_eq!((percent(99.9), percent(0.0)), ("99%".to_owned(), "0%".to_owned()));
        assert_eq!((span(7_501), span(0)), ("2h 5m".to_owned(), "0s".to_owned()));
    }

    #[test]
    fn live_jobs_are_shown_with_what_is_known_of_them() {
        let rows = [row(JobState::Signing, 400, Some(100.0)), row(JobState::Complete, 990, None)];
        let expected = "\
JOB          STATE     DONE  SIGNED  TOTAL  REJECTED   RATE  LEFT      AGE
default/job  Signing    41%     400  1,000        10  100/s    6s  1m 30s
default/job  Complete  100%     990  1,000        10               1m 30s
";
        let lines = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(lines(&live(&rows)), lines(expected));
        assert!(live(&rows).lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn superseded_jobs_are_shown_with_uid_and_receipt() {
        let old =
            JobRow { superseded: true, receipt_digest: Some("ab12".to_owned()), ..row(JobState::Complete, 990, None) };
        let text = with_uids(&[old]);
        let line = text.lines().nth(1).unwrap();
        for words in ["default/job", "Complete, superseded", "00000000-0000-0000-0000-000000000007", "sha256:ab12"] {
            assert!(line.contains(words), "{words}: {text}");
        }
    }
}
