//! RFC 6962, section 2.1, word for word: slow, recursive, and nothing shared with the crate's code.

use ioi_merkle::Hash;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

fn sha256(parts: &[&[u8]]) -> Hash {
    Sha256::digest(parts.concat()).into()
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH(D[n]), over leaf hashes.
pub(crate) fn mth(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            sha256(&[&[1], &mth(left), &mth(right)])
        }
    }
}

/// PATH(m, D[n]).
pub(crate) fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut rest, sibling) =
        if m < k { (path(m, left), mth(right)) } else { (path(m - k, right), mth(left)) };
    rest.push(sibling);
    rest
}

/// PROOF(m, D[n]), for 0 < m <= n.
pub(crate) fn proof(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    subproof(m, leaves, true)
}

fn subproof(m: usize, leaves: &[Hash], complete: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if complete { Vec::new() } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut rest, sibling) = if m <= k {
        (subproof(m, left, complete), mth(right))
    } else {
        (subproof(m - k, right, false), mth(left))
    };
    rest.push(sibling);
    rest
}

/// `count` different leaf hashes.
pub(crate) fn leaves(count: usize) -> Vec<Hash> {
    (0..count as u64).map(|index| sha256(&[&[0], &index.to_le_bytes()])).collect()
}

/// Different leaf hashes, as many as fit into a few levels.
pub(crate) fn some_leaves() -> impl Strategy<Value = Vec<Hash>> {
    (1..600_usize).prop_map(leaves)
}
