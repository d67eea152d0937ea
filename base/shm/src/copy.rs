//! Bytes into shared words and out of them.
//!
//! A word is read once, into a register: what was copied can't change any more,
//! whatever the peer does to the word.

use crate::sync::{AtomicU64, Ordering};

/// Bytes of one word.
pub(crate) const WORD: usize = 8;

/// Stores `bytes`, with zeros up to the end of the last word.
///
/// Relaxed: whoever publishes the words does so with Release afterwards.
#[inline]
pub(crate) fn store(words: &[AtomicU64], bytes: &[u8]) {
    let (whole, rest) = bytes.split_at(bytes.len() / WORD * WORD);
    store_whole(words, whole);
    if !rest.is_empty() {
        let mut padded = [0; WORD];
        padded[..rest.len()].copy_from_slice(rest);
        words[whole.len() / WORD].store(u64::from_le_bytes(padded), Ordering::Relaxed);
    }
}

/// Loads as many bytes as `into` has.
///
/// Relaxed: the caller has acquired the word that published them.
#[inline]
pub(crate) fn load(words: &[AtomicU64], into: &mut [u8]) {
    let (whole, rest) = into.split_at_mut(into.len() / WORD * WORD);
    load_whole(words, whole);
    if !rest.is_empty() {
        let padded = words[whole.len() / WORD].load(Ordering::Relaxed).to_le_bytes();
        rest.copy_from_slice(&padded[..rest.len()]);
    }
}

// Model checkers and interpreters run without an operating system, over atomics of their own.
#[cfg(feature = "os")]
use crate::os::copy::{load as load_whole, store as store_whole};

#[cfg(not(feature = "os"))]
fn store_whole(words: &[AtomicU64], bytes: &[u8]) {
    let (chunks, _) = bytes.as_chunks::<WORD>();
    for (word, chunk) in words[..chunks.len()].iter().zip(chunks) {
        word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
    }
}

#[cfg(not(feature = "os"))]
fn load_whole(words: &[AtomicU64], into: &mut [u8]) {
    let (chunks, _) = into.as_chunks_mut::<WORD>();
    for (word, chunk) in words[..chunks.len()].iter().zip(chunks) {
        *chunk = word.load(Ordering::Relaxed).to_le_bytes();
    }
}
