//! Merkle proofs: the tree's own verify, and no other proof does.

use crate::edit::edit;
use crate::script::Script;
use ioi_crypto::sha256;
use ioi_merkle::{
    Frontier, Hash, Sha256Tree, consistency_path, inclusion_path, verify_consistency, verify_inclusion,
};

/// The largest tree.
const LEAVES_MAX: usize = 70;

/// A tree's size, a leaf or an older size, and the changes to what was proven.
pub(crate) fn check(input: &[u8]) {
    check_frontier(input);
    let mut script = Script::new(input);
    let leaves: Vec<Hash> = (0..=script.below(LEAVES_MAX)).map(|number| sha256(&[&[number as u8]])).collect();
    if script.flag() {
        check_inclusion(&leaves, &mut script);
    } else {
        check_consistency(&leaves, &mut script);
    }
}

/// RFC 6962, section 2.1, written down as it stands there.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1], &root(left), &root(right)])
        }
    }
}

fn check_frontier(input: &[u8]) {
    if let Ok(frontier) = Frontier::<Sha256Tree>::decode(input) {
        assert_eq!(frontier.encode(), input, "a frontier has one encoding");
        let mut next = frontier.clone();
        next.append([0; 32]);
        assert_eq!(next.size(), frontier.size() + 1);
        let _ = frontier.root();
    }
}

/// For a size and a root that are known, only the leaf, its index and its path pass together.
fn check_inclusion(leaves: &[Hash], script: &mut Script<'_>) {
    let (index, size, root) = (script.below(leaves.len()), leaves.len() as u64, root(leaves));
    let path = inclusion_path::<Sha256Tree>(leaves, index as u64).expect("the leaf is in the tree");
    let good = [&leaves[index][..], &(index as u64).to_le_bytes(), path.as_flattened()].concat();
    for proof in [good.clone(), edit(good.clone(), script), script.rest().to_vec()] {
        let Some((leaf, index, path)) = split(&proof) else { continue };
        let verified = verify_inclusion::<Sha256Tree>(&leaf, index, size, &path, &root).is_ok();
        let is_true = leaves.get(index as usize) == Some(&leaf)
            && inclusion_path::<Sha256Tree>(leaves, index).as_ref() == Some(&path);
        assert_eq!(verified, is_true, "leaf {index} of {size}");
    }
}

/// For sizes and a newer root that are known, only the older root and its path pass together.
fn check_consistency(leaves: &[Hash], script: &mut Script<'_>) {
    let (old_size, size, new_root) = (script.below(leaves.len() + 1), leaves.len() as u64, root(leaves));
    let path = consistency_path::<Sha256Tree>(leaves, old_size as u64).expect("the older tree is smaller");
    let old_root = root(&leaves[..old_size]);
    let good = [&old_root[..], &(old_size as u64).to_le_bytes(), path.as_flattened()].concat();
    for proof in [good.clone(), edit(good.clone(), script), script.rest().to_vec()] {
        let Some((given, given_size, path)) = split(&proof) else { continue };
        let verified = verify_consistency::<Sha256Tree>(given_size, &given, size, &new_root, &path).is_ok();
        // Another older size may share the path's shape and then names its own root.
        let older = usize::try_from(given_size).ok().and_then(|size| leaves.get(..size));
        let is_true = older.is_some_and(|older| {
            root(older) == given && consistency_path::<Sha256Tree>(leaves, given_size).as_ref() == Some(&path)
        });
        assert_eq!(verified, is_true, "{given_size} of {size}");
    }
}

/// A hash, a number and a path.
fn split(proof: &[u8]) -> Option<(Hash, u64, Vec<Hash>)> {
    let (hash, rest) = proof.split_first_chunk::<32>()?;
    let (number, path) = rest.split_first_chunk::<8>()?;
    Some((*hash, u64::from_le_bytes(*number), path.as_chunks::<32>().0.to_vec()))
}
