//! What comes in a bundle once only: the nonces of a key, and the keys of rows. One index takes both, in further reads of the file where one
//! does not do.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::Path,
};

use vaultstream_ledger::KeyId;
use vaultstream_signing::{Hash, RawSignature, Thumbprint};

use super::{
    line::{BatchLine, RecordLine, RejectLine},
    read::{LineReader, LineType, Next},
};
use crate::{
    nonces::{NonceUsers, RepeatedNonces, prefix as nonce_prefix},
    records::Records,
    repeats::{Prefix, RepeatIndex, Repeats},
};

/// Bytes that a record takes in a file at least.
const LEAST_RECORD: u64 = 190;

/// The place of a key among the lines, as the threads know it.
pub(super) fn key_id(place: usize) -> KeyId {
    KeyId(i64::try_from(place).unwrap_or(i64::MAX))
}

/// What a line has that no other line may have.
enum Once<'a> {
    RecordNonce(KeyId, i64, &'a RawSignature),
    SealNonce(KeyId, i64, &'a RawSignature),
    RowKey(i64, Hash),
}

impl Once<'_> {
    fn prefix(&self) -> Prefix {
        match self {
            Self::RecordNonce(key, _, signature) | Self::SealNonce(key, _, signature) => nonce_prefix(*key, signature),
            Self::RowKey(_, hash) => row_key_prefix(hash),
        }
    }
}

fn row_key_prefix(hash: &Hash) -> Prefix {
    let (words, _) = hash.as_chunks::<8>();
    u64::from_be_bytes(words[0])
}

/// The nonces and the keys of rows that were seen.
pub(super) struct OnceOnly(RepeatIndex);

/// What came twice.
pub(super) struct Twice {
    pub(super) nonces: NonceUsers,
    /// Records and rejects that have the key of another one.
    pub(super) row_keys: Records,
}

impl OnceOnly {
    /// For a file of this size, whose records have keys or not.
    pub(super) fn expecting(size: u64, with_keys: bool) -> Self {
        let each = if with_keys { 2 } else { 1 };
        Self(RepeatIndex::expecting((size / LEAST_RECORD).saturating_mul(each)))
    }

    /// The signature of a record or of a batch.
    pub(super) fn nonce(&mut self, key: KeyId, signature: &RawSignature) {
        self.0.add(nonce_prefix(key, signature));
    }

    /// The key of a row.
    pub(super) fn row_key(&mut self, hash: &Hash) {
        self.0.add(row_key_prefix(hash));
    }

    /// What came twice; at most `most` of each are named. Reads the file again when it is too large for one pass, or something was found.
    pub(super) fn finish(&mut self, path: &Path, keys: &HashMap<Thumbprint, usize>, most: usize) -> io::Result<Twice> {
        let mut suspects = self.0.take_repeated();
        while self.0.begin_next_pass() {
            each(path, keys, |once| self.0.add(once.prefix()))?;
            suspects.extend(self.0.take_repeated());
        }
        twice_among(suspects, path, keys, most)
    }
}

fn twice_among(
    suspects: HashSet<Prefix>,
    path: &Path,
    keys: &HashMap<Thumbprint, usize>,
    most: usize,
) -> io::Result<Twice> {
    let is_clear = suspects.is_empty();
    let mut row_keys = (Repeats::among(suspects.clone()), Records::keeping(most));
    let mut nonces = RepeatedNonces::among(suspects, most);
    if !is_clear {
        each(path, keys, |once| match once {
            Once::RecordNonce(key, id, signature) => nonces.add(key, id, signature),
            Once::SealNonce(key, batch, seal) => nonces.add_seal(key, batch, seal),
            Once::RowKey(id, hash) => {
                let (uses, found) = &mut row_keys;
                uses.add(row_key_prefix(&hash), hash, id, |_| false).into_iter().flatten().for_each(|id| found.add(id));
            }
        })?;
    }
    Ok(Twice { nonces: nonces.finish(), row_keys: row_keys.1 })
}

/// Reads the lines below batches once more, up to the first one that is not as it must be.
fn each(path: &Path, keys: &HashMap<Thumbprint, usize>, mut visit: impl FnMut(Once<'_>)) -> io::Result<()> {
    let mut reader = LineReader::open(path)?;
    let mut key = None;
    loop {
        match reader.next()? {
            Next::Line(LineType::Batch) => {
                let Ok(batch) = reader.parse::<BatchLine>() else { return Ok(()) };
                key = batch.kid.and_then(|kid| keys.get(&kid)).map(|place| key_id(*place));
                if let (Some(key), Some(seal)) = (key, &batch.seal) {
                    visit(Once::SealNonce(key, i64::try_from(batch.batch).unwrap_or(i64::MAX), seal));
                }
            }
            Next::Line(LineType::Record) => {
                let (Ok(record), Some(key)) = (reader.parse::<RecordLine>(), key) else { return Ok(()) };
                visit(Once::RecordNonce(key, record.id, &record.signature));
                record.key.iter().for_each(|key| visit(Once::RowKey(record.id, key.hash())));
            }
            Next::Line(LineType::Reject) => {
                let Ok(reject) = reader.parse::<RejectLine>() else { return Ok(()) };
                reject.key.iter().for_each(|key| visit(Once::RowKey(reject.id, key.hash())));
            }
            Next::Line(LineType::Header | LineType::Key | LineType::End) => {}
            Next::Line(LineType::Unknown) | Next::End | Next::Cut(_) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::line::KeyLine;

    #[test]
    fn records_with_keys_take_twice_the_passes_so_that_memory_stays_the_same() {
        let passes = |size, with_keys| {
            let mut once = OnceOnly::expecting(size, with_keys);
            1 + std::iter::from_fn(|| once.0.begin_next_pass().then_some(())).count()
        };
        let whole = LEAST_RECORD << 26;
        assert_eq!([passes(0, true), passes(whole / 2, true), passes(whole, true)], [1, 1, 2]);
        assert_eq!([passes(whole, false), passes(2 * whole, false), passes(2 * whole, true)], [1, 2, 4]);
    }

    #[test]
    fn what_comes_twice_is_found_in_one_pass_and_in_several() {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/vectors");
        for (file, nonces, row_keys) in [
            ("keys-text.vsb", vec![], vec![]),
            ("key-twice.vsb", vec![], vec![3, 9]),
            ("key-twice-in-reject.vsb", vec![], vec![3, 7]),
            ("repeated-nonce.vsb", vec![1, 22], vec![]),
        ] {
            let path = vectors.join(file);
            let keys = keys(&path);
            for passes in [1, 2, 7] {
                let mut once = OnceOnly(RepeatIndex::in_passes(passes));
                each(&path, &keys, |seen| once.0.add(seen.prefix())).unwrap();
                let twice = once.finish(&path, &keys, 10).unwrap();
                assert_eq!(twice.nonces.records.ids().collect::<Vec<_>>(), nonces, "{file} in {passes}");
                assert_eq!(twice.row_keys.ids().collect::<Vec<_>>(), row_keys, "{file} in {passes}");
            }
        }
    }

    fn keys(path: &Path) -> HashMap<Thumbprint, usize> {
        let mut reader = LineReader::open(path).unwrap();
        let mut keys = HashMap::new();
        while let Next::Line(kind) = reader.next().unwrap() {
            if kind == LineType::Key {
                keys.insert(reader.parse::<KeyLine>().unwrap().jwk.kid, keys.len());
            }
        }
        keys
    }
}
