use serde_json::{Value, json};

use super::*;

const SIGNATURE: [u8; 64] = [7; 64];

const PLAIN: LineOptions = LineOptions { format: LineFormat::Jsonl, signature: SignatureEncoding::Der, message: false };
const CSV: LineOptions = LineOptions { format: LineFormat::Csv, ..PLAIN };

/// What is written of a record whose payload was `signed` and is `now`, and how many records differ.
fn written(options: LineOptions, signed: &str, now: Now<'_>) -> (String, u64) {
    let mut out = Vec::new();
    let digest = Digest::of(signed.as_bytes()).0;
    let row = SignedRow { id: 5, row_key: None, key: KeyId(1), signature: &SIGNATURE, digest: Some(&digest), now };
    let mut writer = LineWriter::of_form(&mut out, MessageForm::Payload, Vec::new(), &HashMap::new(), options);
    writer.header().unwrap();
    writer.row(&row, None).unwrap();
    let differ = writer.not_as_signed().count();
    drop(writer);
    (String::from_utf8(out).unwrap(), differ)
}

#[test]
fn a_record_that_changed_since_it_was_signed_is_marked() {
    let cases = [
        (Now::Payload(b"a"), false, "Same", json!("YQ==")),
        (Now::Payload(b"b"), true, "Changed", json!("Yg==")),
        (Now::Null, true, "Null", Value::Null),
        (Now::Gone, true, "Gone", Value::Null),
        (Now::Unreadable("why"), true, "Unreadable", Value::Null),
        (Now::NotRead, true, "NotRead", Value::Null),
    ];
    for (now, changed, word, payload) in cases {
        let (line, differ) = written(PLAIN, "a", now);
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&line["changed"], &line["row"], &line["payload"]),
            (&json!(changed), &json!(word), &payload),
            "{line}"
        );
        assert_eq!(line["digest"], json!(merkle::to_hex(&Digest::of(b"a").0)), "the digest is that of what was signed");
        assert_eq!(differ, u64::from(changed), "{word}");
    }
}

#[test]
fn csv_and_json_have_the_same_content() {
    let (csv, _) = written(LineOptions { signature: SignatureEncoding::Raw, ..CSV }, "a", Now::Payload(b"a"));
    let (json, _) = written(LineOptions { signature: SignatureEncoding::Raw, ..PLAIN }, "a", Now::Payload(b"a"));
    let json: Value = serde_json::from_str(&json).unwrap();
    let [head, line] = csv.lines().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(head, "id,payload,signature,keyId,digest,changed,row,reject,detail");
    for (name, text) in head.split(',').zip(line.split(',')).take(7) {
        let value = json[name].as_str().map_or_else(|| json[name].to_string(), str::to_owned);
        assert_eq!(value, text, "{name}");
    }
}

#[test]
fn a_rejected_record_has_its_reason_in_both_formats() {
    let rejected = |options| {
        let mut out = Vec::new();
        let mut writer = LineWriter::of_form(&mut out, MessageForm::Payload, Vec::new(), &HashMap::new(), options);
        let (reason, detail) = ("PayloadMissing".to_owned(), "it is \"NULL\", now".to_owned());
        let at = std::time::SystemTime::UNIX_EPOCH;
        writer.reject(&Rejected { id: 5, key: None, reason, detail, attempts: 1, at }).unwrap();
        drop(writer);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(rejected(CSV), "5,,,,,,,PayloadMissing,\"it is \"\"NULL\"\", now\"\n");
    let json: Value = serde_json::from_str(&rejected(PLAIN)).unwrap();
    assert_eq!(json, json!({"id": 5, "reject": "PayloadMissing", "detail": "it is \"NULL\", now"}));
}

#[test]
fn a_record_of_a_row_with_another_key_has_it_in_both_formats() {
    let key = RowKey::new(vec!["a \"b\", c".to_owned(), "-7".to_owned()]);
    let written = |options| {
        let mut out = Vec::new();
        let row_key = vec!["tenant, \"x\"".to_owned(), "no".to_owned()];
        let mut writer = LineWriter::of_form(&mut out, MessageForm::Payload, row_key, &HashMap::new(), options);
        writer.header().unwrap();
        let (now, digest) = (Now::Payload(b"a"), Digest::of(b"a").0);
        let row =
            SignedRow { id: 5, row_key: Some(&key), key: KeyId(1), signature: &SIGNATURE, digest: Some(&digest), now };
        writer.row(&row, None).unwrap();
        let at = std::time::SystemTime::UNIX_EPOCH;
        let (reason, detail) = ("RowGone".to_owned(), "it is gone".to_owned());
        writer.reject(&Rejected { id: 6, key: Some(key.clone()), reason, detail, attempts: 0, at }).unwrap();
        drop(writer);
        String::from_utf8(out).unwrap()
    };
    let csv = written(CSV);
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("id,\"key.tenant, \"\"x\"\"\",\"key.no\",payload,"), "{csv}");
    assert!(lines[1].starts_with("5,\"a \"\"b\"\", c\",\"-7\",YQ==,"), "{csv}");
    assert_eq!(lines[2], "6,\"a \"\"b\"\", c\",\"-7\",,,,,,,RowGone,\"it is gone\"");
    for line in written(PLAIN).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["key"], json!(["a \"b\", c", "-7"]), "{line}");
    }
}

#[test]
fn an_empty_payload_is_not_null_in_a_csv() {
    let payload = |now| written(CSV, "", now).0.lines().nth(1).unwrap().split(',').nth(1).unwrap().to_owned();
    assert_eq!(payload(Now::Payload(b"")), "\"\"");
    assert_eq!(payload(Now::Null), "");
}

#[test]
fn the_message_of_a_changed_record_is_lost() {
    let message = |now| {
        let line: Value = serde_json::from_str(&written(LineOptions { message: true, ..PLAIN }, "a", now).0).unwrap();
        assert!(line.get("payload").is_none(), "{line}");
        line["message"].clone()
    };
    assert_eq!(message(Now::Payload(b"a")), json!("YQ=="));
    assert_eq!(message(Now::Payload(b"b")), Value::Null);
}

#[test]
fn each_form_of_a_signature_has_the_same_bytes() {
    let signature = |signature| {
        let (line, _) = written(LineOptions { signature, ..PLAIN }, "a", Now::Payload(b"a"));
        serde_json::from_str::<Value>(&line).unwrap()["signature"].as_str().unwrap().to_owned()
    };
    assert_eq!(STANDARD.decode(signature(SignatureEncoding::Raw)).unwrap(), SIGNATURE);
    assert_eq!(
        signature(SignatureEncoding::Jose),
        signature(SignatureEncoding::Raw).trim_end_matches('=').replace('+', "-").replace('/', "_")
    );
    let der = STANDARD.decode(signature(SignatureEncoding::Der)).unwrap();
    assert_eq!(der.len(), 70);
    assert!(der.ends_with(&SIGNATURE[32..]));
}
