//! Proofs that a record is under its job's root, for every small tree, and what happens when anything is changed.

use proptest::prelude::*;
use uuid::Uuid;
use vaultstream_signing::merkle::{self, Hash, RecordName, inclusion_proof, leaf, reject_leaf, verify_inclusion};
use vaultstream_signing::proof::InclusionProof;
use vaultstream_signing::{BatchRoot, Digest, RawSignature, Thumbprint};

fn leaves(count: usize) -> Vec<Hash> {
    (0..count as i64).map(|id| leaf(id, &Digest::of(&id.to_be_bytes()), &RawSignature::EMPTY)).collect()
}

/// RFC 9162 §2.1.1, word for word.
fn definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Digest::of(b"").0,
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Digest::of(&[&[1], definition(left).as_slice(), &definition(right)].concat()).0
        }
    }
}

#[test]
fn the_streaming_root_is_the_defined_one_for_every_size() {
    let all = leaves(300);
    let mut tree = merkle::Tree::new();
    for size in 0..=300 {
        assert_eq!(tree.len(), size as u64);
        assert_eq!(tree.root(), definition(&all[..size]), "{size}");
        assert_eq!(tree.is_empty(), size == 0);
        all.get(size).into_iter().for_each(|leaf| tree.push(*leaf));
    }
    tree.clear();
    assert!(tree.is_empty());
    assert_eq!(tree.root(), merkle::empty_root());
    assert_eq!(merkle::root(&all), definition(&all));
}

#[test]
fn every_leaf_of_every_tree_up_to_70_has_a_proof_that_fits_nothing_else() {
    let all = leaves(70);
    for size in 1..=70 {
        let leaves = &all[..size];
        let root = merkle::root(leaves);
        for index in 0..size {
            let proof = inclusion_proof(leaves, index);
            let verify = |leaf: &Hash, index: usize, size: usize, proof: &[Hash], root: &Hash| {
                verify_inclusion(leaf, index as u64, size as u64, proof, root)
            };
            assert!(verify(&leaves[index], index, size, &proof, &root), "{index} of {size}");

            let other_leaf = &all[(index + 1) % 70];
            assert!(!verify(other_leaf, index, size, &proof, &root));
            assert!(!verify(&leaves[index], index, size, &proof, other_leaf));
            assert!(
                (0..size)
                    .filter(|other| *other != index)
                    .all(|other| { !verify(&leaves[index], other, size, &proof, &root) })
            );
            assert!(!verify(&leaves[index], size, size, &proof, &root));
            assert!(!verify(&leaves[index], index, 0, &proof, &root));
            for at in 0..proof.len() {
                let mut changed = proof.clone();
                changed[at][31] ^= 1;
                assert!(!verify(&leaves[index], index, size, &changed, &root));
                changed.remove(at);
                assert!(!verify(&leaves[index], index, size, &changed, &root));
            }
            let longer = [proof.as_slice(), &[[0; 32]]].concat();
            assert!(!verify(&leaves[index], index, size, &longer, &root));
        }
        assert!(inclusion_proof(leaves, size).is_empty());
        // The last leaf has only left neighbours: without a look at the length, it would also be alone in a tree of one.
        let last = inclusion_proof(leaves, size - 1);
        assert_eq!(verify_inclusion(&leaves[size - 1], 0, 1, &last, &root), size == 1);
    }
}

#[test]
fn leaves_nodes_and_rejects_are_kept_apart() {
    let (digest, signature) = (Digest([3; 32]), RawSignature([4; 64]));
    let bytes = [&[0], 5_i64.to_be_bytes().as_slice(), &[3; 32], &[4; 64]].concat();
    assert_eq!(leaf(5, &digest, &signature), Digest::of(&bytes).0);
    assert_eq!(reject_leaf(5, "NullPayload"), Digest::of(b"\x03\0\0\0\0\0\0\0\x05NullPayload").0);
    let name = RecordName { id: 5, key: Some([6; 32]) };
    let bytes = [&[5], 5_i64.to_be_bytes().as_slice(), &[6; 32], &[3; 32], &[4; 64]].concat();
    assert_eq!(leaf(name, &digest, &signature), Digest::of(&bytes).0);
    let bytes = [&[6], 5_i64.to_be_bytes().as_slice(), &[6; 32], b"NullPayload"].concat();
    assert_eq!(reject_leaf(name, "NullPayload"), Digest::of(&bytes).0);
}

/// A job of three batches of 1, 5 and 8 records, and the proof of one record.
fn job() -> (Uuid, Hash, InclusionProof, i64) {
    let job = Uuid::from_u128(99);
    let all = leaves(14);
    let batches = [(0..1), (1..6), (6..14)];
    let roots = batches.clone().map(|range| BatchRoot {
        job,
        batch: match range.start {
            0 => 0,
            1 => 1,
            _ => 2,
        },
        first: range.start as i64,
        last: range.end as i64 - 1,
        signed: range.len() as i64,
        rejected: 0,
        key: Thumbprint([9; 32]),
        rejects: merkle::empty_root(),
        tree: merkle::root(&all[range]),
    });
    let hashes = roots.map(|root| root.hash());
    let (batch, index) = (1, 3);
    let proof = InclusionProof {
        batch,
        batches: 3,
        first: 1,
        last: 5,
        signed: 5,
        rejected: 0,
        kid: Thumbprint([9; 32]),
        rejects_root: merkle::empty_root(),
        index,
        batch_path: inclusion_proof(&all[1..6], index as usize),
        job_path: inclusion_proof(&hashes, batch as usize),
    };
    (job, merkle::root(&hashes), proof, 4)
}

#[test]
fn a_record_is_proved_to_be_under_its_jobs_root() {
    let (job, root, proof, id) = job();
    let digest = Digest::of(&id.to_be_bytes());
    assert!(proof.verify(job, id, &digest, &RawSignature::EMPTY, &root));
    assert!(!proof.verify(Uuid::nil(), id, &digest, &RawSignature::EMPTY, &root));
    assert!(!proof.verify(job, id + 1, &digest, &RawSignature::EMPTY, &root));
    assert!(!proof.verify(job, id, &Digest::of(b"other"), &RawSignature::EMPTY, &root));
    assert!(!proof.verify(job, id, &digest, &RawSignature([1; 64]), &root));
    assert!(!proof.verify(job, id, &digest, &RawSignature::EMPTY, &[0; 32]));

    let changes: [fn(&mut InclusionProof); 12] = [
        |proof| proof.batch = 0,
        |proof| proof.batch = -1,
        |proof| proof.batches = 2,
        |proof| proof.first = 0,
        |proof| proof.last = 6,
        |proof| proof.signed = 6,
        |proof| proof.signed = -5,
        |proof| proof.rejected = 1,
        |proof| proof.kid = Thumbprint::ZERO,
        |proof| proof.rejects_root[0] ^= 1,
        |proof| proof.index = 2,
        |proof| proof.job_path.clear(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut changed = proof.clone();
        change(&mut changed);
        assert!(!changed.verify(job, id, &digest, &RawSignature::EMPTY, &root), "change {number}");
    }
}

proptest! {
    #[test]
    fn a_proof_is_read_back_from_json(hash: [u8; 32], paths in prop::collection::vec(any::<[u8; 32]>(), 0..5), n: i64) {
        let proof = InclusionProof {
            batch: n, batches: 3, first: n, last: n, signed: n, rejected: n,
            kid: Thumbprint(hash), rejects_root: hash, index: 0, batch_path: paths.clone(), job_path: paths,
        };
        let json = serde_json::to_string(&proof)?;
        prop_assert_eq!(serde_json::from_str::<InclusionProof>(&json)?, proof);
    }
}
