//! Writes the test vectors of bundles and of rows into a folder: vectors DIR. The same each time. tests/it/verifiers.rs gives them to all verifiers.
//!
//! ```text
//! Job (what was signed) ─▶ lines ─▶ a file, and whether it is verified
//!   │ a forger's changes      │ a change of the text
//! ```

#![expect(clippy::expect_used, reason = "what it writes is known when it is built")]

mod checkpoints;
mod fixed;
mod job;
mod keys;
mod rows;
mod seal;
mod timestamps;
mod tsa;
mod values;
mod vector;

use std::{fs, path::PathBuf};

use job::{Job, Record, Signing};
use seal::Seal;
use serde_json::{Value, json};
use vaultstream_signing::{Digest, MessageForm};
use vector::{BAD, GOOD, NONE, Vector};

fn main() {
    let dir = PathBuf::from(std::env::args().nth(1).expect("vectors DIR"));
    fs::create_dir_all(&dir).expect("the folder is made");
    let vectors = [
        good(),
        forged(),
        seals(),
        other_receipts(),
        details(),
        headers(),
        edited(),
        rows::rows(),
        keys::keys(),
        timestamps::timestamps(),
        checkpoints::checkpoints(),
    ];
    let vectors: Vec<Vector> = vectors.into_iter().flatten().collect();
    let index: Vec<Value> = vectors
        .iter()
        .map(|vector| json!({"file": format!("{}.vsb", vector.name), "verdict": vector.verdict, "why": vector.why}))
        .chain(timestamps::believed())
        .chain(checkpoints::extended())
        .collect();
    for vector in &vectors {
        fs::write(dir.join(format!("{}.vsb", vector.name)), &vector.text).expect("a vector is written");
    }
    for (name, text) in timestamps::roots().into_iter().chain(checkpoints::earlier()) {
        fs::write(dir.join(name), text).expect("what a verifier has from elsewhere is written");
    }
    let index = serde_json::to_string_pretty(&index).expect("JSON") + "\n";
    fs::write(dir.join("index.json"), index).expect("the index is written");
    let values = serde_json::to_string_pretty(&values::values()).expect("JSON") + "\n";
    fs::write(dir.join("row-values.json"), values).expect("the values are written");
}

/// Bundles of honest jobs.
fn good() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: GOOD, why };
    vec![
        of("payload", "what was signed is the payload", Job::new()),
        of("bound", "what was signed is bound to job and id", Job { signing: Signing::Bound, ..Job::new() }),
        of("no-payloads", "digests only", Job { payloads: false, ..Job::new() }),
        of("one-record", "a tree of one leaf", Job::of_batches(&[&[1]])),
        of(
            "negative-ids",
            "ids down to the least of 64 bits",
            Job::of_batches(&[&[i64::MIN, -7, -1], &[0, 5, i64::MAX]]),
        ),
        of(
            "out-of-order",
            "the ranges of batches do not ascend with their numbers",
            Job::of_batches(&[&[1, 2], &[9, 10], &[5, 6]]),
        ),
        of(
            "nothing-signed",
            "a batch of rejects only, sealed by a key that signed no record",
            Job::new().with_rejected_batch(),
        ),
        of(
            "nothing-signed-unsealed",
            "a batch of rejects only, without a key, of an earlier version",
            Job { receipt_format: 2, ..Job::new().with_rejected_batch().without_seals().without_idle_keys() },
        ),
        of(
            "format-1",
            "a receipt of the first format, without a number",
            Job { receipt_format: 1, ..Job::new().without_seals() },
        ),
        of("format-2", "a receipt of the second format", Job { receipt_format: 2, ..Job::new().without_seals() }),
        of(
            "format-2-sealed",
            "batches with seals, of which a receipt of the second format says nothing",
            Job { receipt_format: 2, ..Job::new() },
        ),
        of(
            "bundle-1",
            "a bundle of the first format",
            Job { bundle: 1, receipt_format: 2, ..Job::new().without_seals() },
        ),
        of("sealed-in-part", "an earlier version signed the last batch", Job::new().sealing_the_last(Seal::Absent)),
        of(
            "certified",
            "a receipt with a certificate in its header",
            Job { receipt_header: json!({"x5c": ["AAEC"]}), ..Job::new() },
        ),
        of("key-tree", "more keys than a receipt lists: it has the root over them", Job::of_many_keys(1_001)),
    ]
}

/// Bundles whose maker has the keys, and signed what is not so. Each line has its form, and all roots fit.
fn forged() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: BAD, why };
    let other_digest = |record: &mut Record| record.digest = Some(Digest::of(b"another payload"));
    vec![
        of(
            "wrong-signature",
            "a signature of another message, under the right roots",
            Job::new().changing(3, |record| {
                record.signed = Some(Digest::of(b"another message"));
            }),
        ),
        of(
            "wrong-payload",
            "the digest that was signed is not that of the payload",
            Job::new().changing(3, other_digest),
        ),
        of(
            "bound-to-another-job",
            "the message names another job",
            Job {
                signing: Signing::Bound,
                ..Job::new().changing(3, |record| {
                    let form = MessageForm::Bound { job: uuid::Uuid::from_u128(9) };
                    record.digest = Some(form.digest(record.id, &record.payload));
                })
            },
        ),
        of(
            "repeated-nonce",
            "two messages signed with one nonce, which discloses the key",
            Job::new().repeating_a_nonce(),
        ),
        of(
            "changed-row",
            "a row that had changed when the bundle was written",
            Job::new().changing(3, |record| {
                record.row = Some(vaultstream_proof::bundle::RowState::Changed);
            }),
        ),
        of("overlap", "two batches cover the same id", Job::of_batches(&[&[1, 4], &[3, 6]])),
        of("compromised-key", "a key that was revoked as compromised", Job { compromised: true, ..Job::new() }),
        of("receipt-key-signs", "the receipt key signs records, too", Job { receipt_key_signs: true, ..Job::new() }),
    ]
}

/// Bundles with seals that are not what they are for.
fn seals() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: BAD, why };
    let last = |seal| Job::new().sealing_the_last(seal);
    let text = Job::new().text();
    let seal = |batch: usize| {
        let line = text.lines().filter(|line| line.starts_with("{\"type\":\"batch\"")).nth(batch).expect("a batch");
        line.rsplit_once("\"seal\":\"").expect("a seal").1.trim_end_matches("\"}").to_owned()
    };
    let edited = |name, why, text: String| Vector { name, text, verdict: BAD, why };
    let (first, second, third) = (seal(0), seal(1), seal(2));
    let changed = format!("{}{}", if first.starts_with('A') { 'B' } else { 'A' }, &first[1..]);
    vec![
        edited("seal-altered", "a seal with one character changed", text.replace(&first, &changed)),
        edited(
            "seals-swapped",
            "two batches of one key with each other's seals",
            text.replace(&first, "*").replace(&third, &first).replace('*', &third),
        ),
        edited("seal-doubled", "a batch with the seal of another key's batch", text.replace(&second, &first)),
        edited(
            "seal-dropped",
            "a batch without the seal that the receipt counts",
            text.replace(&format!(",\"seal\":\"{third}\""), ""),
        ),
        edited("seal-empty", "a seal without bytes", text.replace(&third, "")),
        of("seal-of-another-root", "a seal over another root", last(Seal::OfAnotherRoot)),
        of("seal-by-another-key", "a seal by a key that is not the batch's", last(Seal::ByAnotherKey)),
        of(
            "seal-over-sha-256",
            "a seal over SHA-256, as a record with such a payload would have it",
            last(Seal::OverSha256),
        ),
        of(
            "seal-repeats-a-nonce",
            "a seal and a record signed with one nonce, which discloses the key",
            last(Seal::WithNonce).with_a_known_nonce(),
        ),
        of("seal-in-format-1", "a seal in a bundle of the first format", Job { bundle: 1, ..Job::new() }),
        of("key-without-use", "a key that has signed no record and sealed no batch", Job { keys: 3, ..Job::new() }),
    ]
}

/// Bundles whose receipt has other members of format 3 than its lines. Its key signed it.
fn details() -> Vec<Vector> {
    let of = |name, why, change: fn(&mut Value)| Vector {
        name,
        text: Job { change_receipt: Some(change), ..Job::new() }.text(),
        verdict: BAD,
        why,
    };
    vec![
        of("receipt-tree-size", "the receipt counts another number of batches", |receipt| {
            receipt["treeSize"] = json!(4)
        }),
        of("receipt-sealed", "the receipt counts another number of seals", |receipt| receipt["sealed"] = json!(2)),
        of("receipt-message", "the receipt says another form of messages", |receipt| {
            receipt["message"] = json!("Bound")
        }),
        of("receipt-source", "the receipt names another table", |receipt| receipt["source"]["table"] = json!("other")),
        of("receipt-generated", "the receipt says that the records were made in the ledger", |receipt| {
            receipt["source"] = json!({"kind": "Generated"});
        }),
        of(
            "receipt-checked",
            "the receipt counts other signatures that were verified before they were committed",
            |receipt| {
                receipt["signaturesChecked"] = json!(3);
            },
        ),
        of("receipt-not-checked", "the receipt does not say how many signatures were verified", |receipt| {
            receipt.as_object_mut().expect("an object").remove("signaturesChecked");
        }),
        of("receipt-made-at", "a receipt of format 3 without the time at which it was made", |receipt| {
            receipt.as_object_mut().expect("an object").remove("madeAt");
        }),
        of("receipt-cluster", "a receipt of format 3 without a cluster", |receipt| {
            receipt.as_object_mut().expect("an object").remove("cluster");
        }),
    ]
}

/// Bundles whose receipt has the header of something else.
fn headers() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: BAD, why };
    let with = |header: Value| Job { receipt_header: header, ..Job::new() };
    vec![
        of(
            "receipt-old-type",
            "a receipt of format 3 with the type of earlier ones",
            Job { receipt_type: Some("vaultstream-receipt"), ..Job::new() },
        ),
        of(
            "receipt-new-type",
            "a receipt of format 2 with the type of later ones",
            Job { receipt_type: Some("vaultstream-receipt+jwt"), receipt_format: 2, ..Job::new().without_seals() },
        ),
        of("receipt-other-type", "a token for another purpose", Job { receipt_type: Some("JWT"), ..Job::new() }),
        of("receipt-header-member", "a member in the header that is not known", with(json!({"crit": ["exp"]}))),
        of("receipt-no-certificate", "a list of certificates without one", with(json!({"x5c": []}))),
        of("receipt-odd-certificate", "a certificate that is not base64", with(json!({"x5c": ["*"]}))),
        of(
            "receipt-early-certificate",
            "a certificate in a receipt of format 2",
            Job { receipt_format: 2, receipt_header: json!({"x5c": ["AAEC"]}), ..Job::new().without_seals() },
        ),
    ]
}

/// Bundles whose receipt says otherwise than their lines. Its key signed it.
fn other_receipts() -> Vec<Vector> {
    let of = |name, why, job: Job| Vector { name, text: job.text(), verdict: BAD, why };
    let receipt = |change: fn(&mut Value)| Job { change_receipt: Some(change), ..Job::new() };
    vec![
        of(
            "receipt-uid",
            "the receipt of another job",
            receipt(|receipt| {
                receipt["uid"] = json!("00000000-0000-0000-0000-000000000009");
            }),
        ),
        of("receipt-name", "the receipt names another job", receipt(|receipt| receipt["name"] = json!("another"))),
        of(
            "receipt-spec",
            "the receipt of another spec",
            receipt(|receipt| receipt["specHash"] = json!("00".repeat(32))),
        ),
        of(
            "receipt-signed",
            "the receipt counts another number of records",
            receipt(|receipt| {
                receipt["records"]["signed"] = json!(99);
            }),
        ),
        of(
            "receipt-total",
            "the receipt's total is not the sum",
            receipt(|receipt| receipt["records"]["total"] = json!(99)),
        ),
        of(
            "receipt-root",
            "the receipt has another root",
            receipt(|receipt| receipt["merkleRoot"] = json!("11".repeat(32))),
        ),
        of(
            "receipt-rejects",
            "the receipt has another root over the rejects",
            receipt(|receipt| {
                receipt["rejectsRoot"] = json!("11".repeat(32));
            }),
        ),
        of(
            "receipt-keys",
            "the receipt names fewer keys",
            receipt(|receipt| {
                receipt["keys"].as_array_mut().expect("a list").pop();
            }),
        ),
        of(
            "receipt-format",
            "a receipt of a format that is not known",
            receipt(|receipt| receipt["formatVersion"] = json!(99)),
        ),
        of(
            "receipt-member",
            "a receipt without its root",
            receipt(|receipt| {
                receipt.as_object_mut().expect("an object").remove("merkleRoot");
            }),
        ),
    ]
}

/// Texts that were changed after they were written.
fn edited() -> Vec<Vector> {
    let text = Job::new().text();
    let of = |name, why, text: String| Vector { name, text, verdict: BAD, why };
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let none = |name, why, text: String| Vector { name, text, verdict: NONE, why };
    vec![
        of("cut-in-a-line", "the last line has no end", text[..text.len() - 9].to_owned()),
        of("cut-after-a-line", "the last line is missing", lines[..lines.len() - 1].concat()),
        of("line-dropped", "a record is missing", [&lines[..5], &lines[6..]].concat().concat()),
        of("line-doubled", "a record is there twice", [&lines[..6], &lines[5..]].concat().concat()),
        of("line-after-the-end", "something follows the last line", format!("{text}{}", lines[5])),
        of(
            "white-space",
            "a space between two members",
            replaced("\"type\":\"record\",\"id\"", "\"type\":\"record\", \"id\""),
        ),
        of(
            "member-unknown",
            "a member that the format does not have",
            replaced("{\"type\":\"end\",", "{\"type\":\"end\",\"more\":1,"),
        ),
        of(
            "member-doubled",
            "a member twice",
            replaced("\"rejected\":\"0\",", "\"rejected\":\"0\",\"rejected\":\"0\","),
        ),
        of(
            "member-null",
            "an absent member that is written",
            replaced("\"}\n{\"type\":\"record\",\"id\":\"2\"", "\",\"row\":null}\n{\"type\":\"record\",\"id\":\"2\""),
        ),
        of("leading-zero", "a number that is written otherwise", replaced("\"id\":\"1\"", "\"id\":\"01\"")),
        of(
            "escape",
            "a character that is escaped without need",
            replaced("\"type\":\"record\"", "\"type\":\"\\u0072ecord\""),
        ),
        of("digest-upper-case", "a hash in upper case", {
            let at = text.find("\"digest\":\"").expect("a digest") + 10;
            format!("{}{}{}", &text[..at], text[at..at + 64].to_uppercase(), &text[at + 64..])
        }),
        of("key-for-another-use", "a key that does not sign, by its own words", {
            let key = lines[1].replace("\"sig\"", "\"enc\"");
            [&lines[..1], &[key.as_str()], &lines[2..]].concat().concat()
        }),
        none("receipt-key", "the receipt key has the id of another key", {
            let header = lines[0].replacen("\"kid\":\"x", "\"kid\":\"y", 1);
            assert_ne!(header, lines[0]);
            [&[header.as_str()], &lines[1..]].concat().concat()
        }),
        none("empty", "an empty file", String::new()),
        none("another-format", "a format that is not known", replaced("\"bundle\":2", "\"bundle\":4")),
        none("format-of-text", "a format that is text", replaced("\"bundle\":2", "\"bundle\":\"2\"")),
        none("format-with-fraction", "a format that is no whole number", replaced("\"bundle\":2", "\"bundle\":2.0")),
        none("json", "JSON that is no bundle", "{}\n".to_owned()),
    ]
}
