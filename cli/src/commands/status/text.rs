//! One job as text: its figures, then its details.

use std::fmt;

use indicatif::HumanCount;

use super::{
    row::JobRow,
    table::{percent, span},
};
use crate::output::printable;

impl fmt::Display for JobRow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let superseded = if self.superseded { ", superseded by a later job of this name" } else { "" };
        writeln!(out, "{} {}{superseded}", printable(&self.job), self.state)?;
        let mut row = |name: &str, value: &str| writeln!(out, "  {name:<12} {}", printable(value));
        row("uid", &self.uid.to_string())?;
        row("signed", &self.signed())?;
        row("rejected", &HumanCount(self.rejected).to_string())?;
        if self.changed > 0 {
            row("came or went", &format!("{} records between planning and signing", HumanCount(self.changed)))?;
        }
        if let Some(rate) = self.records_per_second {
            let left = self.seconds_left.map_or_else(String::new, |left| format!(", {} left", span(left)));
            row("rate", &format!("{}/s{left}", HumanCount(rate)))?;
        }
        row("age", &span(self.age_seconds))?;
        if let Some(root) = &self.merkle_root {
            row("merkle root", root)?;
        }
        if let Some(digest) = &self.receipt_digest {
            row("receipt", &format!("sha256:{digest}"))?;
        }
        if let Some(view) = &self.signed_view {
            row("view", view)?;
        }
        if let Some(failure) = &self.failure {
            row("failed", failure)?;
        }
        for backend in &self.withdrawn_backends {
            row("withdrawn", backend)?;
        }
        let (active, leased, retired) = (self.keys_active, self.keys_leased, self.keys_retired);
        row("keys", &format!("{active} that sign, {leased} of them in use; {retired} worn out"))?;
        self.details.as_ref().map_or(Ok(()), |details| details.write(self.rejected, out))
    }
}

impl JobRow {
    fn signed(&self) -> String {
        let signed = HumanCount(self.signed);
        match (self.total, self.percent) {
            (Some(total), Some(share)) => format!("{signed} of {}, {} done", HumanCount(total), percent(share)),
            (Some(total), None) => format!("{signed} of {}", HumanCount(total)),
            (None, _) => format!("{signed}; the records are not planned yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_ledger::JobState;

    use super::{super::row::tests::row, *};

    #[test]
    fn a_job_that_signs_is_shown_with_rate_and_time_left() {
        let text = row(JobState::Signing, 400, Some(100.0)).to_string();
        assert_eq!(
            text,
            "default/job Signing\n  uid          00000000-0000-0000-0000-000000000007\n  \
             signed       400 of 1,000, 41% done\n  rejected     10\n  rate         100/s, 6s left\n  \
             age          1m 30s\n  keys         3 that sign, 2 of them in use; 1 worn out\n"
        );
    }

    #[test]
    fn what_the_ledger_holds_is_no_command_to_a_terminal() {
        let failed = JobRow { failure: Some("\u{1b}[2J".to_owned()), changed: 2, ..row(JobState::Failed, 400, None) };
        let text = failed.to_string();
        assert!(text.contains("  failed       \\u{1b}[2J\n"), "{text}");
        assert!(text.contains("  came or went 2 records between planning and signing\n"), "{text}");
    }
}
