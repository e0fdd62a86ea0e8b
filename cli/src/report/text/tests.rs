//! Reports of all kinds, line by line.

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
        goes_on: false,
        checkpoint: None,
        coverage: None,
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
        signed_view: Some("vaultstream.\"signed_default_job\"".to_owned()),
        certified: None,
        anchors: Vec::new(),
        revoked_keys: Vec::new(),
        problems: Vec::new(),
        proves: None,
        failure: None,
        rejects: vec![Reject {
            id: 4,
            key: None,
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
        "view vaultstream.\"signed_default_job\"",
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
            Some("100 signatures in 0.50 s by reference; a sample: `vaultstream verify --job default/job` checks all"),
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
    let all =
        Compared { compared: Some(990), changed: Some(0), gone: Some(0), unreadable: Some(0), ..Compared::default() };
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
    for absent in
        ["checkedByEquation", "merkleRoot", "seconds", "changed", "signedNow", "rows", "failure", "verifierAlsoSigned"]
    {
        assert!(json.get(absent).is_none(), "{absent}: {json}");
    }
}
