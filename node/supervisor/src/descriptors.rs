//! The supervisor's end of a child's descriptor channel.

use crate::Refused;
use ioi_cell::native::{Host, Offer};
use ioi_port::{HEART_QUOTA, HEART_TIER};
use ioi_shm::{ChannelError, DescriptorChannel};
use ioi_types::{ErrorCode, TransferId};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// A child that takes no descriptor for this long is at fault.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) struct Descriptors {
    channel: AsyncFd<DescriptorChannel>,
    /// One packet at a time, in the order of asking.
    turn: tokio::sync::Mutex<()>,
}

impl Descriptors {
    /// A connected pair: our end, and the child's.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = DescriptorChannel::pair().map_err(io::Error::other)?;
        Ok((Self { channel: ioi_port::watch(ours)?, turn: tokio::sync::Mutex::new(()) }, theirs.into()))
    }

    /// Makes a cell and sends it, for a process that is still to be started; what it sends is stamped with `peer`.
    pub(crate) fn offer(&self, peer: u32) -> io::Result<Offer> {
        Host::offer(self.channel.get_ref(), HEART_TIER, peer, HEART_QUOTA, TIMEOUT).map_err(io::Error::other)
    }

    /// The next descriptor that comes from the child, with its id.
    ///
    /// # Errors
    /// When the child is gone.
    pub(crate) async fn receive(&self) -> Result<([u8; 16], OwnedFd), ChannelError> {
        loop {
            let mut ready = self.channel.readable().await.map_err(|_| ChannelError::Closed)?;
            match self.channel.get_ref().try_recv() {
                Ok(Some(packet)) => return Ok(packet),
                Ok(None) => ready.clear_ready(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends one descriptor under the id that its receiver chose.
    pub(crate) async fn send(&self, id: TransferId, descriptor: OwnedFd) -> Result<(), Refused> {
        let failed = |message: String| Refused { code: ErrorCode::TransferUnknown, message };
        let _turn = self.turn.lock().await;
        let sending = async {
            loop {
                let mut ready = self.channel.writable().await.map_err(|error| failed(error.to_string()))?;
                match self.channel.get_ref().try_send(id.0, descriptor.as_fd()) {
                    Ok(true) => return Ok(()),
                    Ok(false) => ready.clear_ready(),
                    Err(error) => return Err(failed(format!("a descriptor can't be sent: {error}"))),
                }
            }
        };
        let late = |_| Err(failed("the process takes no descriptors".into()));
        tokio::time::timeout(TIMEOUT, sending).await.unwrap_or_else(late)
    }
}
