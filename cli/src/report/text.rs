//! A report as text: the verdict, the problems, and the figures.

use std::fmt;

use indicatif::HumanCount;
use vaultstream_signing::Backend;

use super::{Equations, Reject, Report, Verdict};
use crate::{
    output::{Colour, paint, printable},
    verify::compared::Compared,
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
        self.proves.map_or(Ok(()), |proof| row("proves", proof))
    }

    fn rejects(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Reject { id, reason, detail } in &self.rejects {
            writeln!(out, "  {:<12} record {id}: {}: {}", "reject", printable(reason), printable(detail))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::problem::{Problem, ProblemKind};

    /// A verified job of 1,000 records, 10 of which are rejected.
    fn report() -> Report {
        Report {
            verdict: Verdict::Verified,
            job: "default/job".to_owned(),
            uid: uuid::Uuid::from_u128(7),
            state: "Complete",
            records: 1000,
            signed: 990,
            signed_now: None,
            rejected: 10,
            changed: 0,
            mode: Some("full"),
            checked: Some(990),
            verified: Some(990),
            verified_by: Some(Backend::Reference),
            equations: None,
            verifier_also_signed: false,
            verify_seconds: Some(0.5),
            batches: Some(2),
            sealed_batches: Some(2),
            rows: None,
            seconds: Some(2.0),
            paused_seconds: None,
            records_per_second: Some(500),
            seed_seconds: Some(0.1),
            backend: Some("native".to_owned()),
            keys: 3,
            all_keys: 5,
            batch_size: 500,
            merkle_root: Some("11".repeat(32)),
            receipt_digest: Some("22".repeat(32)),
            certified: None,
            anchors: Vec::new(),
            revoked_keys: Vec::new(),
            problems: Vec::new(),
            proves: None,
            failure: None,
            rejects: vec![Reject {
                id: 4,
                reason: "PayloadIsNull".to_owned(),
                detail: "the payload is NULL".to_owned(),
            }],
        }
    }

    /// A report of signatures of which these were proved by equations, and those verified one by one.
    fn by_equations(checked_by_equation: u64, checked_one_by_one: u64) -> Report {
        let one_by_one_by = Backend::Native;
        let equations = Some(Equations { checked_by_equation, checked_one_by_one, one_by_one_by });
        Report { verified_by: Some(Backend::Engine), equations, ..report() }
    }

    /// The lines of a report without the blanks of its columns.
    fn lines(report: &Report) -> Vec<String> {
        report.to_string().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_verified_job_is_reported_with_all_its_figures() {
        let expected = [
            "VERIFIED",
            "default/job Complete",
            "records 1,000",
            "signed 990 in 2.00 s, 500/s",
            "rejected 10",
            "verified 990 signatures in 0.50 s by reference",
            "seals 2, one for each batch, by the key that signed it",
            "keys 5, of which 3 signed, batches of 500",
            "backend native",
            &format!("merkle root {}", "11".repeat(32)),
            &format!("receipt sha256:{}", "22".repeat(32)),
            "uid 00000000-0000-0000-0000-000000000007",
            "reject record 4: PayloadIsNull: the payload is NULL",
            "and 9 more; `vaultstream status --job default/job` shows them",
        ];
        assert_eq!(lines(&report()), expected);
    }

    #[test]
    fn what_a_good_verdict_does_not_cover_is_said_beside_it() {
        let compared = |rows: Compared| Report { rows: Some(rows), ..report() };
        let lost = Compared { not_compared: Some("the table is gone".to_owned()), ..Compared::default() };
        let changed = Compared { compared: Some(990), changed: Some(1), gone: Some(2), ..Compared::default() };
        let cases = [
            (report(), "VERIFIED"),
            (Report { mode: Some("sample"), ..report() }, "VERIFIED (a sample of the signatures)"),
            (Report { mode: Some("sql"), ..report() }, "VERIFIED (no signature was checked)"),
            (compared(lost), "VERIFIED (its rows could not be compared)"),
            (compared(changed), "VERIFIED (3 rows are no longer what was signed)"),
            (
                compared(Compared { changed: Some(1), ..Compared::default() }),
                "VERIFIED (1 row is no longer what was signed)",
            ),
            (Report { verdict: Verdict::NotVerified, mode: Some("sql"), ..report() }, "NOT VERIFIED"),
        ];
        for (report, verdict) in cases {
            assert_eq!(lines(&report)[0], verdict);
        }
    }

    #[test]
    fn the_part_of_this_run_and_its_pauses_are_told() {
        let cases = [
            (None, None, "990 in 2.00 s, 500/s"),
            (Some(990), None, "990 in 2.00 s, 500/s"),
            (Some(400), None, "990, of which 400 now in 2.00 s, 500/s"),
            (Some(0), None, "990, none of them now in 2.00 s, 500/s"),
            (None, Some(61.4), "990 in 2.00 s, 500/s, pauses of 61 s left out"),
        ];
        for (signed_now, paused_seconds, signed) in cases {
            assert_eq!(Report { signed_now, paused_seconds, ..report() }.signed(), signed);
        }
        assert_eq!(Report { seconds: None, records_per_second: None, ..report() }.signed(), "990");
    }

    #[test]
    fn batches_that_an_earlier_version_signed_are_told_from_sealed_ones() {
        assert_eq!(sealed((0, 0)), None);
        assert_eq!(sealed((3, 0)).unwrap(), "none: the workers of an earlier version sealed no batch");
        assert_eq!(sealed((1_000, 12)).unwrap(), "12 for 1,000 batches: an earlier version signed the others");
    }

    #[test]
    fn what_was_checked_and_by_which_implementation_is_told() {
        let cases = [
            (
                Report { mode: Some("sql"), ..report() },
                Some("no signature of a record; only completeness, seals, Merkle root and receipt"),
            ),
            (Report { verified: Some(989), ..report() }, Some("989 of 990 signatures in 0.50 s by reference")),
            (
                Report { verifier_also_signed: true, ..report() },
                Some("990 signatures in 0.50 s by reference, which has signed, too: no other implementation is here"),
            ),
            (
                Report { mode: Some("sample"), checked: Some(100), verified: Some(100), ..report() },
                Some(
                    "100 signatures in 0.50 s by reference; a sample: `vaultstream verify --job default/job` checks all",
                ),
            ),
            // A sample of all is no sample.
            (Report { mode: Some("sample"), ..report() }, Some("990 signatures in 0.50 s by reference")),
            (Report { checked: None, verified: None, ..report() }, None),
            (by_equations(990, 0), Some("990 signatures in 0.50 s by engine")),
            (by_equations(900, 90), Some("990 signatures in 0.50 s by engine, 90 of them one by one by native")),
            (by_equations(0, 990), Some("990 signatures in 0.50 s by native, one by one")),
        ];
        for (report, verified) in cases {
            assert_eq!(report.verified().as_deref(), verified);
        }
    }

    #[test]
    fn rows_that_differ_are_counted_by_kind() {
        let all = Compared {
            compared: Some(990),
            changed: Some(0),
            gone: Some(0),
            unreadable: Some(0),
            ..Compared::default()
        };
        let some = Compared { changed: Some(1), gone: Some(2), unreadable: Some(3), ..all.clone() };
        let later = Compared { unsigned: Some(5), newer: Some(4), ..all.clone() };
        let one = Compared { unsigned: Some(2), newer: Some(1), ..all.clone() };
        let cases = [
            (all, vec!["990 compared: all as they were signed"]),
            (some, vec!["990 compared: 1 changed, 2 gone, 3 unreadable"]),
            (
                later,
                vec![
                    "990 compared: all as they were signed",
                    "4 rows are newer than this job and not signed",
                    "1 row came in between later, without a signature",
                ],
            ),
            (
                one,
                vec![
                    "990 compared: all as they were signed",
                    "1 row is newer than this job and not signed",
                    "1 row came in between later, without a signature",
                ],
            ),
            (Compared::default(), vec![]),
        ];
        for (rows, lines) in cases {
            assert_eq!(compared(&rows), lines);
        }
    }

    #[test]
    fn problems_come_first_and_command_no_terminal() {
        let problems = vec![Problem::new(ProblemKind::Receipt, "\u{1b}[2Jthe receipt is missing")];
        let wrong = Report { verdict: Verdict::NotVerified, problems, ..report() };
        assert_eq!(
            lines(&wrong)[..3],
            ["NOT VERIFIED", "default/job Complete", "PROBLEM \\u{1b}[2Jthe receipt is missing"]
        );
    }

    #[test]
    fn json_leaves_out_what_is_unknown() {
        let json = serde_json::to_value(Report { merkle_root: None, seconds: None, ..report() }).unwrap();
        assert_eq!((&json["verdict"], &json["signed"], &json["allKeys"]), (&"VERIFIED".into(), &990.into(), &5.into()));
        let reject = serde_json::json!({"id": 4, "reason": "PayloadIsNull", "detail": "the payload is NULL"});
        assert_eq!(json["rejects"], serde_json::json!([reject]));
        for absent in [
            "checkedByEquation",
            "merkleRoot",
            "seconds",
            "changed",
            "signedNow",
            "rows",
            "failure",
            "verifierAlsoSigned",
        ] {
            assert!(json.get(absent).is_none(), "{absent}: {json}");
        }
    }
}
