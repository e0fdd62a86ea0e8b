//! A Merkle tree kept whole, for many inclusion proofs.
//!
//! Pairing level by level, with an odd last node moved up unchanged, gives the tree of RFC 6962 §2.1: its split at the
//! largest power of two below the size is where such pairing meets last.

use crate::Hash;
use crate::merkle::node;

/// All levels of a tree, the leaves first; 64 bytes of memory a leaf.
#[derive(Clone, Debug)]
pub struct FullTree {
    levels: Vec<Vec<Hash>>,
}

impl FullTree {
    /// Builds the tree over these leaves.
    #[must_use]
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last()
            && level.len() > 1
        {
            let above = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(left, right),
                    [odd] => *odd,
                    _ => crate::merkle::empty_root(),
                })
                .collect();
            levels.push(above);
        }
        Self { levels }
    }

    /// The siblings on the way from a leaf to the root, the lowest first; as [`crate::merkle::inclusion_proof`] gives
    /// them; empty for a leaf that does not exist.
    #[must_use]
    pub fn proof(&self, index: usize) -> Vec<Hash> {
        if self.levels.first().is_none_or(|leaves| index >= leaves.len()) {
            return Vec::new();
        }
        let siblings = self.levels.iter().enumerate().map(|(level, nodes)| nodes.get((index >> level) ^ 1));
        siblings.flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{inclusion_proof, root};

    #[test]
    fn its_proofs_are_those_of_the_recursive_tree() {
        for size in 0..70_u8 {
            let leaves: Vec<Hash> = (0..size).map(|leaf| [leaf; 32]).collect();
            let tree = FullTree::new(leaves.clone());
            assert_eq!(
                tree.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(crate::merkle::empty_root),
                root(&leaves)
            );
            for index in 0..leaves.len() + 2 {
                assert_eq!(tree.proof(index), inclusion_proof(&leaves, index), "leaf {index} of {size}");
            }
        }
    }
}
