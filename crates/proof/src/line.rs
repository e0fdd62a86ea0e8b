//! A record as a line of JSON or CSV. Both have the same content.

#[cfg(test)]
mod tests;

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
    Digest, MessageForm, RawSignature, RowKey, Thumbprint, der_encode, jose_encode, merkle, proof::InclusionProof,
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
    /// The columns that name a row, where ids are ordinals.
    row_key: Vec<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a RowKey>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a RowKey>,
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
        let row_key = job.ordinals().map(|key| key.columns.clone()).unwrap_or_default();
        Self::of_form(out, job.message_form(), row_key, keys, options)
    }

    fn of_form(
        out: impl Write + Send + 'a,
        form: MessageForm,
        row_key: Vec<String>,
        keys: &HashMap<KeyId, Thumbprint>,
        options: LineOptions,
    ) -> Self {
        let keys = keys.iter().map(|(id, kid)| (*id, kid.to_string())).collect();
        let not_as_signed = Records::keeping(NAMED);
        Self { out: Box::new(out), line: Vec::new(), keys, form, row_key, options, not_as_signed }
    }

    /// Writes the first line of a CSV.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn header(&mut self) -> io::Result<()> {
        if self.options.format == LineFormat::Csv {
            let content = if self.options.message { "message" } else { "payload" };
            self.line.clear();
            self.line.extend(b"id");
            for column in &self.row_key {
                put_field(&mut self.line, &format!("key.{column}"));
            }
            writeln!(self.line, ",{content},signature,keyId,digest,changed,row,reject,detail")?;
            self.out.write_all(&self.line)?;
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
                put_id(&mut self.line, row.id, &self.row_key, row.row_key)?;
                writeln!(self.line, ",{content},{signature},{key_id},{digest},{changed},{row_now},,")?;
            }
            LineFormat::Jsonl => {
                let content = if self.options.message { Content::Message(content) } else { Content::Payload(content) };
                let line = ExportLine {
                    id: row.id,
                    key: row.row_key,
                    content,
                    signature,
                    key_id,
                    digest,
                    changed,
                    row: state,
                    proof,
                };
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
        let Rejected { id, key, reason, detail, .. } = rejected;
        self.line.clear();
        match self.options.format {
            // As RFC 4180 has it: quotes are doubled.
            LineFormat::Csv => {
                put_id(&mut self.line, *id, &self.row_key, key.as_ref())?;
                writeln!(self.line, ",,,,,,,{reason},\"{}\"", detail.replace('"', "\"\""))?;
            }
            LineFormat::Jsonl => {
                let key = key.as_ref();
                serde_json::to_writer(&mut self.line, &RejectedLine { id: *id, key, reject: reason, detail })?;
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

/// The id, and behind it the values of the row's key, in a CSV.
fn put_id(line: &mut Vec<u8>, id: i64, columns: &[String], key: Option<&RowKey>) -> io::Result<()> {
    write!(line, "{id}")?;
    for at in 0..columns.len() {
        put_field(line, key.and_then(|key| key.values().get(at)).map_or("", String::as_str));
    }
    Ok(())
}

/// A field of a CSV that follows another one, quoted (RFC 4180).
fn put_field(line: &mut Vec<u8>, text: &str) {
    line.extend(b",\"");
    line.extend(text.replace('"', "\"\"").bytes());
    line.push(b'"');
}
