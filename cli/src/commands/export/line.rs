//! One record as a line of JSON or CSV: both say the same.

use std::{
    collections::HashMap,
    io::{self, BufWriter, Stdout, Write},
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
    report::hex,
};

/// Writes records.
pub(super) struct Writer<'a> {
    out: BufWriter<Stdout>,
    keys: HashMap<KeyId, String>,
    form: MessageForm,
    args: &'a ExportArgs,
    not_as_signed: u64,
}

/// What the source has for a record now.
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
    /// A row that the server cannot hand over.
    Unreadable,
    /// Nothing that could be read: the table is gone or may not be read.
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
struct Line<'a> {
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

impl<'a> Writer<'a> {
    pub(super) fn new(
        out: BufWriter<Stdout>,
        job: &Job,
        keys: &HashMap<KeyId, Thumbprint>,
        args: &'a ExportArgs,
    ) -> Self {
        let keys = keys.iter().map(|(id, kid)| (*id, kid.to_string())).collect();
        Self { out, keys, form: job.message_form(), args, not_as_signed: 0 }
    }

    /// The first line of a CSV.
    pub(super) fn header(&mut self) -> io::Result<()> {
        if self.args.format == ExportFormat::Csv {
            let content = if self.args.message { "message" } else { "payload" };
            writeln!(self.out, "id,{content},signature,keyId,digest,changed,row")?;
        }
        Ok(())
    }

    /// Records written so far that are not what was signed any more.
    pub(super) fn not_as_signed(&self) -> u64 {
        self.not_as_signed
    }

    /// One record.
    pub(super) fn row(&mut self, row: &SignedRow<'_>, proof: Option<&InclusionProof>) -> io::Result<()> {
        let bytes: [u8; 64] = row
            .signature
            .try_into()
            .map_err(|_| io::Error::other(format!("the signature of record {} is not 64 bytes", row.id)))?;
        let signature = self.signature(&RawSignature(bytes));
        let now = row.now.payload().map(|payload| self.form.digest(row.id, payload));
        // Of generated records no digest is kept: theirs is that of the payload.
        let signed = row.digest.and_then(|digest| digest.try_into().ok()).map(Digest).or(now);
        let state = RowNow::of(row, signed, now);
        let changed = state != RowNow::Same;
        self.not_as_signed += u64::from(changed);
        let key_id = self.keys.get(&row.key).map_or("", String::as_str);
        let digest = signed.map(|digest| hex(&digest.0));
        let content = self.content(row, state);
        match self.args.format {
            ExportFormat::Csv => {
                // Base64, numbers, words and thumbprints need no quotes; an empty payload has some, so that it is not NULL.
                let content = match content.as_deref() {
                    Some("") => "\"\"",
                    content => content.unwrap_or_default(),
                };
                let (digest, row_now) = (digest.unwrap_or_default(), state.as_str());
                writeln!(self.out, "{},{content},{signature},{key_id},{digest},{changed},{row_now}", row.id)
            }
            ExportFormat::Jsonl => {
                let content = if self.args.message { Content::Message(content) } else { Content::Payload(content) };
                let line = Line { id: row.id, content, signature, key_id, digest, changed, row: state, proof };
                serde_json::to_writer(&mut self.out, &line)?;
                self.out.write_all(b"\n")
            }
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The payload as it is now, or the message as it was signed; absent for a changed record, whose message is lost.
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
