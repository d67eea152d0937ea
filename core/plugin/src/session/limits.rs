//! What two sides agree on, and what every version 1 session fixes.

use crate::message;

/// Bytes buffered at most before the handshake ends: one whole frame.
pub const HANDSHAKE_BYTES_MAX: usize = 64 * 1024;
/// From the session's start to its end of handshake.
pub const HANDSHAKE_MS: u64 = 5_000;
/// From a frame's first byte to its last.
pub const FRAME_MS: u64 = 30_000;
/// Credit that a stream starts with, in payload bytes.
pub const STREAM_CREDIT_BYTES: u64 = 256 * 1024;
/// Credit that each direction of a session starts with.
pub const SESSION_CREDIT_BYTES: u64 = 4 * 1024 * 1024;
/// What a chunk without payload costs, so that endless empty ones run out too.
pub const EMPTY_CHUNK_COST: u64 = 64;
/// Heartbeats that a peer may send in one interval.
pub const HEARTBEATS_PER_INTERVAL_MAX: u32 = 16;

const PAYLOAD_RANGE: std::ops::RangeInclusive<u32> = 4 * 1024..=16 * 1024 * 1024;
const CALLS_RANGE: std::ops::RangeInclusive<u32> = 1..=4096;
const INTERVAL_RANGE: std::ops::RangeInclusive<u32> = 100..=600_000;
const MISSES_RANGE: std::ops::RangeInclusive<u32> = 1..=100;

/// What holds for one session. Each field is the smaller of the two offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest payload, 4 KiB to 16 MiB.
    pub payload_bytes_max: u32,
    /// Calls that each side may have open at once, 1 to 4096.
    pub calls_max: u32,
    /// How often a side shows that it is there, 100 ms to 10 minutes.
    pub heartbeat_interval_ms: u32,
    /// Unanswered heartbeats that end the session, 1 to 100.
    pub heartbeat_misses_max: u32,
}

impl Default for Limits {
    /// 1 MiB, 256 calls, 5 s, 3 misses.
    fn default() -> Self {
        Self {
            payload_bytes_max: 1024 * 1024,
            calls_max: 256,
            heartbeat_interval_ms: 5_000,
            heartbeat_misses_max: 3,
        }
    }
}

impl Limits {
    /// Whether every field lies in its range.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        PAYLOAD_RANGE.contains(&self.payload_bytes_max)
            && CALLS_RANGE.contains(&self.calls_max)
            && INTERVAL_RANGE.contains(&self.heartbeat_interval_ms)
            && MISSES_RANGE.contains(&self.heartbeat_misses_max)
    }

    /// The smaller of each field.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            payload_bytes_max: self.payload_bytes_max.min(other.payload_bytes_max),
            calls_max: self.calls_max.min(other.calls_max),
            heartbeat_interval_ms: self.heartbeat_interval_ms.min(other.heartbeat_interval_ms),
            heartbeat_misses_max: self.heartbeat_misses_max.min(other.heartbeat_misses_max),
        }
    }

    pub(crate) fn to_wire(self) -> message::Limits {
        message::Limits {
            payload_bytes_max: self.payload_bytes_max,
            calls_max: self.calls_max,
            heartbeat_interval_ms: self.heartbeat_interval_ms,
            heartbeat_misses_max: self.heartbeat_misses_max,
        }
    }

    /// `None` when a field is outside its range.
    pub(crate) fn from_wire(wire: &message::Limits) -> Option<Self> {
        let limits = Self {
            payload_bytes_max: wire.payload_bytes_max,
            calls_max: wire.calls_max,
            heartbeat_interval_ms: wire.heartbeat_interval_ms,
            heartbeat_misses_max: wire.heartbeat_misses_max,
        };
        limits.is_valid().then_some(limits)
    }
}
