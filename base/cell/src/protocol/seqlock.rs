//! One entry of a table that its owner changes while others read it.
//!
//! One word of each entry is its key: 0 while the entry is empty or being changed, and
//! never the same for two contents of one entry. The owner stores 0, a fence, the other
//! words, then the key with Release. A reader acquires the key, copies the words, a
//! fence, and reads the key again: if it is the same, the copy is one entry (Boehm, "Can
//! seqlocks get along with programming language memory models?", 2012). Under a key that
//! comes back for another content that would not hold.

use ioi_shm::Words;
use ioi_shm::sync::{AtomicU64, Ordering, fence};

/// What one look at an entry has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look<const N: usize> {
    /// The entry is empty or being changed.
    Empty,
    /// The entry as it was at one moment.
    Copy([u64; N]),
    /// It changed meanwhile.
    Changed,
}

/// Makes `values` the content of the owner's `entry`; `values[key]` is not 0 and was never its key before.
///
/// # Panics
/// When the entry has not as many words.
pub fn store<const N: usize>(entry: &[AtomicU64], key: usize, values: &[u64; N]) {
    debug_assert!(values[key] != 0, "0 is for empty entries");
    entry[key].store(0, Ordering::Relaxed);
    fence(Ordering::Release);
    for at in (0..N).filter(|at| *at != key) {
        entry[at].store(values[at], Ordering::Relaxed);
    }
    entry[key].store(values[key], Ordering::Release);
}

/// Looks once at the entry whose first word is `first`.
///
/// # Panics
/// When there are not as many words.
#[must_use]
pub fn look<const N: usize>(words: Words<'_>, first: usize, key: usize) -> Look<N> {
    // Acquires the Release of `store`.
    let before = words.load(first + key, Ordering::Acquire);
    if before == 0 {
        return Look::Empty;
    }
    let copy: [u64; N] = core::array::from_fn(|at| words.load(first + at, Ordering::Relaxed));
    fence(Ordering::Acquire);
    let after = words.load(first + key, Ordering::Relaxed);
    if after == before && copy[key] == before { Look::Copy(copy) } else { Look::Changed }
}
