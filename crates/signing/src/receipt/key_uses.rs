//! The keys that a receipt names: each of them, or above 1,000 the root over all of them, so that no job makes a receipt too large.

use serde::{Deserialize, Serialize};

use super::format::ReceiptFormat;
use crate::merkle::{Hash, Tree, key_use_leaf};
use crate::thumbprint::Thumbprint;

/// Most keys that a receipt lists.
pub const LISTED_KEYS_LIMIT: u64 = 1_000;

/// How much one key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyUse {
    /// The key's thumbprint.
    pub kid: Thumbprint,
    /// Signatures made with it.
    pub signed: u64,
}

/// The keys that signed records of a job, by ordinal and version. In JSON one of the members `keys` and `keyTree` of the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyUses {
    /// Each of them.
    #[serde(rename = "keys")]
    Listed(Vec<KeyUse>),
    /// What proves the list without containing it.
    #[serde(rename = "keyTree")]
    Tree(KeyTree),
}

/// The Merkle tree over a list of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyTree {
    /// How many keys there are.
    pub size: u64,
    /// The root over their leaves.
    #[serde(with = "crate::proof::hex")]
    pub root: Hash,
}

/// Collects the keys of a receipt, one after the other. Keeps no more of them than the receipt lists.
#[derive(Clone, Debug)]
pub struct KeyUseCollector {
    format: ReceiptFormat,
    listed: Vec<KeyUse>,
    tree: Tree,
}

impl KeyUseCollector {
    /// For a receipt of this format.
    #[must_use]
    pub fn new(format: ReceiptFormat) -> Self {
        Self { format, listed: Vec::new(), tree: Tree::new() }
    }

    /// Adds the next key, by ordinal and version.
    pub fn push(&mut self, key: KeyUse) {
        self.tree.push(key_use_leaf(&key.kid, key.signed));
        if self.are_listed() {
            self.listed.push(key);
        } else {
            self.listed = Vec::new();
        }
    }

    /// What the receipt says of all that were added.
    #[must_use]
    pub fn finish(self) -> KeyUses {
        if self.are_listed() {
            KeyUses::Listed(self.listed)
        } else {
            KeyUses::Tree(KeyTree { size: self.tree.len(), root: self.tree.root() })
        }
    }

    fn are_listed(&self) -> bool {
        self.format == ReceiptFormat::V1 || self.tree.len() <= LISTED_KEYS_LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::root;

    fn key(number: u64) -> KeyUse {
        let mut kid = [0; 32];
        kid[..8].copy_from_slice(&number.to_be_bytes());
        KeyUse { kid: Thumbprint(kid), signed: number + 1 }
    }

    fn collected(format: ReceiptFormat, keys: impl Iterator<Item = KeyUse>) -> KeyUses {
        let mut collector = KeyUseCollector::new(format);
        keys.for_each(|key| collector.push(key));
        collector.finish()
    }

    #[test]
    fn a_thousand_keys_are_listed_and_of_more_there_is_the_root() {
        let keys = |number| (0..number).map(key);
        assert_eq!(collected(ReceiptFormat::V2, keys(0)), KeyUses::Listed(Vec::new()));
        assert_eq!(collected(ReceiptFormat::V2, keys(1_000)), KeyUses::Listed(keys(1_000).collect()));
        let leaves: Vec<Hash> = keys(1_001).map(|key| key_use_leaf(&key.kid, key.signed)).collect();
        let tree = KeyUses::Tree(KeyTree { size: 1_001, root: root(&leaves) });
        assert_eq!(collected(ReceiptFormat::V2, keys(1_001)), tree);
        assert_eq!(collected(ReceiptFormat::V1, keys(1_001)), KeyUses::Listed(keys(1_001).collect()));
    }

    #[test]
    fn the_root_depends_on_every_key_on_its_signatures_and_on_the_order() {
        let tree = |keys: Vec<KeyUse>| collected(ReceiptFormat::V2, keys.into_iter());
        let keys: Vec<KeyUse> = (0..1_500).map(key).collect();
        let right = tree(keys.clone());
        let mut other_key = keys.clone();
        other_key[700].kid.0[31] ^= 1;
        let mut other_count = keys.clone();
        other_count[1_499].signed += 1;
        let mut other_order = keys.clone();
        other_order.swap(3, 4);
        for changed in [other_key, other_count, other_order, keys[1..].to_vec()] {
            assert_ne!(tree(changed), right);
        }
        assert_eq!(tree(keys), right);
    }

    #[test]
    fn memory_does_not_grow_with_the_keys() {
        let mut collector = KeyUseCollector::new(ReceiptFormat::V2);
        (0..100_000).for_each(|number| collector.push(key(number)));
        assert_eq!(collector.listed.capacity(), 0);
        assert!(matches!(collector.finish(), KeyUses::Tree(KeyTree { size: 100_000, .. })));
    }
}
