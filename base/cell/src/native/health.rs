//! A heartbeat and a state, a line a side.

use ioi_shm::sync::Ordering;
use ioi_shm::{OwnWords, PeerWords};

/// What a side says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Counts up with every beat.
    pub heartbeat: u32,
    /// One of the `HEALTH_STATE_…` numbers; a peer may say anything.
    pub state: u32,
    /// Its monotonic clock at the beat, in nanoseconds.
    pub time_ns: u64,
}

/// The line that this side writes.
#[derive(Debug)]
pub struct OwnHealth {
    pub(super) words: OwnWords,
    pub(super) heartbeat: u32,
}

impl OwnHealth {
    /// Beats once.
    pub fn beat(&mut self, state: u32, time_ns: u64) {
        self.heartbeat = self.heartbeat.wrapping_add(1);
        let words = self.words.u64s();
        words[1].store(time_ns, Ordering::Relaxed);
        words[0].store(u64::from(self.heartbeat) | u64::from(state) << 32, Ordering::Release);
    }
}

/// The line that the other side writes.
#[derive(Debug)]
pub struct PeerHealth(pub(super) PeerWords);

impl PeerHealth {
    /// The last beat. Its time may be that of the next one: it is for people to look at.
    #[must_use]
    pub fn last(&self) -> Health {
        let words = self.0.u64s();
        let first = words.load(0, Ordering::Acquire);
        let (heartbeat, state) = (first as u32, (first >> 32) as u32);
        Health { heartbeat, state, time_ns: words.load(1, Ordering::Relaxed) }
    }
}
