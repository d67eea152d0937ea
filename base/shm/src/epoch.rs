//! A counter that only grows: one side raises it, the others wait for it to move.

use crate::sync::{AtomicU32, Ordering};

/// One epoch that this side writes; the others read it as a [`Word`](crate::Word).
///
/// It counts by one at a time and wraps at 2³². That something changed is all it says;
/// what was written before it was raised is visible to whoever sees it raised.
#[derive(Clone, Copy, Debug)]
pub struct Epoch<'memory>(&'memory AtomicU32);

impl<'memory> Epoch<'memory> {
    /// An epoch in this word.
    #[must_use]
    pub fn new(word: &'memory AtomicU32) -> Self {
        Epoch(word)
    }

    /// Where it stands. Acquires what was released by the `raise` that made it so.
    #[must_use]
    pub fn current(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// Moves on by one, and says to what. For the one side that writes it.
    ///
    /// Sleepers have to be woken after it: [`os::wake`](crate::os::wake).
    pub fn raise(&self) -> u32 {
        let next = self.0.load(Ordering::Relaxed).wrapping_add(1);
        self.0.store(next, Ordering::Release);
        next
    }

    /// The word, for a sleep on it.
    #[must_use]
    pub fn word(&self) -> &'memory AtomicU32 {
        self.0
    }
}
