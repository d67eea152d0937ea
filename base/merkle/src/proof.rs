//! Inclusion and consistency proofs: RFC 6962, section 2.1.1 and 2.1.2.
//!
//! A path runs from the bottom of the tree to its top. Where it lies is known
//! from the two numbers alone: below the level at which the way to leaf `index`
//! and the way to the last leaf part, every level has a sibling on a side that a
//! bit of `index` tells (*inner*); above it, only levels where the way turns
//! right have one, and it is on the left (*border*). So the length of a path is
//! checked before anything is hashed, and is at most 64.

use crate::frontier::root;
use crate::hash::{Hash, MerkleHash};
use alloc::vec::Vec;
use core::fmt;

/// The proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf lies outside the tree.
    Index {
        /// The leaf that was asked about.
        index: u64,
        /// The tree's leaves.
        size: u64,
    },
    /// The older tree is larger than the newer.
    Sizes {
        /// Leaves of the older tree.
        old_size: u64,
        /// Leaves of the newer.
        new_size: u64,
    },
    /// The path has another length than these sizes demand.
    Length {
        /// Hashes in the path.
        hashes: usize,
    },
    /// The path leads to another root.
    Root,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index { index, size } => write!(f, "leaf {index} is not in a tree of {size} leaves"),
            Self::Sizes { old_size, new_size } => {
                write!(f, "a tree of {new_size} leaves can't extend one of {old_size}")
            }
            Self::Length { hashes } => write!(f, "{hashes} hashes are not the length of this proof"),
            Self::Root => f.write_str("the proof leads to another root"),
        }
    }
}

impl core::error::Error for ProofError {}

/// The proof that leaf `index` is in the tree over `leaves`; `None` if it is not in range.
///
/// Hashes about as many nodes as there are leaves.
#[must_use]
pub fn inclusion_path<H: MerkleHash>(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    let mut index = usize::try_from(index).ok().filter(|index| *index < leaves.len())?;
    let mut path = Vec::new();
    let mut subtree = leaves;
    while subtree.len() > 1 {
        let (left, right) = subtree.split_at(left_leaves(subtree.len()));
        let sibling = if index < left.len() {
            subtree = left;
            right
        } else {
            index -= left.len();
            subtree = right;
            left
        };
        path.push(root::<H>(sibling));
    }
    path.reverse();
    Some(path)
}

/// The proof that the tree over `leaves` extends the tree over its first `old_size`
/// leaves; `None` if there are fewer. Empty for `old_size` 0 and for all leaves.
#[must_use]
pub fn consistency_path<H: MerkleHash>(leaves: &[Hash], old_size: u64) -> Option<Vec<Hash>> {
    let mut old = usize::try_from(old_size).ok().filter(|size| *size <= leaves.len())?;
    let mut path = Vec::new();
    if old == 0 {
        return Some(path);
    }
    let mut subtree = leaves;
    // The verifier knows the subtree's root as long as it is the older tree itself.
    let mut known = true;
    while old < subtree.len() {
        let (left, right) = subtree.split_at(left_leaves(subtree.len()));
        let sibling = if old <= left.len() {
            subtree = left;
            right
        } else {
            old -= left.len();
            known = false;
            subtree = right;
            left
        };
        path.push(root::<H>(sibling));
    }
    if !known {
        path.push(root::<H>(subtree));
    }
    path.reverse();
    Some(path)
}

/// Checks that `leaf` (a leaf hash) is number `index` of the tree with this size and root.
///
/// # Errors
/// An index outside the tree, a path of the wrong length, or one that leads elsewhere.
pub fn verify_inclusion<H: MerkleHash>(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Index { index, size });
    }
    let (inner, border) = split_path(index, size);
    if path.len() != inner + border {
        return Err(ProofError::Length { hashes: path.len() });
    }
    let (inner, border) = path.split_at(inner);
    same(&climb_border::<H>(climb_inner::<H>(*leaf, inner, index), border), root)
}

/// Checks that the tree of `new_size` leaves extends the tree of `old_size` leaves.
///
/// Every tree extends the empty one, whose root must then be given; a tree extends itself.
///
/// # Errors
/// Sizes in the wrong order, a path of the wrong length, or one that leads to another root.
pub fn verify_consistency<H: MerkleHash>(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Sizes { old_size, new_size });
    }
    if old_size == 0 || old_size == new_size {
        return verify_trivial::<H>(old_size, old_root, new_size, new_root, path);
    }
    // The path starts at the largest perfect subtree that ends the older tree.
    let level = old_size.trailing_zeros();
    let index = (old_size - 1) >> level;
    let (inner, border) = split_path(old_size - 1, new_size);
    let inner = inner - level as usize;
    let (start, path) = match path.split_first() {
        _ if old_size.is_power_of_two() => (*old_root, path),
        Some((start, path)) => (*start, path),
        None => return Err(ProofError::Length { hashes: 0 }),
    };
    if path.len() != inner + border {
        return Err(ProofError::Length { hashes: path.len() });
    }
    let (inner, border) = path.split_at(inner);
    same(&climb_border::<H>(climb_left::<H>(start, inner, index), border), old_root)?;
    same(&climb_border::<H>(climb_inner::<H>(start, inner, index), border), new_root)
}

fn verify_trivial<H: MerkleHash>(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if !path.is_empty() {
        return Err(ProofError::Length { hashes: path.len() });
    }
    if old_size == 0 {
        same(old_root, &H::empty())?;
    }
    if old_size == new_size { same(old_root, new_root) } else { Ok(()) }
}

/// Leaves of the left child of a tree of `leaves` > 1: the largest smaller power of two.
const fn left_leaves(leaves: usize) -> usize {
    1 << (leaves - 1).ilog2()
}

/// How many hashes of the path to leaf `index` < `size` are inner, and how many border.
const fn split_path(index: u64, size: u64) -> (usize, usize) {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let above = if inner < u64::BITS { index >> inner } else { 0 };
    (inner as usize, above.count_ones() as usize)
}

/// Both sides: a bit of `index` tells on which side the sibling is.
fn climb_inner<H: MerkleHash>(start: Hash, path: &[Hash], index: u64) -> Hash {
    path.iter().enumerate().fold(start, |hash, (level, sibling)| match index >> level & 1 {
        0 => H::node(&hash, sibling),
        _ => H::node(sibling, &hash),
    })
}

/// Left siblings only: what lies to the right came after the older tree.
fn climb_left<H: MerkleHash>(start: Hash, path: &[Hash], index: u64) -> Hash {
    let left = path.iter().enumerate().filter(|(level, _)| index >> level & 1 == 1);
    left.fold(start, |hash, (_, sibling)| H::node(sibling, &hash))
}

fn climb_border<H: MerkleHash>(start: Hash, path: &[Hash]) -> Hash {
    path.iter().fold(start, |hash, sibling| H::node(sibling, &hash))
}

fn same(reached: &Hash, root: &Hash) -> Result<(), ProofError> {
    if reached == root { Ok(()) } else { Err(ProofError::Root) }
}
