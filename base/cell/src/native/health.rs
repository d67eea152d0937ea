//! A heartbeat and a state, a line a side.

use super::epochs::OwnEpochs;
use super::record::Record;
use crate::{HEALTH_HEARTBEAT_OFFSET, HEALTH_STATE_OFFSET, HEALTH_TIME_OFFSET};
use ioi_shm::sync::Ordering;
use ioi_shm::{OwnWords, PeerWords};
use std::sync::Arc;

/// Heartbeat and state are one word, the time is the next.
const WORDS: usize = 2;
const _: () = assert!(HEALTH_HEARTBEAT_OFFSET < 8 && HEALTH_STATE_OFFSET < 8 && HEALTH_TIME_OFFSET == 8);

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
    words: OwnWords,
    heartbeat: u32,
    epochs: Arc<OwnEpochs>,
    epoch: u32,
}

impl OwnHealth {
    pub(super) fn new(words: OwnWords, epochs: Arc<OwnEpochs>, epoch: u32) -> Self {
        OwnHealth { words, heartbeat: 0, epochs, epoch }
    }

    /// Beats once and raises this side's health epoch.
    pub fn beat(&mut self, state: u32, time_ns: u64) {
        self.heartbeat = self.heartbeat.wrapping_add(1);
        let mut record = Record::<WORDS>::new();
        record
            .put_u32(HEALTH_HEARTBEAT_OFFSET, self.heartbeat)
            .put_u32(HEALTH_STATE_OFFSET, state)
            .put_u64(HEALTH_TIME_OFFSET, time_ns);
        let words = self.words.u64s();
        words[1].store(record.0[1], Ordering::Relaxed);
        words[0].store(record.0[0], Ordering::Release);
        self.epochs.raise(self.epoch);
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
        let record = Record::<WORDS>([first, words.load(1, Ordering::Relaxed)]);
        Health {
            heartbeat: record.u32(HEALTH_HEARTBEAT_OFFSET),
            state: record.u32(HEALTH_STATE_OFFSET),
            time_ns: record.u64(HEALTH_TIME_OFFSET),
        }
    }
}
