//! Vectors of checkpoints: bundles of a job that goes on, and what they are to who has an earlier one.

use serde_json::{Value, json};
use vaultstream_signing::{merkle, receipt::checkpoint_digest};

use crate::{
    job::{Job, Record},
    keys::uuid,
    tsa::Making,
    vector::{BAD, GOOD, Vector},
};

/// The first batches of a job that follows its table. The second one was split: its tail is the fourth, behind the ids of the third.
fn covering(batches: usize, change: fn(&mut Value)) -> Job {
    let ids: [&[i64]; 4] = [&[1, 2, 3, 4], &[5, 7], &[11, 13, 14], &[8, 10]];
    let rejects = [&[][..], &[6], &[12], &[9]];
    let mut job = Job::of_batches(&ids[..batches]);
    for (batch, rejects) in job.batches.iter_mut().zip(rejects) {
        batch.rejects = rejects.to_vec();
    }
    Job {
        key_of_spec: json!({"key": "ref"}),
        key_of_receipt: json!({"keyColumns": ["ref"], "ids": "Ordinals"}),
        row_key: Some(uuid),
        bundle: 3,
        receipt_format: 6,
        change_receipt: Some(change),
        ..job
    }
}

fn first() -> Job {
    covering(2, |receipt| receipt["checkpoint"] = json!({"number": 1}))
}

fn middle() -> Job {
    covering(3, |receipt| receipt["checkpoint"] = json!({"number": 2, "previous": digest(&first())}))
}

fn last() -> Job {
    covering(4, |receipt| {
        receipt["checkpoint"] = json!({"number": 3, "previous": digest(&middle()), "last": true});
    })
}

/// The receipt of a job.
fn jws(job: &Job) -> String {
    let text = job.text();
    let header: Value = serde_json::from_str(text.lines().next().expect("a header")).expect("JSON");
    header["receipt"].as_str().expect("a receipt").to_owned()
}

fn digest(job: &Job) -> String {
    merkle::to_hex(&checkpoint_digest(&jws(job)))
}

/// Files of checkpoints that a reader may have, and their names.
pub(crate) fn earlier() -> Vec<(&'static str, String)> {
    let other_batches = first().changing(3, |record: &mut Record| record.payload = b"another past".to_vec());
    let number_1 = |receipt: &mut Value| receipt["checkpoint"] = json!({"number": 1});
    let files = [
        ("checkpoint-first.jws", first()),
        ("checkpoint-middle.jws", middle()),
        ("checkpoint-last.jws", last()),
        ("checkpoint-of-nothing.jws", covering(0, number_1)),
        ("checkpoint-other-batches.jws", other_batches),
        ("checkpoint-other-key.jws", Job { receipt_key_signs: true, ..first() }),
        ("checkpoint-other-job.jws", {
            covering(2, |receipt| {
                receipt["checkpoint"] = json!({"number": 1});
                receipt["uid"] = json!("00000000-0000-0000-0000-000000000009");
            })
        }),
        ("checkpoint-other-time.jws", {
            covering(2, |receipt| {
                receipt["checkpoint"] = json!({"number": 1});
                receipt["madeAt"] = json!("2026-01-01T00:01:02.000Z");
            })
        }),
        ("checkpoint-more-batches.jws", {
            covering(4, |receipt| {
                receipt["checkpoint"] = json!({"number": 1});
                receipt["treeSize"] = json!(5);
            })
        }),
        ("checkpoint-ended.jws", { covering(2, |receipt| receipt["checkpoint"] = json!({"number": 1, "last": true})) }),
        ("receipt-of-finished.jws", Job { receipt_format: 5, change_receipt: None, ..first() }),
    ];
    files.map(|(name, job)| (name, jws(&job) + "\n")).into_iter().collect()
}

/// What is said of bundles by who has these checkpoints.
pub(crate) fn extended() -> Vec<Value> {
    let of = |file: &str, earlier: &str, verdict: &str, why: &str| json!({"file": file, "checkpoint": earlier, "verdict": verdict, "why": why});
    let (middle, last) = ("checkpoint-middle.vsb", "checkpoint-last.vsb");
    vec![
        of(middle, "checkpoint-first.jws", GOOD, "the checkpoint before"),
        of(last, "checkpoint-middle.jws", GOOD, "the checkpoint before the last one"),
        of(last, "checkpoint-first.jws", GOOD, "an earlier checkpoint"),
        of(
            last,
            "checkpoint-other-time.jws",
            GOOD,
            "an earlier checkpoint of the same batches: the chain between is not in the bundle",
        ),
        of(last, "checkpoint-of-nothing.jws", GOOD, "an earlier checkpoint without batches"),
        of(middle, "checkpoint-other-time.jws", BAD, "a checkpoint of the same batches that is not the one before"),
        of(last, "checkpoint-other-batches.jws", BAD, "a checkpoint of other batches"),
        of(last, "checkpoint-other-key.jws", BAD, "a checkpoint that another key signed"),
        of(last, "checkpoint-other-job.jws", BAD, "a checkpoint of another job"),
        of(middle, "checkpoint-last.jws", BAD, "a later checkpoint"),
        of(middle, "checkpoint-middle.jws", BAD, "the same checkpoint"),
        of(last, "checkpoint-more-batches.jws", BAD, "a checkpoint of more batches"),
        of(last, "checkpoint-ended.jws", BAD, "the last checkpoint of a job that went on"),
        of(last, "receipt-of-finished.jws", BAD, "the receipt of a finished job"),
        of("keys-uuid.vsb", "checkpoint-first.jws", BAD, "a bundle whose receipt is no checkpoint"),
        of(last, "tsa-roots.pem", BAD, "what is no checkpoint at all"),
    ]
}

pub(crate) fn checkpoints() -> Vec<Vector> {
    [honest(), other_places(), other_formats()].into_iter().flatten().collect()
}

fn honest() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: GOOD, why };
    vec![
        of("checkpoint-first", "the first checkpoint of a job that goes on", first()),
        of("checkpoint-middle", "the second one: the ids of its batches have a gap", middle()),
        of("checkpoint-last", "the last one: rejects are in the order of batches, which is not that of ids", last()),
        of("checkpoint-no-payloads", "a checkpoint without payloads", Job { payloads: false, ..last() }),
        of("checkpoint-confirmed", "a checkpoint with a certificate in its header and a timestamp token", {
            let tokens: fn(&str) -> Vec<Vec<u8>> = |receipt| vec![Making::RIGHT.token(receipt)];
            Job { receipt_header: json!({"x5c": ["AAEC"]}), tokens, ..middle() }
        }),
        of("checkpoint-of-nothing", "the only checkpoint of a job without records", {
            covering(0, |receipt| receipt["checkpoint"] = json!({"number": 1, "last": true}))
        }),
    ]
}

/// Checkpoints whose place has another form.
fn other_places() -> Vec<Vector> {
    let of = |name, why, change| Vector { name, text: covering(2, change).text(), verdict: BAD, why };
    vec![
        of("checkpoint-null", "a checkpoint that is null", |receipt| receipt["checkpoint"] = Value::Null),
        of("checkpoint-without-number", "a checkpoint without its number", |receipt| receipt["checkpoint"] = json!({})),
        of("checkpoint-zero", "a checkpoint before the first", |receipt| receipt["checkpoint"] = json!({"number": 0})),
        of("checkpoint-text", "a number that is text", |receipt| receipt["checkpoint"] = json!({"number": "1"})),
        of("checkpoint-fraction", "a number that is written with a fraction", |receipt| {
            receipt["checkpoint"] = json!({"number": 1.0});
        }),
        of("checkpoint-true", "a number that is true", |receipt| receipt["checkpoint"] = json!({"number": true})),
        of("checkpoint-number-null", "a number that is null", |receipt| {
            receipt["checkpoint"] = json!({"number": null});
        }),
        of("checkpoint-too-large", "a number that not all readers of JSON have exactly", |receipt| {
            receipt["checkpoint"] = json!({"number": 1_u64 << 53, "previous": "00".repeat(32)});
        }),
        of("checkpoint-first-of-another", "the first checkpoint with one before it", |receipt| {
            receipt["checkpoint"] = json!({"number": 1, "previous": "00".repeat(32)});
        }),
        of("checkpoint-alone", "the second checkpoint without one before it", |receipt| {
            receipt["checkpoint"] = json!({"number": 2});
        }),
        of("checkpoint-previous-null", "an absent digest that is written", |receipt| {
            receipt["checkpoint"] = json!({"number": 1, "previous": null});
        }),
        of("checkpoint-previous-upper-case", "a digest in upper case", |receipt| {
            receipt["checkpoint"] = json!({"number": 2, "previous": "AB".repeat(32)});
        }),
        of("checkpoint-previous-short", "a digest that is too short", |receipt| {
            receipt["checkpoint"] = json!({"number": 2, "previous": "ab".repeat(31)});
        }),
        of("checkpoint-last-false", "an absent member that is written as false", |receipt| {
            receipt["checkpoint"] = json!({"number": 1, "last": false});
        }),
        of("checkpoint-last-null", "an absent member that is written as null", |receipt| {
            receipt["checkpoint"] = json!({"number": 1, "last": null});
        }),
        of("checkpoint-last-number", "a last one that is 1", |receipt| {
            receipt["checkpoint"] = json!({"number": 1, "last": 1});
        }),
        of("checkpoint-member", "a member that a checkpoint does not have", |receipt| {
            receipt["checkpoint"] = json!({"number": 1, "next": 2});
        }),
    ]
}

/// Checkpoints in formats that have none, and formats of checkpoints that are none.
fn other_formats() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: BAD, why };
    let number_1: fn(&mut Value) = |receipt| receipt["checkpoint"] = json!({"number": 1});
    vec![
        of("checkpoint-missing", "a receipt of the sixth format that is no checkpoint", covering(2, |_| ())),
        of("checkpoint-in-format-5", "a checkpoint in the fifth format", Job { receipt_format: 5, ..first() }),
        of("checkpoint-in-format-2", "a checkpoint in the second format", {
            Job { receipt_format: 2, change_receipt: Some(number_1), ..Job::new().without_seals() }
        }),
        of("checkpoint-of-ids", "a checkpoint of a job whose ids are keys", {
            let key_of_receipt = json!({"keyColumns": ["id"], "ids": "Keys"});
            let key_of_spec = json!({"keyColumns": ["id"]});
            Job { receipt_format: 6, change_receipt: Some(number_1), key_of_spec, key_of_receipt, ..Job::new() }
        }),
        of("checkpoint-rejects-by-id", "a checkpoint with the root over the rejects by id", {
            covering(4, |receipt| {
                receipt["checkpoint"] = json!({"number": 1});
                let leaf = |id: i64| {
                    let key = vaultstream_signing::RowKey::new(uuid(id)).hash();
                    let name = vaultstream_signing::RecordName { id, key: Some(key) };
                    merkle::reject_leaf(name, crate::job::REASON)
                };
                receipt["rejectsRoot"] = json!(merkle::to_hex(&merkle::root(&[6, 9, 12].map(leaf))));
            })
        }),
        of("checkpoint-no-rejects", "a checkpoint without the root over the rejects that it has", {
            covering(4, |receipt| {
                receipt["checkpoint"] = json!({"number": 1});
                receipt.as_object_mut().expect("an object").remove("rejectsRoot");
            })
        }),
        of("receipt-format-with-fraction", "a format of the receipt that is written with a fraction", {
            Job { change_receipt: Some(|receipt| receipt["formatVersion"] = json!(3.0)), ..Job::new() }
        }),
        of("checkpoint-covers-more", "a checkpoint of more batches than the bundle has", {
            covering(2, |receipt| {
                receipt["checkpoint"] = json!({"number": 1});
                receipt["treeSize"] = json!(3);
            })
        }),
    ]
}
