//! Rows beside what was signed.

use vaultstream_ledger::verify::{Now, SignedRow};
use vaultstream_signing::{Digest, MessageForm};

use crate::{digests, nonces::NonceIndex, records::Records};

/// Rows that differ from what was signed, and rows that cannot be checked.
#[derive(Clone, Debug)]
pub struct RowFindings {
    /// Rows that were looked for in the source.
    pub compared: u64,
    /// Rows whose payload is another than the one signed, or NULL.
    pub changed: Records,
    /// Rows that were deleted.
    pub gone: Records,
    /// Rows that the server cannot hand over.
    pub unreadable: Records,
    /// The server's error for the first of those.
    pub why: Option<String>,
    /// Records of which neither digest nor payload is left.
    pub unknown: Records,
    /// Records whose signature is not 64 bytes long.
    pub malformed: Records,
    /// The r of the signatures that were read.
    pub nonces: NonceIndex,
}

impl RowFindings {
    /// Nothing found yet in what are to be this many `signatures`. The ids of at most `most` records of each kind are kept.
    #[must_use]
    pub fn keeping(most: usize, signatures: u64) -> Self {
        let records = || Records::keeping(most);
        Self {
            compared: 0,
            changed: records(),
            gone: records(),
            unreadable: records(),
            why: None,
            unknown: records(),
            malformed: records(),
            nonces: NonceIndex::expecting(signatures),
        }
    }

    /// Compares a row's payload with the digest that was signed, if that was kept. Returns the digest to check the signature over.
    pub(crate) fn digest(&mut self, row: &SignedRow<'_>, form: MessageForm) -> Option<Digest> {
        let signed = digests::kept(row);
        if let Now::Unreadable(why) = row.now {
            self.unreadable.add(row.id);
            self.why.get_or_insert_with(|| why.to_owned());
        }
        let now = digests::of_payload(row, form);
        let Some(signed) = signed else {
            if now.is_none() {
                self.unknown.add(row.id);
            }
            return now;
        };
        match row.now {
            Now::Payload(_) if now == Some(signed) => self.compared += 1,
            Now::Payload(_) | Now::Null => {
                self.compared += 1;
                self.changed.add(row.id);
            }
            Now::Gone => {
                self.compared += 1;
                self.gone.add(row.id);
            }
            Now::Unreadable(_) | Now::NotRead => {}
        }
        Some(signed)
    }
}

#[cfg(test)]
mod tests {
    use vaultstream_ledger::KeyId;

    use super::*;

    #[test]
    fn a_row_is_compared_with_the_digest_that_was_signed_where_that_is_kept() {
        let (kept, other) = (Digest::of(b"a"), Digest::of(b"b"));
        // The columns: signed digest, row, digest to check, then compared, changed, gone, unreadable, unknown.
        let cases = [
            (Some(kept), Now::Payload(b"a"), Some(kept), [1, 0, 0, 0, 0]),
            (Some(kept), Now::Payload(b"b"), Some(kept), [1, 1, 0, 0, 0]),
            (Some(kept), Now::Null, Some(kept), [1, 1, 0, 0, 0]),
            (Some(kept), Now::Gone, Some(kept), [1, 0, 1, 0, 0]),
            (Some(kept), Now::Unreadable("why"), Some(kept), [0, 0, 0, 1, 0]),
            (Some(kept), Now::NotRead, Some(kept), [0, 0, 0, 0, 0]),
            // Generated records: their digest is that of the payload.
            (None, Now::Payload(b"b"), Some(other), [0, 0, 0, 0, 0]),
            (None, Now::Gone, None, [0, 0, 0, 0, 1]),
        ];
        for (signed, now, digest, counted) in cases {
            let mut found = RowFindings::keeping(10, 1);
            let bytes = signed.as_ref().map(|digest| digest.0.as_slice());
            let row = SignedRow { id: 1, row_key: None, key: KeyId(1), signature: &[0; 64], digest: bytes, now };
            assert_eq!(found.digest(&row, MessageForm::Payload), digest, "{signed:?} {now:?}");
            let counts = [
                found.compared,
                found.changed.count(),
                found.gone.count(),
                found.unreadable.count(),
                found.unknown.count(),
            ];
            assert_eq!(counts, counted, "{signed:?} {now:?}");
        }
    }
}
