//! Vectors of jobs whose ids are ordinals, with the keys of rows beside them, and of receipts that say what ids are.

use serde_json::{Value, json};

use crate::{
    job::{Job, Signing},
    vector::{BAD, GOOD, Vector},
};

/// Two keys, three batches, ten records, one reject.
fn ordinals() -> Job {
    let mut job = Job::of_batches(&[&[1, 2, 3, 4], &[5, 6, 8], &[9, 10, 11]]);
    job.batches[1].rejects = vec![7];
    Job { bundle: 3, receipt_format: 5, ..job }
}

/// A job whose spec names one column as its key, a uuid.
fn of_uuids() -> Job {
    Job {
        key_of_spec: json!({"key": "ref"}),
        key_of_receipt: json!({"keyColumns": ["ref"], "ids": "Ordinals"}),
        row_key: Some(uuid),
        ..ordinals()
    }
}

pub(crate) fn uuid(id: i64) -> Vec<String> {
    vec![format!("0190d4e2-0000-7000-8000-{id:012x}")]
}

/// A job whose spec names two columns.
fn of_texts() -> Job {
    Job {
        key_of_spec: json!({"keyColumns": ["region", "größe"]}),
        key_of_receipt: json!({"keyColumns": ["region", "größe"], "ids": "Ordinals"}),
        row_key: Some(texts),
        ..ordinals()
    }
}

/// What has an escape in JSON, and what must have none.
const TEXTS: [&str; 11] = [
    "north",
    "\"quoted\" \\ and / not",
    "\u{8}\t\n\u{c}\r",
    "\u{1}\u{b}\u{1f}",
    "\u{7f}\u{80}\u{85}\u{ad}",
    "\u{2028}\u{2029}\u{feff}\u{fffe}",
    "😀 e\u{301} é \u{202e}",
    "</script><!-- &amp; %41 \\u0041",
    "",
    " ",
    "\\x00ff5c",
];

fn texts(id: i64) -> Vec<String> {
    let place = usize::try_from(id - 1).expect("an ordinal");
    vec![TEXTS[place].to_owned(), TEXTS[(place + 1) % TEXTS.len()].to_owned()]
}

/// A job whose ids are the values of its key, one column of integers.
fn of_ids(key_of_spec: Value) -> Job {
    Job { key_of_spec, key_of_receipt: json!({"keyColumns": ["id"], "ids": "Keys"}), receipt_format: 5, ..Job::new() }
}

pub(crate) fn keys() -> Vec<Vector> {
    [honest(), other_keys(), other_receipts(), edited()].into_iter().flatten().collect()
}

fn honest() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: GOOD, why };
    let rows = json!({"columns": ["ref", "doc"], "json": "JCS"});
    vec![
        of("keys-uuid", "ids are ordinals, each beside the uuid of its row", of_uuids()),
        of("keys-text", "keys of two columns, with all that text may have", of_texts()),
        of("keys-no-payloads", "keys and digests only", Job { payloads: false, ..of_texts() }),
        of(
            "keys-primary",
            "the primary key, which the receipt alone names, of rows that are bound to job and id",
            Job { signed: rows, key_of_spec: json!({}), signing: Signing::Bound, payloads: false, ..of_uuids() },
        ),
        of(
            "ids-key-columns",
            "ids are the values of the column that the spec lists",
            of_ids(json!({"keyColumns": ["id"]})),
        ),
        of("ids-primary", "ids are the values of the primary key, which the receipt alone names", of_ids(json!({}))),
    ]
}

/// Bundles whose maker has all keys, and put into lines and leaves what has no place there.
fn other_keys() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: BAD, why };
    let ids = json!({"keyColumns": ["ref"], "ids": "Keys"});
    vec![
        of(
            "key-twice",
            "two records of one row",
            Job { row_key: Some(|id| uuid(if id == 9 { 3 } else { id })), ..of_uuids() },
        ),
        of(
            "key-twice-in-reject",
            "a record and a reject of one row",
            Job { row_key: Some(|id| uuid(if id == 7 { 3 } else { id })), ..of_uuids() },
        ),
        of(
            "key-longer",
            "keys of two values where the receipt names one column",
            Job { row_key: Some(|id| [uuid(id), uuid(id)].concat()), ..of_uuids() },
        ),
        of(
            "key-shorter",
            "keys of one value where the receipt names two columns",
            Job { row_key: Some(uuid), ..of_texts() },
        ),
        of(
            "keys-in-format-2",
            "keys of rows in a bundle of the second format",
            Job { bundle: 2, row_key: Some(uuid), ..of_ids(json!({})) },
        ),
        of("keys-left-out", "a bundle of the third format without keys", Job { row_key: None, ..of_uuids() }),
        of(
            "keys-of-ids",
            "keys of rows, and a receipt that says that ids are keys",
            Job { key_of_spec: json!({}), key_of_receipt: ids, ..of_uuids() },
        ),
        of(
            "ordinals-in-format-2",
            "ids that are ordinals, in a bundle of the second format",
            Job { bundle: 2, row_key: None, ..of_uuids() },
        ),
    ]
}

/// Bundles whose receipt says of key and ids what the spec does not say, or its format does not have.
fn other_receipts() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: BAD, why };
    let saying = |key_of_receipt: Value, job: Job| Job { key_of_receipt, ..job };
    let columns = || of_ids(json!({"keyColumns": ["id"]}));
    vec![
        of(
            "receipt-key-columns",
            "a receipt with the spec's key columns in another order",
            saying(json!({"keyColumns": ["größe", "region"], "ids": "Ordinals"}), of_texts()),
        ),
        of(
            "receipt-other-key",
            "a receipt with another key than the spec",
            saying(json!({"keyColumns": ["id"], "ids": "Ordinals"}), of_uuids()),
        ),
        of(
            "receipt-no-ids",
            "a receipt that does not say what ids are, of a spec with key columns",
            Job { receipt_format: 3, ..saying(json!({"keyColumns": ["id"]}), columns()) },
        ),
        of(
            "receipt-no-ids-primary",
            "a receipt that does not say what ids are, of a spec without a key",
            Job { receipt_format: 3, ..saying(json!({"keyColumns": ["id"]}), of_ids(json!({}))) },
        ),
        of("receipt-ids-of-key", "a receipt that says that ids are keys, which a spec with a key says itself", {
            of_ids(json!({"key": "id"}))
        }),
        of(
            "receipt-no-key-columns",
            "a receipt without a column of the primary key",
            saying(json!({"keyColumns": [], "ids": "Keys"}), of_ids(json!({}))),
        ),
        of(
            "receipt-ordinals-of-none",
            "a receipt without a column of the primary key, of a record whose key has no value",
            {
                let one =
                    Job { bundle: 3, receipt_format: 5, row_key: Some(|_| Vec::new()), ..Job::of_batches(&[&[1]]) };
                Job { key_of_spec: json!({}), key_of_receipt: json!({"keyColumns": [], "ids": "Ordinals"}), ..one }
            },
        ),
        of(
            "receipt-keys-of-two",
            "ids that are the values of two columns",
            saying(json!({"keyColumns": ["region", "id"], "ids": "Keys"}), of_ids(json!({}))),
        ),
        of(
            "receipt-key-number",
            "a receipt whose key column is no text",
            saying(json!({"keyColumns": [1], "ids": "Keys"}), of_ids(json!({}))),
        ),
        of("spec-two-keys", "a spec that names its key twice", {
            Job { key_of_spec: json!({"key": "ref", "keyColumns": ["ref"]}), ..of_uuids() }
        }),
        of("receipt-other-ids", "ids that are something else", {
            saying(json!({"keyColumns": ["id"], "ids": "Rows"}), columns())
        }),
        of("receipt-ids-null", "an absent member of the receipt's source that is written", {
            Job { receipt_format: 3, ..saying(json!({"keyColumns": ["id"], "ids": null}), Job::new()) }
        }),
        of("receipt-json-null", "another one", {
            Job { signed: json!({"payload": "doc", "json": null}), ..Job::new() }
        }),
        of("receipt-3-of-ids", "a receipt of a format that does not know what ids are", {
            Job { receipt_format: 3, ..columns() }
        }),
        of("receipt-5-of-key", "a receipt of the fifth format that does not say what ids are", {
            Job { receipt_format: 5, ..Job::new() }
        }),
    ]
}

/// Texts that were changed after they were written.
fn edited() -> Vec<Vector> {
    let (uuids, texts) = (of_uuids().text(), of_texts().text());
    let of = |name, why, text: String| Vector { name, text, verdict: BAD, why };
    let replaced = |text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let [second, third, seventh] = [2, 3, 7].map(|id| format!("\"{}\"", uuid(id)[0]));
    let swapped = uuids.replace(&second, "*").replace(&third, &second).replace('*', &third);
    vec![
        of("keys-swapped", "two records with each other's keys", swapped),
        of("key-changed-in-reject", "a reject of another row", {
            replaced(&uuids, &seventh, &format!("\"{}\"", uuid(12)[0]))
        }),
        of("key-missing", "a record without the key of its row", replaced(&uuids, &format!(",\"key\":[{second}]"), "")),
        of("key-missing-in-reject", "a reject without the key of its row", {
            replaced(&uuids, &format!(",\"key\":[{seventh}]"), "")
        }),
        of("key-null", "an absent key that is written", replaced(&uuids, &format!("[{second}]"), "null")),
        of("key-text", "a key that is no list", replaced(&uuids, &format!("[{second}]"), &second)),
        of("key-number", "a key with a number", replaced(&uuids, &format!("[{second}]"), "[2]")),
        of("key-surrogate", "a key with half a surrogate pair", replaced(&uuids, &second, "\"\\ud800\"")),
        of("key-out-of-place", "a key behind the digest", {
            let line = uuids.lines().find(|line| line.contains(&second)).expect("a record");
            let key = format!(",\"key\":[{second}]");
            let (before, behind) = line.split_once(&key).expect("a key");
            let (digest, signature) = behind.split_once(",\"signature\"").expect("a signature");
            replaced(&uuids, line, &format!("{before}{digest}{key},\"signature\"{signature}"))
        }),
        of(
            "key-white-space",
            "a space between the values of a key",
            replaced(&texts, "[\"north\",\"", "[\"north\", \""),
        ),
        of("key-escape", "a character of a key that is escaped without need", {
            replaced(&texts, "[\"north\"", "[\"n\\u006frth\"")
        }),
        of("key-escape-upper-case", "an escape of a key in upper case", replaced(&texts, "\\u001f", "\\u001F")),
        of("key-separator-escaped", "a line separator of a key that is escaped", {
            replaced(&texts, "\u{2028}", "\\u2028")
        }),
    ]
}
