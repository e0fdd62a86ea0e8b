//! The signatures of a piece in memory, and the rows of the source merged with them. Pure: it knows no server.
//!
//! ```text
//! signatures   3     5  6     ids ascend on both sides
//! source       3  4     6  9
//!              │  │  │  │  └ no signature: passed over
//!              │  │  └ no row: Gone
//!              │  └ no signature: passed over
//!              └ Payload, Null, or too large to be what was signed
//! ```

use std::ops::Range;

use vaultstream_signing::RowKey;

use super::signed_row::{Now, SignedRow, Visit};
use crate::copy::CopyError;
use crate::copy_out::ReadError;
use crate::ids::KeyId;

/// The signatures of a piece, ids ascending.
#[derive(Debug, Default)]
pub(super) struct Held {
    rows: Vec<HeldRow>,
    /// The signatures and digests of all rows.
    bytes: Vec<u8>,
    /// Bytes of the rows' keys.
    keys: usize,
}

#[derive(Debug)]
struct HeldRow {
    id: i64,
    row_key: Option<RowKey>,
    key: KeyId,
    signature: Range<usize>,
    digest: Option<Range<usize>>,
}

/// What ends a read in bulk early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Halt {
    /// It did not fail.
    #[error("the caller has seen enough")]
    Asked,
    /// The rows have to be looked up one by one.
    #[error("signatures and rows cannot be merged: {0}")]
    NotMerged(&'static str),
    /// Postgres failed.
    #[error(transparent)]
    Failed(#[from] ReadError),
}

impl From<CopyError> for Halt {
    fn from(error: CopyError) -> Self {
        Self::Failed(error.into())
    }
}

/// What the source has for one id.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    Payload(&'a [u8]),
    Null,
    /// Larger than any payload that is signed: it was not sent.
    TooLarge,
}

impl Held {
    /// Adds a signature. Fails when ids do not ascend.
    pub(super) fn push(
        &mut self,
        id: i64,
        row_key: Option<RowKey>,
        key: KeyId,
        signature: &[u8],
        digest: Option<&[u8]>,
    ) -> Result<(), Halt> {
        if self.rows.last().is_some_and(|last| id <= last.id) {
            return Err(Halt::NotMerged("the signatures are out of order"));
        }
        let signature = self.keep(signature);
        let digest = digest.map(|digest| self.keep(digest));
        self.keys += row_key.iter().flat_map(RowKey::values).map(String::len).sum::<usize>();
        self.rows.push(HeldRow { id, row_key, key, signature, digest });
        Ok(())
    }

    fn keep(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// Their ids, ascending.
    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        self.rows.iter().map(|row| row.id)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The ids of those that have the keys of their rows, ascending, with these.
    pub(super) fn keyed(&self) -> impl Iterator<Item = (i64, &RowKey)> + Clone {
        self.rows.iter().filter_map(|row| Some((row.id, row.row_key.as_ref()?)))
    }

    /// Bytes of the signatures, digests and keys.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len() + self.keys
    }

    /// The first and the last id.
    pub(super) fn ends(&self) -> Option<(i64, i64)> {
        self.rows.first().zip(self.rows.last()).map(|(first, last)| (first.id, last.id))
    }

    /// Shows all of them with the same `now`.
    pub(super) fn show_all(&self, now: Now<'_>, visit: Visit<'_>) -> Result<(), Halt> {
        self.rows.iter().try_for_each(|row| self.show(row, now, visit))
    }

    fn show(&self, row: &HeldRow, now: Now<'_>, visit: Visit<'_>) -> Result<(), Halt> {
        let part = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        let digest = row.digest.as_ref().map(part);
        let HeldRow { id, ref row_key, key, .. } = *row;
        let row = SignedRow { id, row_key: row_key.as_ref(), key, signature: part(&row.signature), digest, now };
        if visit(row).is_break() { Err(Halt::Asked) } else { Ok(()) }
    }
}

/// Merges the rows of the source, which are passed to [`next`](Merge::next), with the signatures that are held.
pub(super) struct Merge<'h> {
    held: &'h Held,
    /// The signature that is next.
    at: usize,
    /// The source has had a row for it.
    is_shown: bool,
    /// The id of the source's last row.
    before: Option<i64>,
    /// Rows of the source so far.
    rows: usize,
}

impl<'h> Merge<'h> {
    pub(super) fn with(held: &'h Held) -> Self {
        Self { held, at: 0, is_shown: false, before: None, rows: 0 }
    }

    /// Takes the source's next row. Shows the signatures before it as gone, and its own with what was found. A second row with the same
    /// id, which only a damaged index makes possible, shows that signature once more.
    pub(super) fn next(&mut self, id: i64, found: Found<'_>, visit: Visit<'_>) -> Result<(), Halt> {
        if self.before.is_some_and(|before| id < before) {
            return Err(Halt::NotMerged("the rows of the source are out of order"));
        }
        self.before = Some(id);
        self.rows += 1;
        self.pass(|row| row.id < id, visit)?;
        let Some(row) = self.held.rows.get(self.at).filter(|row| row.id == id) else { return Ok(()) };
        let now = match found {
            Found::Payload(payload) => Now::Payload(payload),
            Found::Null => Now::Null,
            Found::TooLarge => return Err(Halt::NotMerged("a payload is larger than any that is signed")),
        };
        self.is_shown = true;
        self.held.show(row, now, visit)
    }

    /// Ends the source, of which at most `limit` rows were requested. Shows the signatures after its last row as gone.
    pub(super) fn finish(mut self, limit: usize, visit: Visit<'_>) -> Result<(), Halt> {
        let is_cut_off = self.rows >= limit && self.held.ends().is_some_and(|(_, last)| self.before < Some(last));
        if is_cut_off {
            return Err(Halt::NotMerged("most rows of the source are not signed"));
        }
        self.pass(|_| true, visit)
    }

    /// Leaves the signatures behind that the source has no more rows for.
    fn pass(&mut self, is_behind: impl Fn(&HeldRow) -> bool, visit: Visit<'_>) -> Result<(), Halt> {
        while let Some(row) = self.held.rows.get(self.at).filter(|row| is_behind(row)) {
            if !std::mem::take(&mut self.is_shown) {
                self.held.show(row, Now::Gone, visit)?;
            }
            self.at += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    /// Ids of signatures, rows of the source, and what is shown.
    type Case<'c> = (&'c [i64], Source<'c>, &'c [&'c str]);

    /// Rows of the source, the limit that they were requested with, what is shown, and why the merge ends.
    type Unmerged<'c> = (Source<'c>, usize, &'c [&'c str], &'c str);

    type Source<'c> = &'c [(i64, Found<'c>)];

    const A: Found<'_> = Found::Payload(b"a");

    fn held(ids: &[i64]) -> Held {
        let mut held = Held::default();
        for &id in ids {
            let byte = id.to_be_bytes()[7];
            held.push(id, None, KeyId(i64::from(byte)), &[byte; 64], (id % 2 == 0).then_some(&[byte; 32])).unwrap();
        }
        held
    }

    /// What is shown of these signatures beside these rows, and how the merge ends. The caller has seen enough after `most`.
    fn merged(ids: &[i64], source: Source<'_>, limit: usize, most: usize) -> (Vec<String>, Result<(), Halt>) {
        let held = held(ids);
        let mut shown = Vec::new();
        let mut visit = |row: SignedRow<'_>| {
            let byte = row.id.to_be_bytes()[7];
            assert_eq!((row.key, row.signature), (KeyId(i64::from(byte)), [byte; 64].as_slice()));
            assert_eq!(row.digest, (row.id % 2 == 0).then_some([byte; 32].as_slice()));
            shown.push(match row.now {
                Now::Payload(payload) => format!("{} {}", row.id, String::from_utf8_lossy(payload)),
                now => format!("{} {now:?}", row.id),
            });
            if shown.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut merge = Merge::with(&held);
        let all = source.iter().try_for_each(|&(id, found)| merge.next(id, found, &mut visit));
        let end = all.and_then(|()| merge.finish(limit, &mut visit));
        (shown, end)
    }

    #[test]
    fn each_signature_is_shown_once_with_what_the_source_has_for_it() {
        let cases: [Case<'_>; 9] = [
            (&[3, 5, 6], &[(3, A), (5, Found::Payload(b"")), (6, Found::Null)], &["3 a", "5 ", "6 Null"]),
            // Gone at the beginning, in between, at the end, and all of them.
            (&[3, 5, 6], &[(5, A), (6, A)], &["3 Gone", "5 a", "6 a"]),
            (&[3, 5, 6], &[(3, A), (6, A)], &["3 a", "5 Gone", "6 a"]),
            (&[3, 5, 6], &[(3, A)], &["3 a", "5 Gone", "6 Gone"]),
            (&[3, 5, 6], &[], &["3 Gone", "5 Gone", "6 Gone"]),
            // Rows without a signature, of any size: before, between and after.
            (&[3, 6], &[(1, A), (3, A), (4, Found::TooLarge), (5, A), (6, A), (9, A)], &["3 a", "6 a"]),
            (&[3, 6], &[(4, Found::Null)], &["3 Gone", "6 Gone"]),
            (
                &[i64::MIN, -2, i64::MAX],
                &[(i64::MIN, A), (i64::MAX, A)],
                &["-9223372036854775808 a", "-2 Gone", "9223372036854775807 a"],
            ),
            (&[], &[(3, A)], &[]),
        ];
        for (ids, source, expected) in cases {
            let (shown, end) = merged(ids, source, 100, 100);
            assert_eq!(shown, expected, "{ids:?} {source:?}");
            assert!(end.is_ok(), "{end:?}");
        }
    }

    #[test]
    fn a_row_that_comes_twice_shows_its_signature_twice() {
        let (shown, end) = merged(&[3, 5], &[(3, A), (3, Found::Payload(b"b")), (5, A)], 100, 100);
        assert_eq!(shown, ["3 a", "3 b", "5 a"]);
        assert!(end.is_ok(), "{end:?}");
    }

    #[test]
    fn what_cannot_be_merged_ends_the_merge_with_the_reason() {
        let cases: [Unmerged<'_>; 4] = [
            (&[(3, A), (2, A), (5, A)], 100, &["3 a"], "the rows of the source are out of order"),
            (&[(3, A), (5, Found::TooLarge), (7, A)], 100, &["3 a"], "a payload is larger than any that is signed"),
            // The limit was reached before the last signature: its row may be there.
            (&[(1, A), (2, A), (3, A)], 3, &["3 a"], "most rows of the source are not signed"),
            (&[], 0, &[], "most rows of the source are not signed"),
        ];
        for (source, limit, expected, words) in cases {
            let (shown, end) = merged(&[3, 5, 7], source, limit, 100);
            assert_eq!(shown, expected, "{source:?}");
            assert!(matches!(end, Err(Halt::NotMerged(why)) if why == words), "{end:?}");
        }
        let (shown, end) = merged(&[3, 5, 7], &[(3, A), (5, A), (7, A)], 3, 100);
        assert_eq!(shown, ["3 a", "5 a", "7 a"]);
        assert!(end.is_ok(), "the limit was reached at the last signature: {end:?}");
    }

    #[test]
    fn signatures_that_do_not_ascend_are_refused() {
        for id in [5, 4] {
            let mut held = held(&[3, 5]);
            let pushed = held.push(id, None, KeyId(1), &[0; 64], None);
            assert!(matches!(pushed, Err(Halt::NotMerged("the signatures are out of order"))), "{pushed:?}");
        }
        assert_eq!((held(&[3, 5]).ends(), held(&[]).ends()), (Some((3, 5)), None));
        assert_eq!((held(&[3, 6]).len(), held(&[3, 6]).bytes()), (2, 64 + 64 + 32));
    }

    #[test]
    fn a_caller_that_has_seen_enough_is_shown_no_more() {
        for (most, expected) in [(1, vec!["3 Gone"]), (2, vec!["3 Gone", "5 a"]), (3, vec!["3 Gone", "5 a", "6 Gone"])]
        {
            let (shown, end) = merged(&[3, 5, 6, 8], &[(5, A)], 100, most);
            assert_eq!(shown, expected);
            assert!(matches!(end, Err(Halt::Asked)), "{end:?}");
        }
    }
}
