//! The two digests of a row: the one that was signed, and that of what the row holds now.

use vaultstream_ledger::verify::SignedRow;
use vaultstream_signing::{Digest, MessageForm};

/// The digest that was signed, where it is kept: for rows of tables. That of a generated record is the digest of its payload.
pub(crate) fn kept(row: &SignedRow<'_>) -> Option<Digest> {
    row.digest.and_then(|digest| digest.try_into().ok()).map(Digest)
}

/// The digest of the payload that the row holds now; `None` without one.
pub(crate) fn of_payload(row: &SignedRow<'_>, form: MessageForm) -> Option<Digest> {
    row.now.payload().map(|payload| form.digest(row.id, payload))
}

/// The digest that was signed, and that of what the row holds now. The digest of a generated record is not kept: it is that of its payload.
#[must_use]
pub fn row_digests(row: &SignedRow<'_>, form: MessageForm) -> (Option<Digest>, Option<Digest>) {
    let now = of_payload(row, form);
    (kept(row).or(now), now)
}
