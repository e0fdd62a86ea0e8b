//! Further reads of the records, for what one pass does not decide.

use std::{collections::HashMap, io, path::Path};

use vaultstream_ledger::KeyId;
use vaultstream_signing::{RawSignature, Thumbprint};

use super::{
    line::{BatchLine, RecordLine},
    read::{LineReader, LineType, Next},
};

/// The place of a key among the lines, as the threads know it.
pub(super) fn key_id(place: usize) -> KeyId {
    KeyId(i64::try_from(place).unwrap_or(i64::MAX))
}
/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(super) enum SignedLine {
    Record(i64),
    Batch(i64),
}

/// Reads the records and seals once more, up to the first line that is not as it must be.
pub(super) fn each_signature(
    path: &Path,
    keys: &HashMap<Thumbprint, usize>,
    mut visit: impl FnMut(KeyId, SignedLine, &RawSignature),
) -> io::Result<()> {
    let mut reader = LineReader::open(path)?;
    let mut key = None;
    loop {
        match reader.next()? {
            Next::Line(LineType::Batch) => {
                let Ok(batch) = reader.parse::<BatchLine>() else { return Ok(()) };
                key = batch.kid.and_then(|kid| keys.get(&kid)).map(|place| key_id(*place));
                if let (Some(key), Some(seal)) = (key, &batch.seal) {
                    visit(key, SignedLine::Batch(i64::try_from(batch.batch).unwrap_or(i64::MAX)), seal);
                }
            }
            Next::Line(LineType::Record) => {
                let (Ok(record), Some(key)) = (reader.parse::<RecordLine>(), key) else { return Ok(()) };
                visit(key, SignedLine::Record(record.id), &record.signature);
            }
            Next::Line(LineType::Header | LineType::Key | LineType::Reject | LineType::End) => {}
            Next::Line(LineType::Unknown) | Next::End | Next::Cut(_) => return Ok(()),
        }
    }
}
