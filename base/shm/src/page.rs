//! The part of a region that one side writes and the other only reads.

use crate::copy;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use alloc::boxed::Box;
use alloc::sync::Arc;

/// Control words in front of a page's data: two lines of 128 bytes.
pub const CONTROL_WORDS: usize = 64;

/// The control word that counts what was published, taken or written; a futex word.
pub(crate) const INDEX: usize = 0;
/// The capacity of a byte ring, beside its index.
pub(crate) const CAPACITY: usize = 1;
/// Where the owner of the page wants to be woken, on a line of its own.
pub(crate) const WAKE_AT: usize = 32;

/// The words that this side writes: 64 of control, and data behind them.
///
/// All access is by atomics, so a peer that writes where it shouldn't makes wrong
/// values, never undefined behaviour. Two parts of one region never overlap in
/// words of different sizes: the layouts in `docs/design/data-plane.md` see to it.
pub trait OwnPage {
    /// The control words.
    fn control(&self) -> &[AtomicU32; CONTROL_WORDS];
    /// The data, in words of 8 bytes; empty for a side that sends none.
    fn data(&self) -> &[AtomicU64];
}

/// A page whose data can be written in place: nothing else in this process refers to them.
pub trait OwnBytes: OwnPage {
    /// Some of the data, by their distance from the first byte.
    ///
    /// # Panics
    /// When the page has fewer.
    fn bytes_mut(&mut self, range: core::ops::Range<usize>) -> &mut [u8];
}

/// The words that the peer writes. They can be read, and that is all: here they
/// are mapped read-only.
pub trait PeerPage {
    /// Control word `index`.
    fn control(&self, index: usize) -> Word<'_>;
    /// The data.
    fn data(&self) -> Words<'_>;
}

/// One word of a peer.
#[derive(Clone, Copy, Debug)]
pub struct Word<'memory>(&'memory AtomicU32);

impl<'memory> Word<'memory> {
    /// A word to be read only.
    #[must_use]
    pub fn new(word: &'memory AtomicU32) -> Self {
        Word(word)
    }

    /// Its value now.
    #[inline]
    #[must_use]
    pub fn load(self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    /// For a sleep on it.
    #[cfg(feature = "os")]
    pub(crate) fn atomic(self) -> &'memory AtomicU32 {
        self.0
    }
}

/// Words of a peer, 8 bytes each.
#[derive(Clone, Copy, Debug)]
pub struct Words<'memory>(&'memory [AtomicU64]);

impl<'memory> Words<'memory> {
    /// Words to be read only.
    #[must_use]
    pub fn new(words: &'memory [AtomicU64]) -> Self {
        Words(words)
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.0.len()
    }

    /// The value of word `index` now.
    ///
    /// # Panics
    /// When there is no such word.
    #[inline]
    #[must_use]
    pub fn load(self, index: usize, order: Ordering) -> u64 {
        self.0[index].load(order)
    }

    /// Copies as many bytes as `into` has, from word `start` on; each word is read once.
    ///
    /// # Panics
    /// When there are not so many.
    #[inline]
    pub fn copy_to(self, start: usize, into: &mut [u8]) {
        copy::load(&self.0[start..], into);
    }

    /// Some of them.
    #[inline]
    pub(crate) fn range(self, range: core::ops::Range<usize>) -> Self {
        Words(&self.0[range])
    }
}

/// A page on the heap: two threads of one process, tests, models.
#[derive(Clone, Debug)]
pub struct LocalPage(Arc<Local>);

#[derive(Debug)]
struct Local {
    control: Box<[AtomicU32; CONTROL_WORDS]>,
    data: Box<[AtomicU64]>,
}

impl LocalPage {
    /// A page of zeros with `words` words of data.
    #[must_use]
    pub fn new(words: usize) -> LocalPage {
        let control = Box::new(core::array::from_fn(|_| AtomicU32::new(0)));
        let data = (0..words).map(|_| AtomicU64::new(0)).collect();
        LocalPage(Arc::new(Local { control, data }))
    }
}

impl OwnPage for LocalPage {
    fn control(&self) -> &[AtomicU32; CONTROL_WORDS] {
        &self.0.control
    }

    fn data(&self) -> &[AtomicU64] {
        &self.0.data
    }
}

impl PeerPage for LocalPage {
    fn control(&self, index: usize) -> Word<'_> {
        Word(&self.0.control[index])
    }

    fn data(&self) -> Words<'_> {
        Words(&self.0.data)
    }
}
