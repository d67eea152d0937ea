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
    let (whole, rest) = bytes.as_chunks::<WORD>();
    let (first, last) = words.split_at(whole.len());
    for (word, chunk) in first.iter().zip(whole) {
        word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
    }
    if !rest.is_empty() {
        let mut padded = [0; WORD];
        padded[..rest.len()].copy_from_slice(rest);
        last[0].store(u64::from_le_bytes(padded), Ordering::Relaxed);
    }
}

/// Loads as many bytes as `into` has.
///
/// Relaxed: the caller has acquired the word that published them.
#[inline]
pub(crate) fn load(words: &[AtomicU64], into: &mut [u8]) {
    let (whole, rest) = into.as_chunks_mut::<WORD>();
    let (first, last) = words.split_at(whole.len());
    for (word, chunk) in first.iter().zip(whole) {
        *chunk = word.load(Ordering::Relaxed).to_le_bytes();
    }
    if !rest.is_empty() {
        let padded = last[0].load(Ordering::Relaxed).to_le_bytes();
        rest.copy_from_slice(&padded[..rest.len()]);
    }
}
