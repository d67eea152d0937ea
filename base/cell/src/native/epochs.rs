//! The 32 epochs: counters that say that something changed, and that can be slept on.

use crate::{
    EPOCH_HEALTH_HOST, EPOCH_HEALTH_PEER, EPOCH_HISTORY, EPOCH_INBOX, EPOCH_MODULES_FIRST, EPOCH_OUTBOX,
    EPOCH_PATTERN, EPOCH_PING_PONG, EPOCH_REGISTRY, EPOCH_SHUTDOWN, EPOCH_SUPERVISOR, EPOCH_SYSCALL,
};
use ioi_shm::{Epoch, OwnWords, PeerWords, SystemError, Word, wait, wake};
use std::time::Duration;

const fn bits(epochs: &[u32]) -> u32 {
    let (mut at, mut bits) = (0, 0);
    while at < epochs.len() {
        bits |= 1 << epochs[at];
        at += 1;
    }
    bits
}

const MODULES: u32 = u32::MAX << EPOCH_MODULES_FIRST;
/// Which epochs the host raises, a bit each.
pub(super) const BY_HOST: u32 = MODULES
    | bits(&[
        EPOCH_INBOX,
        EPOCH_REGISTRY,
        EPOCH_SUPERVISOR,
        EPOCH_HEALTH_HOST,
        EPOCH_PATTERN,
        EPOCH_HISTORY,
        EPOCH_SHUTDOWN,
    ]);
/// Which the peer raises.
pub(super) const BY_PEER: u32 =
    MODULES | bits(&[EPOCH_OUTBOX, EPOCH_HEALTH_PEER, EPOCH_SYSCALL, EPOCH_PING_PONG]);
const _: () = assert!(BY_HOST & BY_PEER == MODULES, "each epoch but those of modules has one side");

/// The epochs that this side raises.
#[derive(Debug)]
pub struct OwnEpochs {
    words: OwnWords,
    may_raise: u32,
}

impl OwnEpochs {
    pub(super) fn new(words: OwnWords, may_raise: u32) -> Self {
        OwnEpochs { words, may_raise }
    }

    /// Moves epoch `number` on by one and wakes whoever sleeps on it.
    ///
    /// # Panics
    /// When this side has no such epoch: the other one raises it, or it is unused.
    pub fn raise(&self, number: u32) -> u32 {
        let is_own = self.may_raise.checked_shr(number).is_some_and(|bits| bits & 1 == 1);
        assert!(is_own, "epoch {number} is not raised by this side");
        let word = &self.words.u32s()[number as usize];
        let now = Epoch::new(word).raise();
        wake(word);
        now
    }

    /// Where epoch `number` stands.
    ///
    /// # Panics
    /// When there is no such epoch.
    #[must_use]
    pub fn current(&self, number: u32) -> u32 {
        self.words.u32s()[number as usize].load(ioi_shm::sync::Ordering::Relaxed)
    }
}

/// The epochs that the other side raises.
#[derive(Debug)]
pub struct PeerEpochs(pub(super) PeerWords);

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
