//! One record as a line of JSON or CSV.

use std::{
    collections::HashMap,
    io::{self, BufWriter, Stdout, Write},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use vaultstream_api::Message;
use vaultstream_ledger::{Job, KeyId, verify::SignedRow};
use vaultstream_signing::{MessageForm, RawSignature, Thumbprint, der_encode, jose_encode, proof::InclusionProof};

use crate::args::{ExportArgs, ExportFormat, SignatureForm};

/// Writes records.
pub(super) struct Writer<'a> {
    out: BufWriter<Stdout>,
    keys: HashMap<KeyId, String>,
    form: MessageForm,
    args: &'a ExportArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    signature: String,
    key_id: &'a str,
    /// Only for records of a table that are not what was signed any more.
    #[serde(skip_serializing_if = "is_false")]
    changed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'a InclusionProof>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        out: BufWriter<Stdout>,
        job: &Job,
        keys: &HashMap<KeyId, Thumbprint>,
        args: &'a ExportArgs,
    ) -> Self {
        let form = match job.spec.signing.message {
            Message::Payload => MessageForm::Payload,
            Message::Bound => MessageForm::Bound { job: job.uid },
        };
        Self { out, keys: keys.iter().map(|(id, kid)| (*id, kid.to_string())).collect(), form, args }
    }

    /// The first line of a CSV.
    pub(super) fn header(&mut self) -> io::Result<()> {
        if self.args.format == ExportFormat::Csv {
            let content = if self.args.message { "message" } else { "payload" };
            writeln!(self.out, "id,{content},signature,keyId")?;
        }
        Ok(())
    }

    /// One record.
    pub(super) fn row(&mut self, row: &SignedRow<'_>, proof: Option<&InclusionProof>) -> io::Result<()> {
        let bytes: [u8; 64] = row
            .signature
            .try_into()
            .map_err(|_| io::Error::other(format!("the signature of record {} is not 64 bytes", row.id)))?;
        let signature = self.signature(&RawSignature(bytes));
        let content = row.payload.map(|payload| match self.args.message {
            true => STANDARD.encode(self.form.message(row.id, payload)),
            false => STANDARD.encode(payload),
        });
        let key_id = self.keys.get(&row.key).map_or("", String::as_str);
        match self.args.format {
            ExportFormat::Csv => {
                // Base64, numbers and thumbprints need no quotes.
                writeln!(self.out, "{},{},{signature},{key_id}", row.id, content.unwrap_or_default())
            }
            ExportFormat::Jsonl => {
                let digest_now = row.payload.map(|payload| self.form.digest(row.id, payload).0);
                let changed = row.digest.is_some_and(|signed| digest_now.as_ref().is_none_or(|now| now != signed));
                let (payload, message) = if self.args.message { (None, content) } else { (content, None) };
                let line = Line { id: row.id, payload, message, signature, key_id, changed, proof };
                serde_json::to_writer(&mut self.out, &line)?;
                self.out.write_all(b"\n")
            }
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn signature(&self, signature: &RawSignature) -> String {
        match self.args.signature {
            SignatureForm::Der => STANDARD.encode(&*der_encode(signature)),
            SignatureForm::Raw => STANDARD.encode(signature.0),
            SignatureForm::Jose => jose_encode(signature),
        }
    }
}
