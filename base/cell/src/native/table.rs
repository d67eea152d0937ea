//! One entry of a table that its owner changes while others read it.
//!
//! One word of each entry is its key: 0 while the entry is empty or being changed, and
//! never twice the same for two contents that a reader could mix up. The owner stores
//! 0, a fence, the other words, then the key with Release. A reader acquires the key,
//! copies the words, a fence, and reads the key again: if it is the same, the copy is
//! one entry (Boehm, "Can seqlocks get along with programming language memory
//! models?", 2012).

use ioi_shm::sync::{AtomicU64, Ordering, fence};
use ioi_shm::{OwnWords, PeerWords};

/// How often a reader tries again before it says that the owner is always writing.
const TRIES: usize = 64;

/// The entry changes all the time, or its owner keeps it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsteady;

/// A table of entries of `N` words that this side writes.
#[derive(Debug)]
pub(super) struct OwnTable<const N: usize> {
    words: OwnWords,
    key: usize,
}

impl<const N: usize> OwnTable<N> {
    pub(super) fn new(words: OwnWords, key: usize) -> Self {
        OwnTable { words, key }
    }

    pub(super) fn count(&self) -> usize {
        self.words.u64s().len() / N
    }

    pub(super) fn set(&self, index: usize, values: &[u64; N]) {
        debug_assert!(values[self.key] != 0, "0 is for empty entries");
        let entry = self.entry(index);
        entry[self.key].store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        for at in (0..N).filter(|at| *at != self.key) {
            entry[at].store(values[at], Ordering::Relaxed);
        }
        entry[self.key].store(values[self.key], Ordering::Release);
    }

    pub(super) fn clear(&self, index: usize) {
        self.entry(index)[self.key].store(0, Ordering::Release);
    }

    /// What this side wrote.
    pub(super) fn get(&self, index: usize) -> [u64; N] {
        std::array::from_fn(|at| self.entry(index)[at].load(Ordering::Relaxed))
    }

    fn entry(&self, index: usize) -> &[AtomicU64] {
        &self.words.u64s()[index * N..(index + 1) * N]
    }
}

/// A table of entries of `N` words that the other side writes.
#[derive(Debug)]
pub(super) struct PeerTable<const N: usize> {
    words: PeerWords,
    key: usize,
}

impl<const N: usize> PeerTable<N> {
    pub(super) fn new(words: PeerWords, key: usize) -> Self {
        PeerTable { words, key }
    }

    pub(super) fn count(&self) -> usize {
        self.words.u64s().count() / N
    }

    /// The entry as it was at one moment; `None` while it is empty.
    pub(super) fn get(&self, index: usize) -> Result<Option<[u64; N]>, Unsteady> {
        let words = self.words.u64s();
        for _ in 0..TRIES {
            // Acquires the Release of `set`.
            let key = words.load(index * N + self.key, Ordering::Acquire);
            if key == 0 {
                return Ok(None);
            }
            let copy = std::array::from_fn(|at| words.load(index * N + at, Ordering::Relaxed));
            fence(Ordering::Acquire);
            if words.load(index * N + self.key, Ordering::Relaxed) == key && copy[self.key] == key {
                return Ok(Some(copy));
            }
            std::hint::spin_loop();
        }
        Err(Unsteady)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_shm::{OwnMemory, PeerMemory};
    use std::sync::atomic::AtomicBool;
    use std::thread;

    #[test]
    fn no_copy_is_made_of_two_contents() {
        const WORDS: usize = 32;
        let memory = OwnMemory::create(4096, 4096).unwrap();
        let reader = PeerMemory::accept(memory.reader_descriptor().unwrap(), 4096, 4096).unwrap();
        let own = OwnTable::<WORDS>::new(memory.words(0..4096).unwrap(), 5);
        let other = PeerTable::<WORDS>::new(reader.words(0..4096).unwrap(), 5);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                (1..3_000_000).for_each(|n| own.set(1, &[n; WORDS]));
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                if let Ok(Some(copy)) = other.get(1) {
                    assert!(copy.iter().all(|word| *word == copy[0]), "{copy:?}");
                }
            }
        });
        assert_eq!(other.get(1), Ok(Some([2_999_999; WORDS])));
        assert_eq!(other.get(0), Ok(None));
    }
}
