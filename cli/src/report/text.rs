//! A report as text: the verdict, the problems, and the figures.

#[cfg(test)]
mod tests;

use std::fmt;

use indicatif::HumanCount;
use vaultstream_signing::Backend;

use super::{Equations, Reject, Report, Verdict};
use crate::{
    output::{Colour, named_record, paint, printable},
    verify::{Covered, LastCheckpoint, compared::Compared},
};

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, colour) = match self.verdict {
            Verdict::Verified => ("VERIFIED", Colour::Good),
            Verdict::NotVerified => ("NOT VERIFIED", Colour::Bad),
        };
        writeln!(out, "{}{}", paint(colour, word), self.extent())?;
        writeln!(out, "{} {}", printable(&self.job), self.state)?;
        for problem in &self.problems {
            writeln!(out, "  {}      {}", paint(Colour::Bad, "PROBLEM"), printable(problem.message()))?;
        }
        self.figures(out)?;
        self.rejects(out)
    }
}

impl Report {
    /// What a good verdict does not cover, in parentheses.
    fn extent(&self) -> String {
        if self.verdict == Verdict::NotVerified {
            return String::new();
        }
        let mut left_out = Vec::new();
        match self.mode {
            Some("sample") => left_out.push("a sample of the signatures".to_owned()),
            Some("sql") => left_out.push("no signature was checked".to_owned()),
            _ => {}
        }
        if self.goes_on {
            left_out.push(match self.mode {
                Some("full") => "the job goes on: what is in signed batches by now".to_owned(),
                _ => "the job goes on: whether a signature is missing was not checked".to_owned(),
            });
        }
        if let Some(rows) = &self.rows {
            let changed = [rows.changed, rows.gone, rows.unreadable].into_iter().flatten().sum::<u64>();
            if rows.not_compared.is_some() {
                left_out.push("its rows could not be compared".to_owned());
            } else if changed > 0 {
                let are = if changed == 1 { "row is" } else { "rows are" };
                left_out.push(format!("{} {are} no longer what was signed", HumanCount(changed)));
            }
        }
        if left_out.is_empty() { String::new() } else { format!(" ({})", left_out.join("; ")) }
    }

    fn figures(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, value: &str| writeln!(out, "  {name:<12} {}", printable(value));
        row("records", &HumanCount(self.records).to_string())?;
        row("signed", &self.signed())?;
        row("rejected", &HumanCount(self.rejected).to_string())?;
        if self.changed > 0 {
            row("came or went", &format!("{} records between planning and signing", HumanCount(self.changed)))?;
        }
        if let Some(verified) = self.verified() {
            row("verified", &verified)?;
        }
        if let Some(sealed) = self.batches.zip(self.sealed_batches).and_then(sealed) {
            row("seals", &sealed)?;
        }
        if let Some(LastCheckpoint { number, batches, records }) = self.checkpoint {
            let (records, batches) = (HumanCount(records.unsigned_abs()), HumanCount(batches.unsigned_abs()));
            row(
                "checkpoint",
                &format!("{number}, over {records} records in {batches} batches, each behind the one before"),
            )?;
        }
        if let Some(Covered { rows, waiting, unseen }) = self.coverage {
            let (rows, waiting, unseen) = (HumanCount(rows), HumanCount(waiting), HumanCount(unseen));
            row("coverage", &format!("{rows} rows in the table, of which {waiting} wait and {unseen} were not seen"))?;
        }
        for line in self.rows.iter().flat_map(compared) {
            row("rows now", &line)?;
        }
        row("keys", &format!("{}, of which {} signed, batches of {}", self.all_keys, self.keys, self.batch_size))?;
        for key in &self.revoked_keys {
            row("revoked", &key.to_string())?;
        }
        let optional = [
            ("backend", &self.backend),
            ("merkle root", &self.merkle_root),
            ("view", &self.signed_view),
            ("receipt", &self.receipt_digest.as_ref().map(|digest| format!("sha256:{digest}"))),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                row(name, value)?;
            }
        }
        if let Some(certified) = &self.certified {
            row("certified", &certified.to_string())?;
        }
        for anchor in &self.anchors {
            row("time", &anchor.to_string())?;
        }
        row("uid", &self.uid.to_string())?;
        self.proves.as_ref().map_or(Ok(()), |proof| row("proves", proof))
    }

    fn rejects(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Reject { id, key, reason, detail } in &self.rejects {
            let (record, reason, detail) = (named_record(*id, key.as_ref()), printable(reason), printable(detail));
            writeln!(out, "  {:<12} {record}: {reason}: {detail}", "reject")?;
        }
        let more = self.rejected.saturating_sub(self.rejects.len() as u64);
        if more > 0 {
            let (more, job) = (HumanCount(more), printable(&self.job));
            writeln!(out, "  {:<12} and {more} more; `vaultstream status --job {job}` shows them", "")?;
        }
        Ok(())
    }

    fn signed(&self) -> String {
        let mut signed = HumanCount(self.signed).to_string();
        match self.signed_now {
            Some(0) if self.signed > 0 => signed.push_str(", none of them now"),
            Some(now) if now < self.signed => signed.push_str(&format!(", of which {} now", HumanCount(now))),
            _ => {}
        }
        if let (Some(seconds), Some(rate)) = (self.seconds, self.records_per_second) {
            signed.push_str(&format!(" in {seconds:.2} s, {}/s", HumanCount(rate)));
        }
        if let Some(paused) = self.paused_seconds {
            signed.push_str(&format!(", pauses of {paused:.0} s left out"));
        }
        signed
    }

    fn verified(&self) -> Option<String> {
        if self.mode == Some("sql") {
            return Some("no signature of a record; only completeness, seals, Merkle root and receipt".to_owned());
        }
        let (checked, right) = (self.checked?, self.verified?);
        let number = if checked == right {
            HumanCount(right).to_string()
        } else {
            format!("{} of {}", HumanCount(right), HumanCount(checked))
        };
        let by = self.verified_by.map(|checker| self.by(checker)).unwrap_or_default();
        let also =
            if self.verifier_also_signed { ", which has signed, too: no other implementation is here" } else { "" };
        let sample = if self.mode == Some("sample") && checked < self.signed {
            format!("; a sample: `vaultstream verify --job {}` checks all", self.job)
        } else {
            String::new()
        };
        let seconds = self.verify_seconds.unwrap_or_default();
        Some(format!("{number} signatures in {seconds:.2} s{by}{also}{sample}"))
    }

    /// What verified, and what verified the signatures that its equations did not prove.
    fn by(&self, checker: Backend) -> String {
        match self.equations {
            Some(Equations { checked_by_equation: 0, one_by_one_by, .. }) => format!(" by {one_by_one_by}, one by one"),
            Some(Equations { checked_one_by_one: some @ 1.., one_by_one_by, .. }) => {
                format!(" by {checker}, {} of them one by one by {one_by_one_by}", HumanCount(some))
            }
            _ => format!(" by {checker}"),
        }
    }
}

/// How many of the batches are sealed; `None` without batches.
pub(super) fn sealed((batches, sealed): (u64, u64)) -> Option<String> {
    match sealed {
        _ if batches == 0 => None,
        0 => Some("none: the workers of an earlier version sealed no batch".to_owned()),
        all if all == batches => Some(format!("{}, one for each batch, by the key that signed it", HumanCount(all))),
        some => Some(format!(
            "{} for {} batches: an earlier version signed the others",
            HumanCount(some),
            HumanCount(batches)
        )),
    }
}

/// The lines about a table's rows.
fn compared(rows: &Compared) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = &rows.not_compared {
        lines.push(format!("not compared with what was signed: {why}"));
    }
    if let Some(compared) = rows.compared {
        let mut found: Vec<String> = [(rows.changed, "changed"), (rows.gone, "gone"), (rows.unreadable, "unreadable")]
            .into_iter()
            .filter_map(|(count, what)| {
                count.filter(|count| *count > 0).map(|count| format!("{} {what}", HumanCount(count)))
            })
            .collect();
        if found.is_empty() {
            found.push("all as they were signed".to_owned());
        }
        lines.push(format!("{} compared: {}", HumanCount(compared), found.join(", ")));
    }
    let newer = rows.newer.unwrap_or(0);
    if newer > 0 {
        let are = if newer == 1 { "row is" } else { "rows are" };
        lines.push(format!("{} {are} newer than this job and not signed", HumanCount(newer)));
    }
    let between = rows.unsigned.unwrap_or(0).saturating_sub(newer);
    if between > 0 {
        let came = if between == 1 { "row came" } else { "rows came" };
        lines.push(format!("{} {came} in between later, without a signature", HumanCount(between)));
    }
    lines
}
