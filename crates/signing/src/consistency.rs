//! Consistency proofs: that a tree of more leaves begins with the leaves of an earlier one (RFC 9162 §2.1.4).

use crate::Hash;
use crate::merkle::{empty_root, node, root};

/// The hashes from which both roots follow, that over the first `earlier` of the leaves and that over all (RFC 9162 §2.1.4.1). Empty when
/// `earlier` is 0, and when it is not less than the number of leaves.
#[must_use]
pub fn consistency_proof(leaves: &[Hash], earlier: usize) -> Vec<Hash> {
    let mut proof = Vec::new();
    if earlier == 0 || earlier >= leaves.len() {
        return proof;
    }
    let (mut leaves, mut earlier, mut is_whole) = (leaves, earlier, true);
    while earlier < leaves.len() {
        // The largest power of two below the number of leaves is the left subtree's size.
        let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
        if earlier <= left.len() {
            proof.push(root(right));
            leaves = left;
        } else {
            proof.push(root(left));
            earlier -= left.len();
            leaves = right;
            is_whole = false;
        }
    }
    // The verifier knows the root over all the earlier leaves.
    if !is_whole {
        proof.push(root(leaves));
    }
    proof.reverse();
    proof
}

/// Whether `proof` shows that the first `earlier.0` of `later.0` leaves have the root `earlier.1`, where all have the root `later.1`
/// (RFC 9162 §2.1.4.2). Any tree begins with the one without leaves.
#[must_use]
pub fn verify_consistency(earlier: (u64, &Hash), later: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((size, earlier_root), (all, later_root)) = (earlier, later);
    if size == 0 || size == all {
        let is_known = if size == all { earlier_root == later_root } else { *earlier_root == empty_root() };
        return is_known && (all > 0 || *later_root == empty_root()) && proof.is_empty();
    }
    if size > all {
        return false;
    }
    // Where the earlier leaves are one full subtree, their root is where the proof begins.
    let (start, rest) = match (size.is_power_of_two(), proof.split_first()) {
        (true, _) => (earlier_root, proof),
        (false, Some((first, rest))) => (first, rest),
        (false, None) => return false,
    };
    let (mut place, mut last) = (size - 1, all - 1);
    let skipped = place.trailing_ones();
    place >>= skipped;
    last >>= skipped;
    let (mut of_earlier, mut of_later) = (*start, *start);
    for beside in rest {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            of_earlier = node(beside, &of_earlier);
            of_later = node(beside, &of_later);
            // Levels at which this subtree is alone on the right carry it up unchanged.
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            of_later = node(&of_later, beside);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && of_earlier == *earlier_root && of_later == *later_root
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::merkle::{from_hex, to_hex};

    /// The leaves and proofs that the tests of Certificate Transparency have.
    #[test]
    fn proofs_are_those_of_certificate_transparency() {
        let inputs =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let leaf = |input: &&str| -> Hash {
            let bytes = base16ct::lower::decode_vec(input).unwrap();
            Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
        };
        let leaves: Vec<Hash> = inputs.iter().map(leaf).collect();
        assert_eq!(to_hex(&root(&leaves)), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
        let vectors: [(usize, usize, &[&str]); 4] = [
            (1, 1, &[]),
            (
                1,
                8,
                &[
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                6,
                8,
                &[
                    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                5,
                &[
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ];
        for (earlier, all, expected) in vectors {
            let proof = consistency_proof(&leaves[..all], earlier);
            assert_eq!(
                proof,
                expected.iter().map(|hex| from_hex(hex).unwrap()).collect::<Vec<_>>(),
                "{earlier} of {all}"
            );
            let roots = [root(&leaves[..earlier]), root(&leaves[..all])];
            assert!(verify_consistency((earlier as u64, &roots[0]), (all as u64, &roots[1]), &proof));
        }
    }

    #[test]
    fn every_tree_begins_with_each_earlier_one_and_no_other_proof_shows_it() {
        let leaves: Vec<Hash> = (0..40).map(|leaf| [leaf; 32]).collect();
        for all in 0..=leaves.len() {
            let later = (all as u64, &root(&leaves[..all]));
            for earlier in 0..=all {
                let before = (earlier as u64, &root(&leaves[..earlier]));
                let proof = consistency_proof(&leaves[..all], earlier);
                assert!(verify_consistency(before, later, &proof), "{earlier} of {all}");
                assert!(!verify_consistency((before.0, &[0xee; 32]), later, &proof), "{earlier} of {all}");
                assert!(!verify_consistency(before, (later.0, &[0xee; 32]), &proof) || (earlier == 0 && all > 0));
                assert!(
                    !verify_consistency(before, later, &[&proof[..], &[[0xee; 32]]].concat()),
                    "{earlier} of {all}"
                );
                for changed in 0..proof.len() {
                    let mut other = proof.clone();
                    other[changed][0] ^= 1;
                    assert!(!verify_consistency(before, later, &other), "{earlier} of {all}");
                    other.remove(changed);
                    assert!(!verify_consistency(before, later, &other), "{earlier} of {all}");
                }
            }
            assert!(!verify_consistency((all as u64 + 1, later.1), later, &[]));
        }
    }
}
