//! PostgreSQL's binary COPY format, as the server's manual describes it under COPY, "Binary Format": rows of signatures are
//! written, rows of all kinds are read.

mod key_form;
mod rows;
#[cfg(test)]
mod tests;

use vaultstream_signing::{Digest, RawSignature};

pub(crate) use key_form::KeyForm;
pub use rows::{CopyError, HEADER, Rows, int8};

/// What follows the last row: a count of fields of -1.
pub const TRAILER: [u8; 2] = [0xff, 0xff];

/// Length of a row of signatures without a digest.
pub const SIGNATURE_ROW: usize = 2 + (4 + 8) + (4 + 8) + (4 + 64) + 4;

/// Length of a row of signatures with its digest.
pub const SIGNATURE_ROW_WITH_DIGEST: usize = SIGNATURE_ROW + 32;

/// The length of a field that is NULL: -1.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();

/// The rows of records that one key has signed: `signatures[i]` of the record `ids[i]`, with `digests[i]` where they are kept.
#[must_use]
pub fn signature_rows(ids: &[i64], key: i64, signatures: &[RawSignature], digests: Option<&[Digest]>) -> Vec<u8> {
    let row_len = if digests.is_some() { SIGNATURE_ROW_WITH_DIGEST } else { SIGNATURE_ROW };
    let mut rows = Vec::with_capacity(signatures.len() * row_len);
    for (at, (id, signature)) in ids.iter().zip(signatures).enumerate() {
        put_signature_row(&mut rows, *id, key, signature, digests.and_then(|digests| digests.get(at)));
    }
    rows
}

/// Appends the row (record_id int8, key_id int8, signature bytea, digest bytea or NULL).
pub fn put_signature_row(out: &mut Vec<u8>, id: i64, key: i64, signature: &RawSignature, digest: Option<&Digest>) {
    let mut row = [0; SIGNATURE_ROW_WITH_DIGEST];
    row[..2].copy_from_slice(&4_i16.to_be_bytes());
    row[2..6].copy_from_slice(&8_i32.to_be_bytes());
    row[6..14].copy_from_slice(&id.to_be_bytes());
    row[14..18].copy_from_slice(&8_i32.to_be_bytes());
    row[18..26].copy_from_slice(&key.to_be_bytes());
    row[26..30].copy_from_slice(&64_i32.to_be_bytes());
    row[30..94].copy_from_slice(&signature.0);
    match digest {
        Some(digest) => {
            row[94..98].copy_from_slice(&32_i32.to_be_bytes());
            row[98..].copy_from_slice(&digest.0);
            out.extend_from_slice(&row);
        }
        None => {
            row[94..98].copy_from_slice(&NULL);
            out.extend_from_slice(&row[..SIGNATURE_ROW]);
        }
    }
}
