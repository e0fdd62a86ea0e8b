//! A record as a line of JSON or CSV. Both have the same content.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use vaultstream_ledger::{
    Job, KeyId,
    verify::{Now, SignedRow},
};
use vaultstream_signing::{
    Digest, MessageForm, RawSignature, Thumbprint, der_encode, jose_encode, proof::InclusionProof,
};

use crate::{
    args::{ExportArgs, ExportFormat, SignatureForm},
    output::hex,
};

/// Writes records.
pub(super) struct Writer<'a, W: Write> {
    out: W,
    keys: HashMap<KeyId, String>,
    form: MessageForm,
    args: &'a ExportArgs,
    not_as_signed: u64,
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
#[serde(rename_all = "camelCase")]
enum Content {
    Payload(Option<String>),
    Message(Option<String>),
}

impl<'a, W: Write> Writer<'a, W> {
    pub(super) fn new(out: W, job: &Job, keys: &HashMap<KeyId, Thumbprint>, args: &'a ExportArgs) -> Self {
        let keys = keys.iter().map(|(id, kid)| (*id, kid.to_string())).collect();
        Self { out, keys, form: job.message_form(), args, not_as_signed: 0 }
    }

    /// Writes the first line of a CSV.
    pub(super) fn header(&mut self) -> io::Result<()> {
        if self.args.format == ExportFormat::Csv {
            let content = if self.args.message { "message" } else { "payload" };
            writeln!(self.out, "id,{content},signature,keyId,digest,changed,row")?;
        }
        Ok(())
    }

    /// Records written so far that changed since they were signed.
    pub(super) fn not_as_signed(&self) -> u64 {
        self.not_as_signed
    }

    /// Writes one record.
    pub(super) fn row(&mut self, row: &SignedRow<'_>, proof: Option<&InclusionProof>) -> io::Result<()> {
        let bytes: [u8; 64] = row
            .signature
            .try_into()
            .map_err(|_| io::Error::other(format!("the signature of record {} is not 64 bytes", row.id)))?;
        let signature = self.signature(&RawSignature(bytes));
        let now = row.now.payload().map(|payload| self.form.digest(row.id, payload));
        // The digest of generated records is not stored: it is that of the payload.
        let signed = row.digest.and_then(|digest| digest.try_into().ok()).map(Digest).or(now);
        let state = RowNow::of(row, signed, now);
        let changed = state != RowNow::Same;
        self.not_as_signed += u64::from(changed);
        let key_id = self.keys.get(&row.key).map_or("", String::as_str);
        let digest = signed.map(|digest| hex(&digest.0));
        let content = self.content(row, state);
        match self.args.format {
            ExportFormat::Csv => {
                // Base64, numbers, words and thumbprints need no quotes. An empty payload is quoted to differ from NULL.
                let content = match content.as_deref() {
                    Some("") => "\"\"",
                    content => content.unwrap_or_default(),
                };
                let (digest, row_now) = (digest.unwrap_or_default(), state.as_str());
                writeln!(self.out, "{},{content},{signature},{key_id},{digest},{changed},{row_now}", row.id)
            }
            ExportFormat::Jsonl => {
                let content = if self.args.message { Content::Message(content) } else { Content::Payload(content) };
                let line = ExportLine { id: row.id, content, signature, key_id, digest, changed, row: state, proof };
                serde_json::to_writer(&mut self.out, &line)?;
                self.out.write_all(b"\n")
            }
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The payload as it is now, or the message that was signed. `None` for the message of a changed record, which is lost.
    fn content(&self, row: &SignedRow<'_>, state: RowNow) -> Option<String> {
        let payload = row.now.payload()?;
        match self.args.message {
            true if state != RowNow::Same => None,
            true => Some(STANDARD.encode(self.form.message(row.id, payload))),
            false => Some(STANDARD.encode(payload)),
        }
    }

    fn signature(&self, signature: &RawSignature) -> String {
        match self.args.signature {
            SignatureForm::Der => STANDARD.encode(&*der_encode(signature)),
            SignatureForm::Raw => STANDARD.encode(signature.0),
            SignatureForm::Jose => jose_encode(signature),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::{Value, json};
    use vaultstream_ledger::JobState;

    use super::*;
    use crate::{
        args::{Cli, Command},
        fixtures::{TABLE, job},
    };

    const SIGNATURE: [u8; 64] = [7; 64];

    fn args(options: &str) -> ExportArgs {
        let words = format!("vaultstream export --job job {options}");
        match Cli::try_parse_from(words.split_whitespace()).unwrap().command {
            Command::Export(args) => args,
            other => panic!("{other:?}"),
        }
    }

    /// What is written of a record whose payload was `signed` and is `now`, and how many records differ.
    fn written(options: &str, signed: &str, now: Now<'_>) -> (String, u64) {
        let (args, mut out) = (args(options), Vec::new());
        let digest = Digest::of(signed.as_bytes()).0;
        let row = SignedRow { id: 5, key: KeyId(1), signature: &SIGNATURE, digest: Some(&digest), now };
        let job = job(TABLE, JobState::Complete);
        let mut writer = Writer::new(&mut out, &job, &HashMap::new(), &args);
        writer.header().unwrap();
        writer.row(&row, None).unwrap();
        let differ = writer.not_as_signed();
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
            let (line, differ) = written("", "a", now);
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(
                (&line["changed"], &line["row"], &line["payload"]),
                (&json!(changed), &json!(word), &payload),
                "{line}"
            );
            assert_eq!(line["digest"], json!(hex(&Digest::of(b"a").0)), "the digest is that of what was signed");
            assert_eq!(differ, u64::from(changed), "{word}");
        }
    }

    #[test]
    fn csv_and_json_have_the_same_content() {
        let (csv, _) = written("--format csv --signature raw", "a", Now::Payload(b"a"));
        let (json, _) = written("--signature raw", "a", Now::Payload(b"a"));
        let json: Value = serde_json::from_str(&json).unwrap();
        let [head, line] = csv.lines().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(head, "id,payload,signature,keyId,digest,changed,row");
        for (name, text) in head.split(',').zip(line.split(',')) {
            let value = json[name].as_str().map_or_else(|| json[name].to_string(), str::to_owned);
            assert_eq!(value, text, "{name}");
        }
    }

    #[test]
    fn an_empty_payload_is_not_null_in_a_csv() {
        let payload =
            |now| written("--format csv", "", now).0.lines().nth(1).unwrap().split(',').nth(1).unwrap().to_owned();
        assert_eq!(payload(Now::Payload(b"")), "\"\"");
        assert_eq!(payload(Now::Null), "");
    }

    #[test]
    fn the_message_of_a_changed_record_is_lost() {
        let message = |now| {
            let line: Value = serde_json::from_str(&written("--message", "a", now).0).unwrap();
            assert!(line.get("payload").is_none(), "{line}");
            line["message"].clone()
        };
        assert_eq!(message(Now::Payload(b"a")), json!("YQ=="));
        assert_eq!(message(Now::Payload(b"b")), Value::Null);
    }

    #[test]
    fn each_form_of_a_signature_has_the_same_bytes() {
        let signature = |form: &str| {
            let (line, _) = written(&format!("--signature {form}"), "a", Now::Payload(b"a"));
            serde_json::from_str::<Value>(&line).unwrap()["signature"].as_str().unwrap().to_owned()
        };
        assert_eq!(STANDARD.decode(signature("raw")).unwrap(), SIGNATURE);
        assert_eq!(signature("jose"), signature("raw").trim_end_matches('=').replace('+', "-").replace('/', "_"));
        let der = STANDARD.decode(signature("der")).unwrap();
        assert_eq!(der.len(), 70);
        assert!(der.ends_with(&SIGNATURE[32..]));
    }
}
