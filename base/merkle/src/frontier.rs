//! What is kept of a tree to go on appending to it.
//!
//! A tree of `size` leaves is a row of perfect subtrees, one for each bit set in
//! `size`, the largest on the left. The frontier is the roots of these subtrees.
//!
//! Encoding: `size` u64 little-endian ‖ one hash per set bit of `size`, largest
//! subtree first. The length follows from the size, so each frontier has one encoding.

use crate::hash::{Hash, MerkleHash};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

/// The longest encoding of a frontier, in bytes.
pub const FRONTIER_BYTES_MAX: usize = 8 + 62 * 32;

/// A tree may not have more leaves; this leaves room to count on without overflow.
const SIZE_MAX: u64 = 1 << 62;

/// The bytes are not a frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrontierError {
    /// Not the length that the size at the start demands.
    Length {
        /// How many bytes were given.
        bytes: usize,
    },
    /// More leaves than a tree may have.
    Size {
        /// The size that was read.
        size: u64,
    },
}

impl fmt::Display for FrontierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { bytes } => write!(f, "{bytes} bytes are not the length of this frontier"),
            Self::Size { size } => write!(f, "a tree can't have {size} leaves"),
        }
    }
}

impl core::error::Error for FrontierError {}

/// The roots of the perfect subtrees of a tree, largest first, and its size in leaves.
pub struct Frontier<H> {
    size: u64,
    /// Invariant: as many as `size` has bits set.
    peaks: Vec<Hash>,
    hash: PhantomData<fn() -> H>,
}

impl<H: MerkleHash> Frontier<H> {
    /// The frontier of the tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new(), hash: PhantomData }
    }

    /// Adds one leaf, given its hash. Amortised, one node hash a leaf.
    ///
    /// # Panics
    /// Beyond 2⁶² leaves, which no machine can append and `decode` refuses to start near.
    pub fn append(&mut self, leaf: Hash) {
        assert!(self.size < SIZE_MAX, "a tree holds at most 2^62 leaves");
        let mut peak = leaf;
        // Each trailing one bit is a perfect subtree as large as `peak`, which merges with it.
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("one peak for each bit of the size");
            peak = H::node(&left, &peak);
        }
        self.peaks.push(peak);
        self.size += 1;
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree (RFC 6962, section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        let fold = self.peaks.iter().rev().copied().reduce(|right, left| H::node(&left, &right));
        fold.unwrap_or_else(H::empty)
    }

    /// The encoding, at most [`FRONTIER_BYTES_MAX`] bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.peaks.len() * 32);
        bytes.extend_from_slice(&self.size.to_le_bytes());
        self.peaks.iter().for_each(|peak| bytes.extend_from_slice(peak));
        bytes
    }

    /// Reads what [`Frontier::encode`] wrote, and nothing else.
    ///
    /// The peaks are any hashes: that they belong to a tree shows only when its root is compared.
    ///
    /// # Errors
    /// A length that does not follow from the size, or a size of 2⁶² or more.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrontierError> {
        let length = FrontierError::Length { bytes: bytes.len() };
        let (size, peaks) = bytes.split_first_chunk::<8>().ok_or(length)?;
        let size = u64::from_le_bytes(*size);
        if size >= SIZE_MAX {
            return Err(FrontierError::Size { size });
        }
        let (peaks, rest) = peaks.as_chunks::<32>();
        if !rest.is_empty() || peaks.len() != size.count_ones() as usize {
            return Err(length);
        }
        Ok(Self { size, peaks: peaks.to_vec(), hash: PhantomData })
    }
}

impl<H: MerkleHash> Default for Frontier<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H> Clone for Frontier<H> {
    fn clone(&self) -> Self {
        Self { size: self.size, peaks: self.peaks.clone(), hash: PhantomData }
    }
}

impl<H> PartialEq for Frontier<H> {
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size && self.peaks == other.peaks
    }
}

impl<H> Eq for Frontier<H> {}

impl<H> fmt::Debug for Frontier<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frontier").field("size", &self.size).finish_non_exhaustive()
    }
}

/// The root of the tree over `leaves` (their hashes, in order).
#[must_use]
pub fn root<H: MerkleHash>(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::<H>::new();
    leaves.iter().for_each(|leaf| frontier.append(*leaf));
    frontier.root()
}
