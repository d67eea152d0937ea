//! The hash functions that make a tree.

use sha2::{Digest, Sha256};

/// The hash of a leaf or of an inner node.
pub type Hash = [u8; 32];

/// How leaves and nodes are hashed.
///
/// An implementation must separate the two domains: no leaf may hash like a
/// node, or a proof could pass an inner node off as a leaf.
pub trait MerkleHash {
    /// The root of the tree without leaves.
    fn empty() -> Hash;
    /// The hash of a leaf's bytes.
    fn leaf(bytes: &[u8]) -> Hash;
    /// The hash of a node from its children's.
    fn node(left: &Hash, right: &Hash) -> Hash;
}

/// RFC 6962, section 2.1: leaf = SHA-256(0x00 ‖ x), node = SHA-256(0x01 ‖ l ‖ r), empty = SHA-256("").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sha256Tree;

impl MerkleHash for Sha256Tree {
    fn empty() -> Hash {
        Sha256::digest([]).into()
    }

    fn leaf(bytes: &[u8]) -> Hash {
        Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
    }

    fn node(left: &Hash, right: &Hash) -> Hash {
        Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_of_a_nodes_bytes_does_not_hash_like_the_node() {
        let (left, right) = ([7; 32], [8; 32]);
        let mut both = [0; 64];
        both[..32].copy_from_slice(&left);
        both[32..].copy_from_slice(&right);
        assert_ne!(Sha256Tree::leaf(&both), Sha256Tree::node(&left, &right));
    }
}
