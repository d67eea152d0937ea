//! Proofs are the RFC's, verify, and stop verifying when anything about them changes.

use crate::model;
use ioi_merkle::{
    Hash, ProofError, Sha256Tree, consistency_path, inclusion_path, verify_consistency, verify_inclusion,
};
use proptest::prelude::*;

const SIZE_MAX: usize = 70;

#[derive(Clone, Debug)]
struct Inclusion {
    leaf: Hash,
    index: u64,
    size: u64,
    path: Vec<Hash>,
    root: Hash,
}

impl Inclusion {
    fn of(leaves: &[Hash], index: usize) -> Self {
        let path = inclusion_path::<Sha256Tree>(leaves, index as u64).unwrap();
        let (size, root) = (leaves.len() as u64, model::mth(leaves));
        Self { leaf: leaves[index], index: index as u64, size, path, root }
    }

    fn verify(&self) -> Result<(), ProofError> {
        verify_inclusion::<Sha256Tree>(&self.leaf, self.index, self.size, &self.path, &self.root)
    }
}

#[derive(Clone, Debug)]
struct Consistency {
    old_size: u64,
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    path: Vec<Hash>,
}

impl Consistency {
    fn of(leaves: &[Hash], old: usize) -> Self {
        let path = consistency_path::<Sha256Tree>(leaves, old as u64).unwrap();
        let (old_root, new_root) = (model::mth(&leaves[..old]), model::mth(leaves));
        Self { old_size: old as u64, old_root, new_size: leaves.len() as u64, new_root, path }
    }

    fn verify(&self) -> Result<(), ProofError> {
        let Self { old_size, old_root, new_size, new_root, path } = self;
        verify_consistency::<Sha256Tree>(*old_size, old_root, *new_size, new_root, path)
    }
}

/// Every path that differs from this one by one flipped bit, one hash less, one more, or a swap.
fn altered(path: &[Hash], bit: usize) -> Vec<Vec<Hash>> {
    let mut all = vec![[path, &[[0; 32]]].concat(), [&[[0; 32]], path].concat()];
    for index in 0..path.len() {
        let mut flipped = path.to_vec();
        flipped[index][bit / 8] ^= 1 << (bit % 8);
        all.push(flipped);
        let mut shorter = path.to_vec();
        all.push([&path[..index], &[path[index]], &path[index..]].concat());
        shorter.remove(index);
        all.push(shorter);
        if index > 0 {
            let mut swapped = path.to_vec();
            swapped.swap(index - 1, index);
            all.push(swapped);
        }
    }
    all
}

fn flip(hash: &mut Hash, bit: usize) {
    hash[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn every_inclusion_proof_up_to_a_size_is_the_models_and_verifies_for_its_leaf_alone() {
    for size in 1..=SIZE_MAX {
        let leaves = model::leaves(size);
        for index in 0..size {
            let proof = Inclusion::of(&leaves, index);
            assert_eq!(proof.path, model::path(index, &leaves));
            assert_eq!(proof.verify(), Ok(()), "leaf {index} of {size}");
            for other in (0..size).filter(|other| *other != index) {
                let elsewhere = Inclusion { index: other as u64, ..proof.clone() };
                assert!(elsewhere.verify().is_err(), "leaf {index} of {size} passed for {other}");
                let other_leaf = Inclusion { leaf: leaves[other], ..proof.clone() };
                assert_eq!(other_leaf.verify(), Err(ProofError::Root));
            }
        }
    }
}

#[test]
fn no_inner_node_and_no_root_passes_for_a_leaf() {
    for size in 2..=SIZE_MAX {
        let leaves = model::leaves(size);
        for index in 0..size {
            let Inclusion { index, size, path, root, .. } = Inclusion::of(&leaves, index);
            // Any node on the leaf's way to the root, with what is left of the path; the root at last.
            for hashes in 0..path.len() {
                let path = path[path.len() - hashes..].to_vec();
                let node = if hashes == 0 { root } else { [7; 32] };
                let shorter = Inclusion { leaf: node, index, size, path, root };
                assert_eq!(shorter.verify(), Err(ProofError::Length { hashes }), "leaf {index} of {size}");
            }
            for more in 1..3 {
                let path = [path.clone(), vec![[7; 32]; more]].concat();
                let hashes = path.len();
                let longer = Inclusion { leaf: root, index, size, path, root };
                assert_eq!(longer.verify(), Err(ProofError::Length { hashes }), "leaf {index} of {size}");
            }
        }
    }
}

#[test]
fn a_consistency_path_of_another_length_is_refused_for_its_length() {
    for size in 2..=SIZE_MAX {
        let leaves = model::leaves(size);
        for old in 1..size {
            let proof = Consistency::of(&leaves, old);
            for hashes in (0..proof.path.len() + 3).filter(|hashes| *hashes != proof.path.len()) {
                let mut path = proof.path.clone();
                path.resize(hashes, [7; 32]);
                let resized = Consistency { path, ..proof.clone() };
                assert!(matches!(resized.verify(), Err(ProofError::Length { .. })), "{old} to {size}");
            }
        }
    }
}

#[test]
fn every_consistency_proof_up_to_a_size_is_the_models_and_verifies_for_its_roots_alone() {
    for size in 1..=SIZE_MAX {
        let leaves = model::leaves(size);
        for old in 1..=size {
            let proof = Consistency::of(&leaves, old);
            assert_eq!(proof.path, model::proof(old, &leaves));
            assert_eq!(proof.verify(), Ok(()), "{old} to {size}");
            // A history that was rewritten before `old`.
            let mut rewritten = leaves.clone();
            flip(&mut rewritten[old - 1], 3);
            let old_root = model::mth(&rewritten[..old]);
            assert_eq!(Consistency { old_root, ..proof.clone() }.verify(), Err(ProofError::Root));
        }
    }
}

#[test]
fn every_tree_extends_the_empty_one_and_nothing_else_passes_for_empty() {
    let leaves = model::leaves(9);
    let proof = Consistency::of(&leaves, 0);
    assert_eq!((proof.path.len(), proof.verify()), (0, Ok(())));
    let wrong_root = Consistency { old_root: model::mth(&leaves[..1]), ..proof.clone() };
    assert_eq!(wrong_root.verify(), Err(ProofError::Root));
    let with_path = Consistency { path: vec![[0; 32]], ..proof };
    assert_eq!(with_path.verify(), Err(ProofError::Length { hashes: 1 }));
    let empty = Consistency::of(&[], 0);
    assert_eq!(empty.verify(), Ok(()));
    assert_eq!(Consistency { new_root: [0; 32], ..empty }.verify(), Err(ProofError::Root));
}

#[test]
fn a_proof_of_what_is_out_of_range_is_neither_made_nor_taken() {
    let leaves = model::leaves(5);
    assert_eq!(inclusion_path::<Sha256Tree>(&leaves, 5), None);
    assert_eq!(inclusion_path::<Sha256Tree>(&[], 0), None);
    assert_eq!(inclusion_path::<Sha256Tree>(&leaves, u64::MAX), None);
    assert_eq!(consistency_path::<Sha256Tree>(&leaves, 6), None);
    let proof = Inclusion::of(&leaves, 4);
    let beyond = Inclusion { index: 5, ..proof.clone() };
    assert_eq!(beyond.verify(), Err(ProofError::Index { index: 5, size: 5 }));
    let empty = Inclusion { index: 0, size: 0, ..proof };
    assert_eq!(empty.verify(), Err(ProofError::Index { index: 0, size: 0 }));
    let shrinking = Consistency { new_size: 2, ..Consistency::of(&leaves, 3) };
    assert_eq!(shrinking.verify(), Err(ProofError::Sizes { old_size: 3, new_size: 2 }));
}

proptest! {
    #[test]
    fn an_altered_inclusion_proof_is_refused(
        leaves in model::some_leaves(), pick in any::<prop::sample::Index>(), bit in 0..256_usize
    ) {
        let proof = Inclusion::of(&leaves, pick.index(leaves.len()));
        prop_assert_eq!(proof.verify(), Ok(()));
        for path in altered(&proof.path, bit) {
            let altered = Inclusion { path, ..proof.clone() };
            prop_assert!(altered.verify().is_err());
        }
        let mut changed = proof.clone();
        flip(&mut changed.leaf, bit);
        prop_assert_eq!(changed.verify(), Err(ProofError::Root));
        let mut changed = proof;
        flip(&mut changed.root, bit);
        prop_assert_eq!(changed.verify(), Err(ProofError::Root));
    }

    #[test]
    fn an_altered_consistency_proof_is_refused(
        leaves in model::some_leaves(), pick in any::<prop::sample::Index>(), bit in 0..256_usize
    ) {
        let proof = Consistency::of(&leaves, 1 + pick.index(leaves.len()));
        prop_assert_eq!(proof.verify(), Ok(()));
        for path in altered(&proof.path, bit) {
            let altered = Consistency { path, ..proof.clone() };
            prop_assert!(altered.verify().is_err());
        }
        let mut changed = proof.clone();
        flip(&mut changed.old_root, bit);
        prop_assert_eq!(changed.verify(), Err(ProofError::Root));
        let mut changed = proof;
        flip(&mut changed.new_root, bit);
        prop_assert_eq!(changed.verify(), Err(ProofError::Root));
    }

    #[test]
    fn arbitrary_proofs_are_refused_without_a_panic(
        a in prop_oneof![0..9_u64, any::<u64>()], b in prop_oneof![1..9_u64, any::<u64>(), Just(u64::MAX)],
        path in prop::collection::vec(any::<Hash>(), 0..130), root in any::<Hash>(), leaf in any::<Hash>()
    ) {
        prop_assert!(verify_inclusion::<Sha256Tree>(&leaf, a, b, &path, &root).is_err());
        prop_assume!(a > 0);
        prop_assert!(verify_consistency::<Sha256Tree>(a, &leaf, b, &root, &path).is_err());
    }

    #[test]
    fn paths_of_every_length_at_the_largest_sizes_end_in_an_error(
        a in any::<u64>(), b in (u64::MAX - 9..=u64::MAX), hash in any::<Hash>()
    ) {
        for length in 0..66 {
            let path = vec![hash; length];
            prop_assert!(verify_inclusion::<Sha256Tree>(&hash, a.min(b - 1), b, &path, &hash).is_err());
            prop_assert!(verify_consistency::<Sha256Tree>(a.clamp(1, b - 1), &hash, b, &hash, &path).is_err());
        }
    }
}
