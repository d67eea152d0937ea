//! The 32 epochs: counters that say that something changed, and that can be slept on.

use ioi_shm::sync::AtomicU32;
use ioi_shm::{Epoch, OwnWords, PeerWords, SystemError, Word, wait, wake};
use std::time::Duration;

/// The epochs that this side raises.
#[derive(Debug)]
pub struct OwnEpochs(pub(super) OwnWords<AtomicU32>);

impl OwnEpochs {
    /// Moves epoch `number` on by one and wakes whoever sleeps on it.
    ///
    /// # Panics
    /// When there is no such epoch.
    pub fn raise(&self, number: u32) -> u32 {
        let word = &self.0.u32s()[number as usize];
        let now = Epoch::new(word).raise();
        wake(word);
        now
    }
}

/// The epochs that the other side raises.
#[derive(Debug)]
pub struct PeerEpochs(pub(super) PeerWords<AtomicU32>);

impl PeerEpochs {
    /// Where epoch `number` stands.
    ///
    /// # Panics
    /// When there is no such epoch.
    #[must_use]
    pub fn current(&self, number: u32) -> u32 {
        self.word(number).load(ioi_shm::sync::Ordering::Acquire)
    }

    /// Sleeps while epoch `number` is `seen`, at most `timeout`; false when the time was up.
    ///
    /// # Errors
    /// [`SystemError`] when the kernel refuses.
    ///
    /// # Panics
    /// When there is no such epoch.
    pub fn wait(&self, number: u32, seen: u32, timeout: Duration) -> Result<bool, SystemError> {
        wait(self.word(number), seen, timeout)
    }

    fn word(&self, number: u32) -> Word<'_> {
        self.0.u32(number as usize)
    }
}
