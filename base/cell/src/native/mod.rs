//! The map between two processes: two regions of the same layout, each written by one side.
//!
//! # The hand-over
//! The host makes both regions. It sends its own, read-only, under `ioi-cell-host\0\0\0`,
//! the peer's, to be written, under `ioi-cell-peer\0\0\0`, and a bell under
//! `ioi-cell-bell\0\0\0`. The peer maps both and answers with its bell under the same
//! id; then the host seals the peer's region, so that nobody writes it but through the
//! mapping that exists. The peer trusts the host, which started it; the host believes
//! nothing that it reads.
//!
//! # The round
//! The host writes an instruction into the inbox and raises its epoch; the peer
//! computes in the arena and writes the result to the outbox; a viewer reads the
//! active one of two ping-pong buffers.

mod boxes;
mod connect;
mod epochs;
mod health;
mod ping_pong;
mod place;
mod record;
mod table;
mod tables;

pub use boxes::{BoxError, BoxReader, BoxWriter};
pub use connect::{Bytes, Host, Offer, Peer};
pub use epochs::{OwnEpochs, PeerEpochs};
pub use health::{Health, OwnHealth, PeerHealth};
pub use ioi_shm::ConnectError;
pub use ping_pong::{Busy, Claim, LookError, Picture, PingPongReader, PingPongWriter};
pub use place::{PlaceError, Placed, Spill};
pub use tables::{
    HistoryEntry, OwnHistory, OwnPatterns, OwnRegistry, OwnSyscalls, Pattern, PeerHistory, PeerPatterns,
    PeerRegistry, PeerSupervisor, PeerSyscalls, RegistryEntry, SupervisorEntry, Syscall, TableError,
};

use crate::{TIER_DEDICATED_BYTES, TIER_HEAVY_BYTES, TIER_LIGHT_BYTES, TIER_MODERATE_BYTES};

/// How large each side's region may become. Memory is allocated as it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tier {
    /// 32 MiB.
    Light,
    /// 64 MiB.
    Moderate,
    /// 256 MiB.
    Heavy,
    /// 512 MiB.
    Dedicated,
}

impl Tier {
    /// The ceiling of one side's region in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(match self {
            Self::Light => TIER_LIGHT_BYTES,
            Self::Moderate => TIER_MODERATE_BYTES,
            Self::Heavy => TIER_HEAVY_BYTES,
            Self::Dedicated => TIER_DEDICATED_BYTES,
        })
    }
}
