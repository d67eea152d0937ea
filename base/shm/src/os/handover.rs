//! Descriptors from one side to the other in an agreed order, within one deadline.

use super::{ChannelError, DescriptorChannel, RangeError, RegionError, RejectError};
use std::fmt;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// A hand-over under way: all its steps together have one deadline, so a peer can't
/// take so long at each.
#[derive(Debug)]
pub struct Handover<'channel> {
    channel: &'channel DescriptorChannel,
    started: Instant,
    timeout: Duration,
}

impl<'channel> Handover<'channel> {
    /// Begins now, and is to be done within `timeout`.
    #[must_use]
    pub fn new(channel: &'channel DescriptorChannel, timeout: Duration) -> Self {
        Handover { channel, started: Instant::now(), timeout }
    }

    /// Sends a copy of `descriptor` under `id`.
    ///
    /// # Errors
    /// [`ConnectError::Channel`].
    pub fn send(&self, id: [u8; 16], descriptor: BorrowedFd<'_>) -> Result<(), ConnectError> {
        Ok(self.channel.send_timeout(id, descriptor, self.left())?)
    }

    /// Waits for the descriptor that comes next, which is to come under `id`.
    ///
    /// # Errors
    /// [`ConnectError::Channel`], [`ConnectError::Unexpected`] for another id.
    pub fn expect(&self, id: [u8; 16]) -> Result<OwnedFd, ConnectError> {
        let (found, descriptor) = self.channel.recv_timeout(self.left())?;
        if found == id { Ok(descriptor) } else { Err(ConnectError::Unexpected { id: found }) }
    }

    fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.started.elapsed())
    }
}

/// Two sides that were not connected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// Memory for this side can't be had.
    Region(RegionError),
    /// The peer's memory isn't what it is to be.
    Rejected(RejectError),
    /// The peer is gone or late, or sent something that is no bell.
    Channel(ChannelError),
    /// A descriptor came under another id than the hand-over has here.
    Unexpected {
        /// The id.
        id: [u8; 16],
    },
    /// The layout doesn't fit into the region.
    Range(RangeError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(error) => error.fmt(f),
            Self::Rejected(error) => write!(f, "the peer's memory was refused: {error}"),
            Self::Channel(error) => error.fmt(f),
            Self::Unexpected { id } => {
                write!(f, "the peer sent a descriptor under the id {:?}", String::from_utf8_lossy(id))
            }
            Self::Range(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConnectError {}

macro_rules! from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for ConnectError {
            fn from(error: $from) -> Self {
                Self::$variant(error)
            }
        }
    )*};
}
from!(RegionError => Region, RejectError => Rejected, ChannelError => Channel, RangeError => Range);
