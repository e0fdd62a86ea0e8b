//! A signature that was read, and what the source has for it now.

use std::ops::ControlFlow;

use vaultstream_signing::{RecordName, RowKey};

use crate::ids::KeyId;

/// A signature and what it signs.
#[derive(Clone, Copy, Debug)]
pub struct SignedRow<'a> {
    /// Which record.
    pub id: i64,
    /// The key of its row, where ids are ordinals; `None` there when the ledger is damaged.
    pub row_key: Option<&'a RowKey>,
    /// The key that signed.
    pub key: KeyId,
    /// r and s.
    pub signature: &'a [u8],
    /// The digest that was signed, for records of a table.
    pub digest: Option<&'a [u8]>,
    /// What the source has now.
    pub now: Now<'a>,
}

impl SignedRow<'_> {
    /// What the record is called in a tree.
    #[must_use]
    pub fn name(&self) -> RecordName {
        RecordName { id: self.id, key: self.row_key.map(RowKey::hash) }
    }
}

/// What the source of a signed record has for it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Now<'a> {
    /// This payload.
    Payload(&'a [u8]),
    /// A row whose payload is NULL.
    Null,
    /// No row.
    Gone,
    /// A row that the server cannot return, with its reason.
    Unreadable(&'a str),
    /// The whole source cannot be read: see [`super::SignedRows::lost`].
    NotRead,
}

impl<'a> Now<'a> {
    /// The payload, if there is one.
    #[must_use]
    pub fn payload(self) -> Option<&'a [u8]> {
        match self {
            Self::Payload(payload) => Some(payload),
            Self::Null | Self::Gone | Self::Unreadable(_) | Self::NotRead => None,
        }
    }
}

/// Why no row of the source can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The table or one of its columns is not there any more, under its name; else it may not be read.
    pub gone: bool,
    /// What the server says.
    pub why: String,
}

/// Called with each signature; a break ends the reading.
pub type Visit<'v> = &'v mut (dyn FnMut(SignedRow<'_>) -> ControlFlow<()> + Send);
