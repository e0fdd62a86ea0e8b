//! A record as a line of JSON or CSV. Both have the same content.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use vaultstream_ledger::{
    Job, KeyId, Rejected,
    verify::{Now, SignedRow},
};
use vaultstream_signing::{
    Digest, MessageForm, RawSignature, Thumbprint, der_encode, jose_encode, merkle, proof::InclusionProof,
};

use crate::{digests::row_digests, records::Records};

/// Records that changed, of which the ids are kept.
const NAMED: usize = 10;

/// The format of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values.
    Csv,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureEncoding {
    /// ASN.1 DER, base64.
    Der,
    /// r‖s, base64.
    Raw,
    /// r‖s, base64url without padding.
    Jose,
}

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineOptions {
    /// The format of lines.
    pub format: LineFormat,
    /// How the signature is written.
    pub signature: SignatureEncoding,
    /// Whether the message that was signed is written, and not the payload.
    pub message: bool,
}

/// Writes records.
pub struct LineWriter<'a> {
    out: Box<dyn Write + Send + 'a>,
    line: Vec<u8>,
    keys: HashMap<KeyId, String>,
    form: MessageForm,
    options: LineOptions,
    not_as_signed: Records,
}

/// What the source now holds for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum RowNow {
    /// The payload that was signed.
    Same,
    /// Another payload.
    Changed,
    /// A row whose payload is NULL.
    Null,
    /// No row.
    Gone,
    /// A row that the server cannot read.
    Unreadable,
    /// Unknown: the table is gone or may not be read.
    NotRead,
}

impl RowNow {
    fn of(row: &SignedRow<'_>, signed: Option<Digest>, now: Option<Digest>) -> Self {
        match row.now {
            Now::Payload(_) if now == signed => Self::Same,
            Now::Payload(_) => Self::Changed,
            Now::Null => Self::Null,
            Now::Gone => Self::Gone,
            Now::Unreadable(_) => Self::Unreadable,
            Now::NotRead => Self::NotRead,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Same => "Same",
            Self::Changed => "Changed",
            Self::Null => "Null",
            Self::Gone => "Gone",
            Self::Unreadable => "Unreadable",
            Self::NotRead => "NotRead",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportLine<'a> {
    id: i64,
    #[serde(flatten)]
    content: Content,
    signature: String,
    key_id: &'a str,
    digest: Option<String>,
    changed: bool,
    row: RowNow,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'a InclusionProof>,
}

#[derive(Serialize)]
struct RejectedLine<'a> {
    id: i64,
    reject: &'a str,
    detail: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Content {
    Payload(Option<String>),
    Message(Option<String>),
}

impl<'a> LineWriter<'a> {
    /// Writes to `out`, one write a line. Public keys are named by their thumbprints in `keys`.
    #[must_use]
    pub fn new(
        out: impl Write + Send + 'a,
        job: &Job,
        keys: &HashMap<KeyId, Thumbprint>,
        options: LineOptions,
    ) -> Self {
        Self::of_form(out, job.message_form(), keys, options)
    }

    fn of_form(
        out: impl Write + Send + 'a,
        form: MessageForm,
        keys: &HashMap<KeyId, Thumbprint>,
        options: LineOptions,
    ) -> Self {
        let keys = keys.iter().map(|(id, kid)| (*id, kid.to_string())).collect();
        Self { out: Box::new(out), line: Vec::new(), keys, form, options, not_as_signed: Records::keeping(NAMED) }
    }

    /// Writes the first line of a CSV.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn header(&mut self) -> io::Result<()> {
        if self.options.format == LineFormat::Csv {
            let content = if self.options.message { "message" } else { "payload" };
            writeln!(self.out, "id,{content},signature,keyId,digest,changed,row,reject,detail")?;
        }
        Ok(())
    }

    /// Records written so far that changed since they were signed.
    #[must_use]
    pub fn not_as_signed(&self) -> &Records {
        &self.not_as_signed
    }

    /// Writes one record.
    ///
    /// # Errors
    /// When it cannot be written, or its signature is not 64 bytes long.
    pub fn row(&mut self, row: &SignedRow<'_>, proof: Option<&InclusionProof>) -> io::Result<()> {
        let bytes: [u8; 64] = row
            .signature
            .try_into()
            .map_err(|_| io::Error::other(format!("the signature of record {} is not 64 bytes", row.id)))?;
        let signature = self.signature(&RawSignature(bytes));
        let (signed, now) = row_digests(row, self.form);
        let state = RowNow::of(row, signed, now);
        let changed = state != RowNow::Same;
        if changed {
            self.not_as_signed.add(row.id);
        }
        let key_id = self.keys.get(&row.key).map_or("", String::as_str);
        let digest = signed.map(|digest| merkle::to_hex(&digest.0));
        let content = self.content(row, state);
        self.line.clear();
        match self.options.format {
            LineFormat::Csv => {
                // Base64, numbers, words and thumbprints need no quotes. An empty payload is quoted to differ from NULL.
                let content = match content.as_deref() {
                    Some("") => "\"\"",
                    content => content.unwrap_or_default(),
                };
                let (digest, row_now) = (digest.unwrap_or_default(), state.as_str());
                writeln!(self.line, "{},{content},{signature},{key_id},{digest},{changed},{row_now},,", row.id)?;
            }
            LineFormat::Jsonl => {
                let content = if self.options.message { Content::Message(content) } else { Content::Payload(content) };
                let line = ExportLine { id: row.id, content, signature, key_id, digest, changed, row: state, proof };
                serde_json::to_writer(&mut self.line, &line)?;
                self.line.push(b'\n');
            }
        }
        self.out.write_all(&self.line)
    }

    /// Writes a record that was rejected.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn reject(&mut self, rejected: &Rejected) -> io::Result<()> {
        let Rejected { id, reason, detail, .. } = rejected;
        self.line.clear();
        match self.options.format {
            // As RFC 4180 has it: quotes are doubled.
            LineFormat::Csv => writeln!(self.line, "{id},,,,,,,{reason},\"{}\"", detail.replace('"', "\"\""))?,
            LineFormat::Jsonl => {
                serde_json::to_writer(&mut self.line, &RejectedLine { id: *id, reject: reason, detail })?;
                self.line.push(b'\n');
            }
        }
        self.out.write_all(&self.line)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The payload as it is now, or the message that was signed. `None` for the message of a changed record, which is lost.
    fn content(&self, row: &SignedRow<'_>, state: RowNow) -> Option<String> {
        let payload = row.now.payload()?;
        if !self.options.message {
            return Some(STANDARD.encode(payload));
        }
        (state == RowNow::Same).then(|| STANDARD.encode(self.form.message(row.id, payload)))
    }

    fn signature(&self, signature: &RawSignature) -> String {
        match self.options.signature {
            SignatureEncoding::Der => STANDARD.encode(&*der_encode(signature)),
            SignatureEncoding::Raw => STANDARD.encode(signature.0),
            SignatureEncoding::Jose => jose_encode(signature),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SIGNATURE: [u8; 64] = [7; 64];

    const PLAIN: LineOptions =
        LineOptions { format: LineFormat::Jsonl, signature: SignatureEncoding::Der, message: false };
    const CSV: LineOptions = LineOptions { format: LineFormat::Csv, ..PLAIN };

    /// What is written of a record whose payload was `signed` and is `now`, and how many records differ.
    fn written(options: LineOptions, signed: &str, now: Now<'_>) -> (String, u64) {
        let mut out = Vec::new();
        let digest = Digest::of(signed.as_bytes()).0;
        let row = SignedRow { id: 5, key: KeyId(1), signature: &SIGNATURE, digest: Some(&digest), now };
        let mut writer = LineWriter::of_form(&mut out, MessageForm::Payload, &HashMap::new(), options);
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
            assert_eq!(
                line["digest"],
                json!(merkle::to_hex(&Digest::of(b"a").0)),
                "the digest is that of what was signed"
            );
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
            let mut writer = LineWriter::of_form(&mut out, MessageForm::Payload, &HashMap::new(), options);
            let (reason, detail) = ("PayloadMissing".to_owned(), "it is \"NULL\", now".to_owned());
            let at = std::time::SystemTime::UNIX_EPOCH;
            writer.reject(&Rejected { id: 5, reason, detail, attempts: 1, at }).unwrap();
            drop(writer);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(rejected(CSV), "5,,,,,,,PayloadMissing,\"it is \"\"NULL\"\", now\"\n");
        let json: Value = serde_json::from_str(&rejected(PLAIN)).unwrap();
        assert_eq!(json, json!({"id": 5, "reject": "PayloadMissing", "detail": "it is \"NULL\", now"}));
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
            let line: Value =
                serde_json::from_str(&written(LineOptions { message: true, ..PLAIN }, "a", now).0).unwrap();
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
}
