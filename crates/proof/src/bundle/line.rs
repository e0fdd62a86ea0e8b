//! The lines of a bundle: their members in this order, without white space. A reader writes each line anew and compares, so that a line
//! has one form only, without unknown, doubled or empty members.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vaultstream_signing::{Hash, Jwk, RawSignature, RowKey, Thumbprint};

use super::encode;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "header", rename_all = "camelCase")]
pub struct HeaderLine {
    /// The version of the format.
    pub bundle: u32,
    /// The job.
    pub job: JobName,
    /// Whether records come with their payloads.
    pub payloads: bool,
    /// The job's specification as canonical JSON (RFC 8785), whose SHA-256 the receipt has.
    pub spec: String,
    /// The receipt, a compact JWS.
    pub receipt: String,
    /// The key that signed the receipt.
    pub receipt_key: Jwk,
    /// Tokens of timestamping authorities over the receipt, in DER.
    #[serde(with = "encode::tokens", default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Vec<u8>>,
}

impl HeaderLine {
    /// The version of the format that is written for jobs whose ids name their rows, so that earlier readers know them.
    pub const FORMAT: u32 = 2;
    /// The version of the format that is written for jobs whose receipt says that ids are ordinals: records and rejects have their keys.
    pub const FORMAT_WITH_KEYS: u32 = 3;
    /// The versions that are read. The first one has neither seals nor tokens.
    pub const FORMATS: [u32; 3] = [1, Self::FORMAT, Self::FORMAT_WITH_KEYS];
    /// Most tokens.
    pub const MAX_TOKENS: usize = encode::tokens::MOST;
}

/// A job and its names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobName {
    /// Its uid.
    pub uid: Uuid,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A key that has signed records or sealed batches: these lines follow the header, by ordinal and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "key", rename_all = "camelCase")]
pub struct KeyLine {
    /// Its place among the job's keys, from 1 on.
    pub ordinal: i32,
    /// Its version.
    pub version: i32,
    /// Records that it has signed.
    #[serde(with = "encode::decimal")]
    pub signed: u64,
    /// The public key.
    pub jwk: Jwk,
    /// It was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<RevokedLine>,
}

/// When and why a key was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedLine {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Why.
    pub reason: String,
    /// Whether another may have it.
    pub compromised: bool,
}

/// A batch: these lines come by number, and after each the batch's records and rejects by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "batch", rename_all = "camelCase")]
pub struct BatchLine {
    /// Its number, from 0 on.
    #[serde(with = "encode::decimal")]
    pub batch: u64,
    /// The first id of its range.
    #[serde(with = "encode::decimal")]
    pub first: i64,
    /// The last id of its range.
    #[serde(with = "encode::decimal")]
    pub last: i64,
    /// Records signed in it.
    #[serde(with = "encode::decimal")]
    pub signed: u64,
    /// Records rejected in it.
    #[serde(with = "encode::decimal")]
    pub rejected: u64,
    /// The key that signed and sealed it; absent when it had nothing to sign and has no seal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<Thumbprint>,
    /// Its root.
    #[serde(with = "vaultstream_signing::proof::hex")]
    pub root: Hash,
    /// Its key's signature over the root; absent when an earlier version signed it.
    #[serde(with = "encode::optional_signature", default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<RawSignature>,
}

/// A signed record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "record", rename_all = "camelCase")]
pub struct RecordLine {
    /// Its id.
    #[serde(with = "encode::decimal")]
    pub id: i64,
    /// The key of its row, in the format with keys only.
    #[serde(deserialize_with = "encode::row_key::deserialize", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RowKey>,
    /// The digest that was signed.
    #[serde(with = "vaultstream_signing::proof::hex")]
    pub digest: Hash,
    /// r‖s.
    #[serde(with = "encode::signature")]
    pub signature: RawSignature,
    /// What was signed.
    #[serde(with = "encode::bytes", default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Vec<u8>>,
    /// Why a bundle with payloads has none of this record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowState>,
}

/// What the source held for a record when the bundle was written, if not the payload that was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowState {
    /// Another payload.
    Changed,
    /// NULL.
    Null,
    /// No row.
    Gone,
    /// A row that the server cannot read.
    Unreadable,
    /// Unknown: the table is gone or may not be read.
    NotRead,
}

/// A record that could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "reject", rename_all = "camelCase")]
pub struct RejectLine {
    /// Its id.
    #[serde(with = "encode::decimal")]
    pub id: i64,
    /// The key of its row, in the format with keys only.
    #[serde(deserialize_with = "encode::row_key::deserialize", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<RowKey>,
    /// Why, in one word.
    pub reason: String,
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename = "end")]
pub(super) struct EndLine {
    /// The number of lines before it.
    #[serde(with = "encode::decimal")]
    pub(super) lines: u64,
}
