//! A table of entries, each changed as [`seqlock`] says.

use super::record::Record;
use crate::protocol::seqlock::{self, Look};
use ioi_shm::sync::{AtomicU64, Ordering};
use ioi_shm::{OwnWords, PeerWords};

/// How often a reader tries again before it says that the owner is always writing.
const TRIES: usize = 64;

/// The entry changes all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsteady;

/// A table of entries of `N` words that this side writes.
#[derive(Debug)]
pub(super) struct OwnTable<const N: usize> {
    words: OwnWords,
    key: usize,
}

impl<const N: usize> OwnTable<N> {
    /// The key is the word at byte `key` of an entry.
    pub(super) fn new(words: OwnWords, key: u32) -> Self {
        OwnTable { words, key: key as usize / 8 }
    }

    pub(super) fn count(&self) -> usize {
        self.words.u64s().len() / N
    }

    pub(super) fn set(&self, index: usize, record: &Record<N>) {
        seqlock::store(self.entry(index), self.key, &record.0);
    }

    /// What this side wrote.
    pub(super) fn get(&self, index: usize) -> Record<N> {
        Record(std::array::from_fn(|at| self.entry(index)[at].load(Ordering::Relaxed)))
    }

    /// The first entry of which that is true.
    pub(super) fn position(&self, is_it: impl Fn(&Record<N>) -> bool) -> Option<usize> {
        (0..self.count()).find(|index| is_it(&self.get(*index)))
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
    pub(super) fn new(words: PeerWords, key: u32) -> Self {
        PeerTable { words, key: key as usize / 8 }
    }

    pub(super) fn count(&self) -> usize {
        self.words.u64s().count() / N
    }

    /// The entry as it was at one moment; `None` while it is empty or being changed.
    pub(super) fn get(&self, index: usize) -> Result<Option<Record<N>>, Unsteady> {
        settle(|| seqlock::look(self.words.u64s(), index * N, self.key))
    }
}

/// Looks until the entry is at rest, but not for ever.
fn settle<const N: usize>(mut look: impl FnMut() -> Look<N>) -> Result<Option<Record<N>>, Unsteady> {
    for _ in 0..TRIES {
        match look() {
            Look::Empty => return Ok(None),
            Look::Copy(copy) => return Ok(Some(Record(copy))),
            Look::Changed => std::hint::spin_loop(),
        }
    }
    Err(Unsteady)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ioi_shm::{OwnMemory, PeerMemory};
    use std::sync::atomic::{AtomicBool, AtomicU32};
    use std::thread;

    #[test]
    fn an_entry_that_is_never_at_rest_is_given_up_and_one_that_comes_to_rest_is_read() {
        let mut looks = 0;
        let never = settle::<1>(|| {
            looks += 1;
            assert!(looks <= 1000, "it goes on for ever");
            Look::Changed
        });
        assert_eq!((never, looks), (Err(Unsteady), TRIES));
        for (last, wanted) in [(Look::Copy([7]), Some(Record([7]))), (Look::Empty, None)] {
            let mut left = TRIES;
            let found = settle(|| {
                left -= 1;
                if left > 0 { Look::Changed } else { last }
            });
            assert_eq!(found, Ok(wanted));
        }
    }

    #[test]
    fn no_copy_is_made_of_two_contents() {
        const WORDS: usize = 32;
        const COPIES_MIN: u32 = 1000;
        let memory = OwnMemory::create(4096, 4096).unwrap();
        let reader = PeerMemory::accept(memory.reader_descriptor().unwrap(), 4096, 4096).unwrap();
        let own = OwnTable::<WORDS>::new(memory.words(0..4096).unwrap(), 5 * 8);
        let other = PeerTable::<WORDS>::new(reader.words(0..4096).unwrap(), 5 * 8);
        // The writer goes on until enough was copied, however busy the machine is.
        let (last, copies) = (AtomicU32::new(0), AtomicU32::new(0));
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut n = 0;
                while n < 1_000_000 || copies.load(Ordering::Relaxed) < COPIES_MIN {
                    n += 1;
                    own.set(1, &Record([n.into(); WORDS]));
                }
                last.store(n, Ordering::Relaxed);
                done.store(true, Ordering::Release);
            });
            let mut newest = 0;
            while !done.load(Ordering::Acquire) {
                if let Ok(Some(Record(copy))) = other.get(1) {
                    assert!(copy.iter().all(|word| *word == copy[0]), "{copy:?}");
                    assert!(copy[0] >= newest, "an older content after a newer");
                    copies.fetch_add(u32::from(copy[0] > newest), Ordering::Relaxed);
                    newest = copy[0];
                }
            }
        });
        assert!(copies.load(Ordering::Relaxed) >= COPIES_MIN);
        assert_eq!(other.get(1), Ok(Some(Record([last.load(Ordering::Relaxed).into(); WORDS]))));
        assert_eq!(other.get(0), Ok(None));
    }
}
