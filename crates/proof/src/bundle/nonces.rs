//! Further reads of the records, for what one pass does not decide.

use std::{collections::HashMap, io, path::Path};

use vaultstream_ledger::KeyId;
use vaultstream_signing::Thumbprint;

use super::{
    line::{BatchLine, RecordLine},
    read::{LineReader, LineType, Next},
};

/// The place of a key among the lines, as the threads know it.
pub(super) fn key_id(place: usize) -> KeyId {
    KeyId(i64::try_from(place).unwrap_or(i64::MAX))
}
/// Reads the records once more, up to the first line that is not as it must be.
pub(super) fn each_record(
    path: &Path,
    keys: &HashMap<Thumbprint, usize>,
    mut visit: impl FnMut(KeyId, &RecordLine),
) -> io::Result<()> {
    let mut reader = LineReader::open(path)?;
    let mut key = None;
    loop {
        match reader.next()? {
            Next::Line(LineType::Batch) => {
                let Ok(batch) = reader.parse::<BatchLine>() else { return Ok(()) };
                key = batch.kid.and_then(|kid| keys.get(&kid)).map(|place| key_id(*place));
            }
            Next::Line(LineType::Record) => {
                let (Ok(record), Some(key)) = (reader.parse::<RecordLine>(), key) else { return Ok(()) };
                visit(key, &record);
            }
            Next::Line(LineType::Header | LineType::Key | LineType::Reject | LineType::End) => {}
            Next::Line(LineType::Unknown) | Next::End | Next::Cut(_) => return Ok(()),
        }
    }
}
