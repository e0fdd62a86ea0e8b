//! Vectors of rows of several columns, and of canonical JSON.

use serde_json::json;
use vaultstream_signing::RowForm;

use crate::{
    job::{Job, Record, Signing, UID},
    vector::{BAD, GOOD, Vector},
};

const TEXT: u32 = 25;
const BYTES: u32 = 17;
const NULL: u32 = u32::MAX;

/// A value of a row: kind, length, bytes.
type Value<'a> = (u32, u32, &'a [u8]);

const AMOUNT: Value<'static> = (TEXT, 5, b"12.50");
const SCAN: Value<'static> = (BYTES, 3, &[0, 255, 10]);
const NOTE: Value<'static> = (TEXT, NULL, b"");

/// The row of a record, with values behind its id.
fn row(columns: &[&str], count: u32, id: i64, others: &[Value<'_>]) -> Vec<u8> {
    let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    let mut row = RowForm::new(UID, &columns).prefix().to_vec();
    let id = id.to_string();
    let length = u32::try_from(id.len()).expect("a few digits");
    row.extend(count.to_be_bytes());
    for (kind, length, bytes) in [(TEXT, length, id.as_bytes())].iter().chain(others) {
        row.extend([kind.to_be_bytes(), length.to_be_bytes()].concat());
        row.extend(*bytes);
    }
    row
}

const COLUMNS: [&str; 4] = ["id", "größe", "scan", "note"];

/// A job of rows, each made of its record's id by `of_id`.
fn of_rows(of_id: impl Fn(i64) -> Vec<u8>) -> Job {
    let mut job = Job { signed: json!({"columns": COLUMNS}), receipt_format: 4, ..Job::new() };
    for record in job.batches.iter_mut().flat_map(|batch| &mut batch.records) {
        record.payload = of_id(record.id);
    }
    job
}

fn honest(id: i64) -> Vec<u8> {
    row(&COLUMNS, 4, id, &[AMOUNT, SCAN, NOTE])
}

/// A job of rows, of which the third is something else, signed with the right digest.
fn with_third(payload: Vec<u8>) -> Job {
    of_rows(honest).changing(3, |record: &mut Record| record.payload.clone_from(&payload))
}

pub(crate) fn rows() -> Vec<Vector> {
    let good = |name, why, job: Job| Vector { name, text: job.text(), verdict: GOOD, why };
    let bad = |name, why, job: Job| Vector { name, text: job.text(), verdict: BAD, why };
    let cut = honest(3)[..honest(3).len() - 1].to_vec();
    let other_job = {
        let mut row = honest(3);
        row[19] ^= 1;
        row
    };
    let of_json = || Job { signed: json!({"json": "JCS", "payload": "doc"}), receipt_format: 4, ..Job::new() };
    vec![
        good("rows", "what was signed is four columns of a row", of_rows(honest)),
        good("rows-bound", "and is bound to job and id", Job { signing: Signing::Bound, ..of_rows(honest) }),
        good("rows-no-payloads", "digests of rows only", Job { payloads: false, ..of_rows(honest) }),
        good(
            "rows-json",
            "with canonical JSON",
            Job { signed: json!({"columns": COLUMNS, "json": "JCS"}), ..of_rows(honest) },
        ),
        good("json-canonical", "a payload of canonical JSON", of_json()),
        bad("row-no-row", "a payload that is no row", with_third(b"record 3".to_vec())),
        bad("row-of-another-job", "the row of another job", with_third(other_job)),
        bad("row-cut", "a row that is cut short", with_third(cut)),
        bad("row-longer", "bytes behind a row", with_third([honest(3), vec![0]].concat())),
        bad(
            "row-of-other-columns",
            "a row with another name of a column",
            with_third(row(&["id", "größe", "scan", "mote"], 4, 3, &[AMOUNT, SCAN, NOTE])),
        ),
        bad(
            "row-count",
            "a row that has fewer values than it says",
            with_third(row(&COLUMNS, 5, 3, &[AMOUNT, SCAN, NOTE])),
        ),
        bad("row-short", "a row of fewer values", with_third(row(&COLUMNS, 3, 3, &[AMOUNT, SCAN]))),
        bad("row-kind", "a value of another kind", with_third(row(&COLUMNS, 4, 3, &[(26, 1, b"1"), SCAN, NOTE]))),
        bad(
            "row-length",
            "a value that is longer than its row",
            with_third(row(&COLUMNS, 4, 3, &[AMOUNT, SCAN, (TEXT, 0x7fff_ffff, b"")])),
        ),
        bad(
            "receipt-3-of-rows",
            "a receipt of a format that knows no rows",
            Job { receipt_format: 3, ..of_rows(honest) },
        ),
        bad(
            "receipt-4-of-payload",
            "a receipt of the format of rows, of none",
            Job { receipt_format: 4, ..Job::new() },
        ),
        bad(
            "receipt-columns",
            "a receipt of other columns",
            Job { change_receipt: Some(|receipt| receipt["source"]["columns"][1] = "size".into()), ..of_rows(honest) },
        ),
        bad(
            "receipt-json",
            "a receipt without the form of JSON",
            Job { change_receipt: Some(|receipt| receipt["source"]["json"] = "Text".into()), ..of_json() },
        ),
    ]
}
