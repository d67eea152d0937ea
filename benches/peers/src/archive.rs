//! The message of the untrusted rows: an rkyv archive of texts, which must be valid UTF-8 and lie
//! within the message, each of them checked before the first is used.
#![allow(unsafe_code, reason = "one thread reads the part of a buffer that the other has filled")]

use crate::cell::BULK_BYTES;
use crate::pin::pin;
use anyhow::{Context, Result, anyhow, ensure};
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Serialize};
use std::sync::mpsc;
use std::thread::ScopedJoinHandle;

const TEXT_BYTES: usize = 4096;
/// Of an archived text beside its bytes, and some room for the root.
const ENTRY_BYTES: usize = 16;
const WORD: usize = size_of::<u64>();
/// It stays in the cache of a core.
pub const PIECE_BYTES: usize = 256 << 10;

/// A slice of a context: texts with their ids.
#[derive(Archive, Serialize)]
struct Slice {
    id: u64,
    texts: Vec<Text>,
}

#[derive(Archive, Serialize)]
struct Text {
    id: u64,
    text: String,
}

/// An archive of a little less than 50 MiB.
pub fn build() -> Result<AlignedVec> {
    let count = BULK_BYTES / (TEXT_BYTES + ENTRY_BYTES) - 1;
    let sentence = "A view exists only over memory that nobody can still write. ";
    let text: String = sentence.chars().cycle().take(TEXT_BYTES).collect();
    let texts = (0..count as u64).map(|id| Text { id, text: text.clone() }).collect();
    let archive = rkyv::to_bytes::<Error>(&Slice { id: 1, texts })?;
    ensure!(archive.len() + WORD <= BULK_BYTES, "the archive is larger than the bulk size");
    ensure!(archive.len().is_multiple_of(WORD), "the archive can't end where a message ends");
    Ok(archive)
}

/// Checks all of it and returns how many texts it holds.
pub fn validate(archive: &[u8]) -> Result<u64> {
    let slice = rkyv::access::<ArchivedSlice, Error>(archive).context("the archive is not valid")?;
    Ok(slice.texts.len() as u64)
}

/// Where a copy shows each piece that has landed.
pub type Show<'a> = &'a mut dyn FnMut(&[u8]);

/// Memory of this process that is reused for one copy after the other.
pub struct Private {
    bytes: AlignedVec,
}

impl Private {
    /// Touched at once, so that no page fault is timed.
    pub fn new(bytes_max: usize) -> Self {
        let mut bytes = AlignedVec::new();
        bytes.resize(bytes_max, 1);
        Self { bytes }
    }

    /// The first word of the last copy.
    pub fn head(&self) -> u64 {
        crate::payload::head(&self.bytes)
    }

    /// Lets `copy` fill `bytes` bytes once. It is given the room and a place to show each piece that
    /// has landed, while it is in the cache.
    pub fn copy(
        &mut self,
        bytes: usize,
        copy: impl FnOnce(&mut [u8], Show<'_>),
        mut landed: impl FnMut(&[u8]),
    ) -> Result<&[u8]> {
        ensure!(bytes <= self.bytes.len(), "the message is larger than the private memory");
        let own = &mut self.bytes[..bytes];
        copy(own, &mut landed);
        Ok(own)
    }

    /// The same, with a second thread on another core that hashes what has landed, while this one
    /// goes on to `examine` the copy.
    pub fn copy_hashed_aside<T>(
        &mut self,
        bytes: usize,
        copy: impl FnOnce(&mut [u8], Show<'_>),
        core: usize,
        examine: impl FnOnce(&[u8]) -> T,
    ) -> Result<(T, blake3::Hash)> {
        let (landed, pieces) = mpsc::channel::<Landed>();
        std::thread::scope(|scope| {
            let hasher = scope.spawn(move || hash_all(pieces, core));
            // A hasher that has ended says why when it is joined.
            let own =
                self.copy(bytes, copy, move |piece| _ = landed.send(Landed(piece.as_ptr(), piece.len())))?;
            let value = examine(own);
            Ok((value, join(hasher)?))
        })
    }
}

/// How a message in memory is copied: piece by piece.
pub fn pieces_of(message: &[u8]) -> impl FnOnce(&mut [u8], Show<'_>) {
    |own, landed| {
        for (own, theirs) in own.chunks_mut(PIECE_BYTES).zip(message.chunks(PIECE_BYTES)) {
            own.copy_from_slice(theirs);
            landed(own);
        }
    }
}

/// Where a piece of the private memory lies that is not written any more.
struct Landed(*const u8, usize);

// SAFETY: it says where bytes lie; reading them is the receiver's business.
unsafe impl Send for Landed {}

fn hash_all(pieces: mpsc::Receiver<Landed>, core: usize) -> Result<blake3::Hash> {
    pin(core)?;
    let mut hasher = blake3::Hasher::new();
    for Landed(start, bytes) in pieces {
        // SAFETY: a piece of the private memory, which outlives the scope of this thread; whoever
        // copies shows it once it has landed and writes it no more.
        hasher.update(unsafe { std::slice::from_raw_parts(start, bytes) });
    }
    Ok(hasher.finalize())
}

/// Hashes on another core what lies still, while this one goes on to `examine` it.
pub fn hashed_aside<T>(
    message: &[u8],
    core: usize,
    examine: impl FnOnce(&[u8]) -> T,
) -> Result<(T, blake3::Hash)> {
    std::thread::scope(|scope| {
        let hasher = scope.spawn(move || {
            pin(core)?;
            Ok(blake3::hash(message))
        });
        let value = examine(message);
        Ok((value, join(hasher)?))
    })
}

fn join(hasher: ScopedJoinHandle<'_, Result<blake3::Hash>>) -> Result<blake3::Hash> {
    hasher.join().map_err(|_| anyhow!("the hasher panicked"))?
}

/// Whether rkyv can look at it where it lies.
pub fn is_aligned(message: &[u8]) -> bool {
    message.as_ptr().addr().is_multiple_of(align_of::<ArchivedSlice>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_with_a_byte_that_is_no_utf_8_is_refused() {
        let mut archive = build().unwrap();
        assert_eq!(validate(&archive).unwrap(), (BULK_BYTES / (TEXT_BYTES + ENTRY_BYTES) - 1) as u64);
        archive[30 << 20] = 0xff;
        assert!(validate(&archive).is_err());
    }

    #[test]
    fn a_copy_is_the_same_and_hashed_as_one() {
        let message: Vec<u8> = (0..PIECE_BYTES * 2 + 77).map(|index| index as u8).collect();
        let mut hasher = blake3::Hasher::new();
        let mut private = Private::new(message.len());
        let copy = private.copy(message.len(), pieces_of(&message), |piece| _ = hasher.update(piece));
        assert_eq!(copy.unwrap(), message);
        assert_eq!(hasher.finalize(), blake3::hash(&message));
        private.copy(message.len(), |own, _| own.fill(0), |_| ()).unwrap();
        let copied =
            private.copy_hashed_aside(message.len(), pieces_of(&message), 0, <[u8]>::to_vec).unwrap();
        assert_eq!(copied, (message.clone(), blake3::hash(&message)));
        assert!(Private::new(8).copy(message.len(), pieces_of(&message), |_| ()).is_err());
    }
}
