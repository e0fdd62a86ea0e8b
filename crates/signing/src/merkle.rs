//! Merkle trees as RFC 9162 §2.1 has them (RFC 6962's), over hashes that are already leaves.

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

use crate::digest::{Digest, RawSignature};
use crate::sha256;
use crate::thumbprint::Thumbprint;

/// A SHA-256 hash in a tree.
pub type Hash = [u8; 32];

/// First bytes that keep leaves, nodes, batch roots, rejects and keys apart, so that none can pass for another.
const LEAF: u8 = 0;
const NODE: u8 = 1;
pub(crate) const BATCH: u8 = 2;
const REJECT: u8 = 3;
const KEY_USE: u8 = 4;
const KEYED_LEAF: u8 = 5;
const KEYED_REJECT: u8 = 6;

/// What a record is called in a tree: its id, and where that is an ordinal, its row's key, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordName {
    /// The id.
    pub id: i64,
    /// [`RowKey::hash`](crate::RowKey::hash) of the row's key.
    pub key: Option<Hash>,
}

impl From<i64> for RecordName {
    fn from(id: i64) -> Self {
        Self { id, key: None }
    }
}

/// The leaf of a signed record: SHA-256(0x00 ‖ id (8 bytes, big-endian) ‖ digest ‖ r‖s), and of one with a key
/// SHA-256(0x05 ‖ id ‖ hash of the key ‖ digest ‖ r‖s).
#[must_use]
pub fn leaf(name: impl Into<RecordName>, digest: &Digest, signature: &RawSignature) -> Hash {
    let RecordName { id, key } = name.into();
    let Some(key) = key else {
        let mut bytes = [0; 1 + 8 + 32 + 64];
        bytes[0] = LEAF;
        bytes[1..9].copy_from_slice(&id.to_be_bytes());
        bytes[9..41].copy_from_slice(&digest.0);
        bytes[41..].copy_from_slice(&signature.0);
        return hash_two_blocks(&bytes);
    };
    let hasher = Sha256::new_with_prefix([KEYED_LEAF]).chain_update(id.to_be_bytes()).chain_update(key);
    hasher.chain_update(digest.0).chain_update(signature.0).finalize().into()
}

/// The leaf of a rejected record in the tree of rejects: SHA-256(0x03 ‖ id (8 bytes, big-endian) ‖ reason), and of one with a key
/// SHA-256(0x06 ‖ id ‖ hash of the key ‖ reason).
#[must_use]
pub fn reject_leaf(name: impl Into<RecordName>, reason: &str) -> Hash {
    let RecordName { id, key } = name.into();
    let hasher = match key {
        None => Sha256::new_with_prefix([REJECT]).chain_update(id.to_be_bytes()),
        Some(key) => Sha256::new_with_prefix([KEYED_REJECT]).chain_update(id.to_be_bytes()).chain_update(key),
    };
    hasher.chain_update(reason).finalize().into()
}

/// The leaf of a key in the tree of a receipt's keys: SHA-256(0x04 ‖ thumbprint ‖ signatures (8 bytes, big-endian)).
#[must_use]
pub fn key_use_leaf(kid: &Thumbprint, signed: u64) -> Hash {
    Sha256::new().chain_update([KEY_USE]).chain_update(kid.0).chain_update(signed.to_be_bytes()).finalize().into()
}

/// SHA-256(0x01 ‖ left ‖ right).
pub(crate) fn node(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [0; 1 + 32 + 32];
    bytes[0] = NODE;
    bytes[1..33].copy_from_slice(left);
    bytes[33..].copy_from_slice(right);
    hash_two_blocks(&bytes)
}

/// SHA-256 of a message that pads to two blocks, as all the short ones here do: straight into the compression function,
/// because a hasher's own buffer costs a sixth more.
fn hash_two_blocks<const N: usize>(message: &[u8; N]) -> Hash {
    const { assert!(N + 1 + 8 > sha256::BLOCK && N + 1 + 8 <= 2 * sha256::BLOCK) };
    let mut blocks = [[0; sha256::BLOCK]; 2];
    let message_and_padding = blocks.as_flattened_mut();
    message_and_padding[..N].copy_from_slice(message);
    sha256::pad(message_and_padding, N, N);
    let mut state = sha256::INITIAL;
    compress256(&mut state, &blocks);
    sha256::to_bytes(&state)
}

/// The root of a tree with no leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// A tree that is fed its leaves from left to right and keeps one hash per level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// Roots of the full subtrees so far, the largest first: one for each bit that is set in `leaves`.
    peaks: Vec<Hash>,
    leaves: u64,
}

impl Tree {
    /// A tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        // 40 levels are 10¹² leaves; a batch or a job never grows the vector.
        Self { peaks: Vec::with_capacity(40), leaves: 0 }
    }

    /// A tree from its [`peaks`](Self::peaks) and its number of leaves; `None` when that number of leaves has another number of peaks.
    #[must_use]
    pub fn resume(peaks: Vec<Hash>, leaves: u64) -> Option<Self> {
        (peaks.len() == leaves.count_ones() as usize).then_some(Self { peaks, leaves })
    }

    /// The roots of the full subtrees, the largest first: all that is needed to go on. With their number of leaves, the root pins each of them.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Adds the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each trailing one of the count is a full subtree that the new leaf completes into the next size.
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.leaves += 1;
    }

    /// Number of leaves so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.leaves
    }

    /// Whether there is no leaf yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves == 0
    }

    /// The root over the leaves so far; more may follow.
    #[must_use]
    pub fn root(&self) -> Hash {
        let right_to_left = self.peaks.iter().rev().copied();
        right_to_left.reduce(|right, left| node(&left, &right)).unwrap_or_else(empty_root)
    }

    /// Forgets all leaves and keeps the memory.
    pub fn clear(&mut self) {
        self.peaks.clear();
        self.leaves = 0;
    }
}

impl Extend<Hash> for Tree {
    fn extend<I: IntoIterator<Item = Hash>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

impl FromIterator<Hash> for Tree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        tree.extend(leaves);
        tree
    }
}

/// The root over `leaves`.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    leaves.iter().copied().collect::<Tree>().root()
}

/// The hashes beside the path from leaf `index` up to the root (RFC 9162 §2.1.3.1), lowest first; empty when there is no
/// such leaf, which [`verify_inclusion`] accepts for no index out of range.
#[must_use]
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Vec<Hash> {
    let mut proof = Vec::new();
    if index < leaves.len() {
        let (mut leaves, mut index) = (leaves, index);
        while leaves.len() > 1 {
            // The largest power of two below the number of leaves is the left subtree's size.
            let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
            if index < left.len() {
                proof.push(root(right));
                leaves = left;
            } else {
                proof.push(root(left));
                index -= left.len();
                leaves = right;
            }
        }
        proof.reverse();
    }
    proof
}

/// Whether `proof` shows that `leaf` is at `index` of the `size` leaves under `root` (RFC 9162 §2.1.3.2).
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    root_from_proof(leaf, index, size, proof).as_ref() == Some(root)
}

/// The root that `leaf` at `index` of `size` leaves has by this proof; `None` when the proof has another length than it must have.
#[must_use]
pub fn root_from_proof(leaf: &Hash, index: u64, size: u64, proof: &[Hash]) -> Option<Hash> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last)?;
    let mut position = index;
    let mut hash = *leaf;
    for beside in proof {
        if last == 0 {
            return None;
        }
        if position & 1 == 1 || position == last {
            hash = node(beside, &hash);
            // Levels at which this subtree is alone on the right carry it up unchanged.
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, beside);
        }
        position >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// A hash in hexadecimal, as exports, receipts and the command line show it.
#[must_use]
pub fn to_hex(hash: &Hash) -> String {
    base16ct::lower::encode_string(hash)
}

/// Reads a hash from 64 hexadecimal digits.
#[must_use]
pub fn from_hex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let decoded = base16ct::mixed::decode(text, &mut hash).ok()?.len();
    (decoded == hash.len()).then_some(hash)
}
