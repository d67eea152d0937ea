//! Append-only Merkle trees of the RFC 6962 shape: frontier, root, inclusion and consistency proofs.
//!
//! This crate does not know what a leaf means, where a tree is stored, who signs a
//! root or which root is the newest. It holds no tree of its own: a [`Frontier`]
//! is at most 64 hashes, and proofs are made from a slice of leaf hashes.
//!
//! A root says nothing about the tree's size: the size must come from where the
//! root comes from (a signed head), never from whoever sent the proof.
//!
//! ```
//! use ioi_merkle::{Frontier, MerkleHash, Sha256Tree, inclusion_path, verify_inclusion};
//! let leaves = [b"a", b"b", b"c"].map(|record| Sha256Tree::leaf(record));
//! let mut frontier = Frontier::<Sha256Tree>::new();
//! leaves.iter().for_each(|leaf| frontier.append(*leaf));
//! let path = inclusion_path::<Sha256Tree>(&leaves, 1).unwrap();
//! assert!(verify_inclusion::<Sha256Tree>(&leaves[1], 1, 3, &path, &frontier.root()).is_ok());
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod frontier;
mod hash;
mod proof;

pub use frontier::{FRONTIER_BYTES_MAX, Frontier, FrontierError, root};
pub use hash::{Hash, MerkleHash, Sha256Tree};
pub use proof::{ProofError, consistency_path, inclusion_path, verify_consistency, verify_inclusion};
